"""How long backups are kept, and what may go when they are not needed any more."""
