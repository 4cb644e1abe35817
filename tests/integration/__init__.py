"""The product as a user runs it: the real engine, providers and API server, on a small copy of the project."""
