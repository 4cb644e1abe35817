"""Runs of the Pulumi engine for the `storefleet` command: set up, watched, limited in time, repaired."""
