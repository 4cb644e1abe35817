"""AWS resources among a program's: their types, their links, and the documents inside them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, cast

from policy.frame import Resource
from policy.reading import Unknown, UnknownValue, field, is_mapping, is_sequence, text

PROVIDER: Final = "pulumi:providers:aws"

BUCKET: Final = "s3/bucket:Bucket"
BUCKETS: Final = (BUCKET, "s3/bucketV2:BucketV2")
CLUSTER: Final = "eks/cluster:Cluster"
FILES: Final = "efs/fileSystem:FileSystem"
INSTANCE: Final = "rds/instance:Instance"
DATABASE_CLUSTER: Final = "rds/cluster:Cluster"
ROLE: Final = "iam/role:Role"
TABLE: Final = "dynamodb/table:Table"
VAULT: Final = "backup/vault:Vault"
VOLUME: Final = "ebs/volume:Volume"

# What a resource may be called by where another refers to it.
_IDENTITIES: Final = ("id", "arn", "bucket", "name", "identifier", "clusterIdentifier")


def aws(*types: str) -> Callable[[str], bool]:
    """Select AWS resources of the given types, written as `s3/bucket:Bucket`."""
    wanted = frozenset(f"aws:{each}" for each in types)
    return lambda token: token in wanted


def either(*choices: Callable[[str], bool]) -> Callable[[str], bool]:
    """Select what any of the choices selects."""
    return lambda token: any(choose(token) for choose in choices)


def of_type(resources: Sequence[Resource], *types: str) -> Iterator[Resource]:
    """Yield the AWS resources of the given types."""
    chosen = aws(*types)
    return (resource for resource in resources if chosen(resource.type))


def refers(holder: Resource, name: str, target: Resource) -> bool:
    """Whether a property of a resource names another resource of the program.

    Answers from what the property depends on, which is known at preview although the identifier is not, and
    from the value itself.
    """
    if target.urn in holder.references.get(name, ()):
        return True
    value = holder.props.get(name)
    values = {value} if isinstance(value, str) else set[str]()
    if is_sequence(value):
        values = {item for item in value if isinstance(item, str)}
    own = (target.props.get(key) for key in _IDENTITIES)
    return any(isinstance(name, str) and name in values for name in own)


def linked(holders: Sequence[Resource], name: str, target: Resource) -> Iterator[Resource]:
    """Yield the resources whose property names the target."""
    return (holder for holder in holders if refers(holder, name, target))


def given(resource: Resource, *keys: str) -> bool:
    """Whether something stands at the keys, even if it is not known yet.

    Raises:
        UnknownValue: something on the way there is not known.

    """
    parent = field(resource.props, *keys[:-1])
    return is_mapping(parent) and parent.get(keys[-1]) not in (None, "")


def first(value: object) -> object:
    """Return a list's first item, or what is not a list as it is: providers write single blocks both ways."""
    if is_sequence(value):
        return value[0] if value else None
    return value


def document(node: object, *keys: str) -> Mapping[str, object] | None:
    """Return the JSON object in the text at the keys; None when there is none or it is no object.

    Raises:
        UnknownValue: the text is not known yet.

    """
    found = text(node, *keys)
    if found is None:
        return None
    try:
        parsed: object = json.loads(found)
    except ValueError:
        return None
    return cast("Mapping[str, object]", parsed) if isinstance(parsed, dict) else None


def listed(value: object) -> Sequence[object]:
    """Return what JSON policies write either as one thing or as a list of them, as a list."""
    if value is None:
        return ()
    return value if is_sequence(value) else (value,)


def region_of(resource: Resource, providers: Mapping[str, Resource]) -> str | None:
    """Return the region that a resource is in: its own, or its provider's (by URN); None when neither says.

    Raises:
        UnknownValue: it is not known yet.

    """
    own = resource.props.get("region")
    if isinstance(own, str):
        return own
    provider = providers.get(resource.provider.urn) if resource.provider else None
    if provider is not None and (region := text(provider.props, "region")):
        return region
    if isinstance(own, Unknown):
        raise UnknownValue(own.path)
    return None
