"""The jobs of backup and recovery in the cluster."""
