"""The file systems of an environment in AWS: what the shops' processes share while they run."""
