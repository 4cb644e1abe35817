"""The backups that AWS itself takes: of file systems, and of whatever else is tagged for it."""
