"""How long a rule looks back, and how often it looks: production's pace, and a quicker one for a model of it."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Durations in whole seconds. Rules are the same at every pace; only these differ."""

    interval: int = 30
    """How often the rules are evaluated."""
    window: int = 300
    """Over which a rate is taken: at least four scrapes, so that one that is lost leaves a rate."""
    hour: int = 3600
    """What business figures are counted over."""
    day: int = 86_400
    """What stands in for last week while there was none."""
    week: int = 7 * 86_400
    """How far back the same weekday and hour lies."""

    def of(self, seconds: float) -> str:
        """Return seconds of production as a duration of this pace, at least its interval."""
        return f"{max(round(seconds * self.window / PRODUCTION.window), self.interval)}s"


PRODUCTION: Final = Pace()
