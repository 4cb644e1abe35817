"""Recorded resources of AWS as Terraform writes them (`*.tf.json`), which is what public scanners read."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tests.components.recorder import Registered

_SERVICES: Final = {"costexplorer": "ce", "ec2": ""}
_TYPES: Final = {
    "aws:cloudtrail/trail:Trail": "aws_cloudtrail",
    "aws:lb/loadBalancer:LoadBalancer": "aws_lb",
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": "aws_s3_bucket_replication_configuration",
}
_MAPS: Final = frozenset({"tags", "labels", "targetTags"})
"""Properties whose keys are people's own."""
_PLURAL: Final = frozenset({"block_device_mappings", "tag_specifications", "vpc_config"})
"""Blocks whose name Terraform writes as the SDK does."""


def terraform_type(token: str) -> str:
    """Return Terraform's name of a type of the SDK, such as `aws_s3_bucket` for `aws:s3/bucket:Bucket`."""
    if token in _TYPES:
        return _TYPES[token]
    service, _, rest = token.removeprefix("aws:").partition("/")
    parts = ["aws", _SERVICES.get(service, service), snake(rest.partition(":")[0])]
    return "_".join(part for part in parts if part)


def snake(name: str) -> str:
    """Return `camelCase` as `snake_case`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def written(resources: Iterable[Registered]) -> dict[str, Any]:
    """Return the content of one `*.tf.json`; what names another resource refers to it, as scanners follow."""
    mine = [one for one in resources if one.type.startswith("aws:")]
    references = {f"{one.name}-id": f"${{{terraform_type(one.type)}.{_label(one.name)}.id}}" for one in mine}
    found: dict[str, dict[str, Any]] = {}
    for one in mine:
        body = _body(one.inputs, references)
        found.setdefault(terraform_type(one.type), {})[_label(one.name)] = body
    return {"resource": found}


def _label(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


def _body(inputs: Mapping[str, Any], references: Mapping[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for key, value in inputs.items():
        if value is None or key.startswith("__"):
            continue
        name = snake(key)
        if key in _MAPS:
            body[name] = value
        elif isinstance(value, dict):
            body[name] = [_body(value, references)]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            body[_singular(name)] = [_body(each, references) for each in value]
        elif isinstance(value, list):
            body[name] = [references.get(each, each) for each in value]
        else:
            body[name] = references.get(value, value) if isinstance(value, str) else value
    return body


def _singular(name: str) -> str:
    if name in _PLURAL:
        return name
    return f"{name[:-3]}y" if name.endswith("ies") else name.removesuffix("s")
