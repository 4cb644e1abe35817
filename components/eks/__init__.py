"""The cluster of an environment in AWS, and its nodes."""
