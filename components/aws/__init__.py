"""The AWS side of an environment as a whole: its plan, and the components in their order."""
