"""A tenant: its namespace and everything that bounds it."""
