"""The spec layer: models, loaders, checks between files, and their messages."""
