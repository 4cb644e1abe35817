"""The keys that an environment's data in AWS are encrypted with."""
