"""Measurements. Ratios of two things in one run: absolute times say more about the machine."""
