"""A small Python language host for the Pulumi engine.

It exists because the official host's module is not served by the Go module proxy. It runs programs
and policy packs, nothing else, and is never used beside an official Pulumi installation.
"""
