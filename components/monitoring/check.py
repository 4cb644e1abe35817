"""A check: a figure by tenant, and the bound that it is held to."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias


class Layer(StrEnum):
    """What a check is about. A gate passes when all three do."""

    PLATFORM = "platform"
    """What the shop stands on: delivery, database, backups, cache, nodes, certificates."""
    APPLICATION = "application"
    """Odoo itself: its answers, its processes, its modules, its jobs."""
    BUSINESS = "business"
    """What the retailer sells: orders, payments, stock."""


Need: TypeAlias = Literal["backups", "cache-pod", "order-probe"]
"""What an environment must have for a check to have a figure."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check: a figure by tenant, and the bound that it is held to."""

    layer: Layer
    name: str
    good: Literal["<=", ">=", "=="]
    """How a good figure stands to the threshold, which itself is good."""
    threshold: float
    unit: str
    """Unit of the figure and of the threshold: s, days, ratio, or what is counted."""
    source: str
    """Where the threshold comes from."""
    means: str
    """What it means for the shop when the check fails, in a clause."""
    needs: Need | None = None
    """What an environment must have, or it has no such check; None: every one has it."""

    @property
    def selector(self) -> str:
        """The labels of its series, as they stand in a query, without the tenant's."""
        return f'layer="{self.layer.value}",check="{self.name}"'

    def passes(self, value: float) -> bool:
        """Say whether a figure is good; one that is not a number is not."""
        if self.good == "==":
            return value == self.threshold
        return value <= self.threshold if self.good == "<=" else value >= self.threshold
