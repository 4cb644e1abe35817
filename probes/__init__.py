"""What asks a shop for something as one of its users would, to see whether it is done."""
