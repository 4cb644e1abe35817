"""Two releases told on the example tenants, in a model of the world: everything else is what a real release uses."""
