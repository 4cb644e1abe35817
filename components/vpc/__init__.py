"""The network of an environment in AWS."""
