"""The programs that the embedded environment needs, pinned, found or built, and cached by content."""
