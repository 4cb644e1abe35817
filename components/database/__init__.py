"""The PostgreSQL of a cell: the cluster, its pooler, its backups, and a role and database a tenant."""
