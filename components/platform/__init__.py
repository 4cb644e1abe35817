"""What all tenants of an environment share."""
