"""A tenant's way back: its backup beside what is there, verified, then swapped in by rename with the old one kept."""
