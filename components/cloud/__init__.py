"""Which account and regions of AWS an environment is made in, and how they are reached."""
