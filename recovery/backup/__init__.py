"""Logical backup of one tenant: the database first, then its files, then the manifest, which is what makes it one."""
