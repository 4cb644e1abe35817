"""The secrets of an environment in AWS: made by the program, kept by the secret store, and shown to nobody."""
