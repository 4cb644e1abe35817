"""What is done when something was lost: each folder is one kind of loss."""
