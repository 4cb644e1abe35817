"""What the documentation says of the project, held against the project."""
