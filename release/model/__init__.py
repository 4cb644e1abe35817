"""A model of what shops, the ingress controller and PostgreSQL would measure: nothing of them runs behind it."""
