"""Whose a resource is and where it runs, as its labels or tags say, and thresholds that depend on it."""

from typing import Final

from pydantic import Field

from policy.frame import Resource, Settings
from policy.reading import is_mapping, text
from spec import labels
from spec.tiers import RETENTION, TIERS
from spec.vocabulary import Tier

PRODUCTION: Final = ("production", "dr")
"""Environments with customers' data in use: what is advice elsewhere is required there."""


def mark(resource: Resource, key: str) -> str | None:
    """Return a label of a Kubernetes object, or a tag of anything else; None when it has none.

    Raises:
        UnknownValue: it is not known yet.

    """
    if is_mapping(resource.props.get("metadata")):
        return text(resource.props, "metadata", "labels", key)
    return text(resource.props, "tags", key)


class EnvironmentSettings(Settings):
    """Which environments a rule, or a part of it, is meant for."""

    environments: tuple[str, ...] = Field(
        PRODUCTION,
        description="environments, by the label or tag storefleet.dev/environment, in which it is required; "
        "a resource that does not say where it runs counts as being in one of them",
    )

    def required_for(self, resource: Resource) -> bool:
        """Whether a resource runs where it is required."""
        return mark(resource, labels.ENVIRONMENT) in (None, *self.environments)


def _days(tier: Tier) -> int:
    return RETENTION[TIERS[tier].backup_class].days


class RetentionSettings(EnvironmentSettings):
    """How many days backups are kept at least: by tier where it is required, and anywhere else."""

    shared_days: int = Field(_days(Tier.SHARED), description="days, for a shared tenant or cell")
    hybrid_days: int = Field(_days(Tier.HYBRID), description="days, for a hybrid tenant or cell")
    dedicated_days: int = Field(
        _days(Tier.DEDICATED), description="days, for a dedicated tenant or cell, or if it has no tier"
    )
    other_days: int = Field(7, description="days, in environments where nothing more is required")

    def days_for(self, resource: Resource) -> int:
        """Return the days for a resource's tier and environment."""
        if not self.required_for(resource):
            return self.other_days
        by_tier = {Tier.SHARED.value: self.shared_days, Tier.HYBRID.value: self.hybrid_days}
        return by_tier.get(mark(resource, labels.TIER) or "", self.dedicated_days)
