"""Release control: when a release may start, who gets it in which order, and how it is moved and taken back."""
