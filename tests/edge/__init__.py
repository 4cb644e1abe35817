"""Requests through the real Traefik, as the platform configures it, to backends on this machine."""
