"""What runs for a tenant: Odoo's processes, its routes and its tasks, as values of one chart."""
