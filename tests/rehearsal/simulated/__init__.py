"""The simulated AWS of the rehearsal: moto, and what it lacks."""
