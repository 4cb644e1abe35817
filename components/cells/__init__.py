"""A cell: the data namespace that its tenants share."""
