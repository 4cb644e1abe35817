"""Where the cluster of an environment comes from."""
