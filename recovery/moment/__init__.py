"""A whole cell back to a point in time: from a base backup and the write-ahead log."""
