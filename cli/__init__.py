"""The `storefleet` command."""
