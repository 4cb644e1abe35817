"""The operators of a cluster: what is installed beside the tenants, from which chart, with which values."""
