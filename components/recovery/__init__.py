"""Backups of tenants and drills of cells: their jobs, the ways they may go, and the alerts about them."""
