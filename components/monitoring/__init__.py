"""What is measured, what counts as good, who is told otherwise, and where people look."""
