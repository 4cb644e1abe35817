"""How the internet reaches an environment in AWS: names, certificates and the balancer."""
