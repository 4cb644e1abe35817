"""The object store of backups: where each object is, how it is sealed, and how it is sent and read back."""
