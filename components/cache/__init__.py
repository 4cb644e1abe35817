"""The caches of an environment in AWS: where sessions are kept, if not in a pod of each cell."""
