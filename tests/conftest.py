"""Property tests fail for what they find, never for how long a busy machine takes to look for it."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "any-machine", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")
