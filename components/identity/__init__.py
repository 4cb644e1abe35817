"""Who may do what in AWS: workloads by namespace and service account, people by role."""
