"""PostgreSQL as backups and restores use it: its own programs, one snapshot, and a swap by rename."""
