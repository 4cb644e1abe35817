"""What people write: the frozen models of tenants and environments, their defaults and their loaders."""
