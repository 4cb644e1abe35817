"""What the operators of a cluster in AWS are told: custom resources of ours, one kind a module."""
