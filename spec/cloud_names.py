"""The physical names of what stands in AWS: deterministic, and checked against each service's limits."""

import re
from typing import Final

from spec.environment import EnvironmentSpec

PREFIX: Final = "storefleet"
BUCKET_LIMIT: Final = 63
ROLE_LIMIT: Final = 64

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z", re.ASCII)
_ROLE: Final = re.compile(r"[\w+=,.@-]{1,64}\Z", re.ASCII)


def physical(environment: EnvironmentSpec, thing: str) -> str:
    """Return ``storefleet-<environment>-<thing>``."""
    return f"{PREFIX}-{environment.name.value}-{thing}"


def bucket_name(environment: EnvironmentSpec, thing: str, *, region: str | None = None) -> str:
    """Return the name of a bucket, which nobody else in the world may have: it ends in the account and region.

    Raises:
        ValueError: the environment has nothing in AWS, or the name is none that S3 takes.

    """
    if environment.aws is None:
        raise ValueError(f"the environment {environment.name.value} has no bucket: it has nothing in AWS")
    name = f"{physical(environment, thing)}-{environment.aws.account}-{region or environment.aws.region}"
    if not _BUCKET.match(name):
        raise ValueError(
            f"{name} is no name of a bucket: 3 to {BUCKET_LIMIT} lower-case letters, digits, dashes"
        )
    return name


def role_name(environment: EnvironmentSpec, thing: str) -> str:
    """Return the name of an IAM role.

    Raises:
        ValueError: IAM would refuse it.

    """
    name = physical(environment, thing)
    if not _ROLE.match(name):
        raise ValueError(f"{name} is no name of a role: 1 to {ROLE_LIMIT} letters, digits and +=,.@_-")
    return name


def object_prefix(namespace: str) -> str:
    """Return the prefix of a namespace's objects in every bucket that several share."""
    return f"{namespace}/"


def key_alias(environment: EnvironmentSpec, purpose: str) -> str:
    """Return the alias of the key for a purpose, such as ``alias/storefleet-production-data``."""
    return f"alias/{physical(environment, purpose)}"
