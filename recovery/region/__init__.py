"""The loss of a whole region: what the second region is rebuilt from, in which order, and how long it took."""
