"""The toolchain, the control plane and what they stand on, without building or starting a cluster."""
