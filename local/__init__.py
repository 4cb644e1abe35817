"""The embedded environment: its pinned toolchain, its control plane and the engine's language host."""
