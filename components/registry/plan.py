"""Which repositories of images an environment in AWS has, and how long they keep what."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from components.tagging import tags
from spec.aws import AwsSpec
from spec.cloud_names import PREFIX
from spec.environment import EnvironmentSpec
from spec.vocabulary import EnvironmentName, Sensitivity

REPOSITORIES: Final[Mapping[str, str]] = {
    "odoo": "Odoo with the modules of the shops: what tenants run.",
    "tools": "Backups, restores, migrations and checks: what works on tenants' data.",
    "charts": "Charts of a release, beside the images that they name.",
}
"""Name -> what is in it."""

UNTAGGED_DAYS: Final = 14
"""An image that lost its tag, or never had one, belongs to a build that failed. Parts of an image for several
architectures have no tag either; the registry keeps them as long as the whole."""
TRIAL_DAYS: Final = 60
TRIAL_PREFIXES: Final = ("dev-", "pr-")
"""Tags of images that were built to be tried, and are no release."""


@dataclass(frozen=True, kw_only=True)
class RepositoryPlan:
    """One repository; `key` is part of its URN, and `lifecycle` the policy that AWS takes."""

    key: str
    name: str
    lifecycle: str
    protect: bool
    tags: Mapping[str, str]
    why: str


@dataclass(frozen=True, kw_only=True)
class RegistryPlan:
    """The repositories, and the same ones in the second region, which the registry fills by itself."""

    account: str
    prefix: str
    address: str
    """What the names of images begin with, for the cluster of this environment."""
    repositories: tuple[RepositoryPlan, ...]
    far_region: str | None
    """Region that images are copied to."""
    reasons: tuple[str, ...]


def plan_registry(environment: EnvironmentSpec, aws: AwsSpec) -> RegistryPlan:
    """Plan the repositories of an environment. The environment dr makes none: production's are copied to it."""
    stands_in = aws.stands_in_for is not None
    owner = EnvironmentName.PRODUCTION if stands_in else environment.name
    prefix = f"{PREFIX}-{owner.value}"
    return RegistryPlan(
        account=aws.account,
        prefix=prefix,
        address=f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.com/{prefix}",
        repositories=()
        if stands_in
        else tuple(
            RepositoryPlan(
                key=key,
                name=f"{prefix}/{key}",
                lifecycle=_lifecycle(),
                protect=environment.name is EnvironmentName.PRODUCTION,
                tags={**tags(environment, data_class=Sensitivity.INTERNAL), "Name": f"{prefix}/{key}"},
                why=why,
            )
            for key, why in REPOSITORIES.items()
        ),
        far_region=aws.dr_region,
        reasons=_reasons(aws),
    )


def _lifecycle() -> str:
    # Releases have no rule: the way back leads to one of them, and the evidence names it.
    untagged = _rule(1, "what failed to become an image", {"tagStatus": "untagged"}, UNTAGGED_DAYS)
    trial = _rule(
        2,
        "what was built to be tried",
        {"tagStatus": "tagged", "tagPrefixList": list(TRIAL_PREFIXES)},
        TRIAL_DAYS,
    )
    return json.dumps({"rules": [untagged, trial]})


def _rule(priority: int, description: str, selection: Mapping[str, object], days: int) -> dict[str, object]:
    count = {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}
    return {
        "rulePriority": priority,
        "description": description,
        "selection": {**selection, **count},
        "action": {"type": "expire"},
    }


def _reasons(aws: AwsSpec) -> tuple[str, ...]:
    if aws.stands_in_for is not None:
        return (f"Images come from the copies that production's registry made here, in {aws.region}.",)
    reasons = [
        "A tag never moves to another image: what was approved is what runs, today and on the way back."
    ]
    if aws.dr_region is not None:
        reasons.append(
            f"Every image is copied to {aws.dr_region}. The repositories there are made here first: those that the "
            "copying would make have no key of ours, and their tags could be moved."
        )
    return tuple(reasons)
