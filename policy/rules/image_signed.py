"""What runs for customers was signed, and the cluster checks that it was."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import Field

from policy.belonging import EnvironmentSettings
from policy.frame import (
    Finding,
    Framework,
    Level,
    Resource,
    Severity,
    StackRule,
    Violation,
    judge_each,
)
from policy.image_lock import LOCK
from policy.images import NamedImage, images_of
from policy.objects import is_workload, namespace_of
from policy.reading import known, mapping

_NODE_GROUP: Final = "eks/nodeGroup:NodeGroup"
_DIGEST: Final = re.compile(r"@(?P<digest>sha256:[0-9a-f]{64})\Z")


class SignedSettings(EnvironmentSettings):
    """Which images count as signed, and what must check them."""

    digests: tuple[str, ...] = Field(
        LOCK.digests(),
        description="digests (sha256:…) of images whose signature was verified; those of policy/image-lock.yaml",
    )
    verifiers: tuple[str, ...] = Field(
        ("ClusterImagePolicy", "ImageValidatingPolicy"),
        description="kinds of object by which the cluster itself refuses unsigned images",
    )
    verifier_required: bool = Field(
        default=True,
        description="whether this program declares the verifier, wherever it declares namespaces and its node groups "
        "are not all empty; false where another program does",
    )
    exempt_namespaces: tuple[str, ...] = Field(
        ("kube-system",), description="namespaces whose images come with the cluster"
    )


def check(resources: Sequence[Resource], settings: SignedSettings) -> Iterator[Finding]:
    """Find images whose signature nobody verified, and environments in which the cluster checks none."""
    for resource in resources:
        yield from judge_each(resource, [resource], lambda each: _images(each, settings))
    if not settings.verifier_required or any(each.kind in settings.verifiers for each in resources):
        return
    if _nothing_runs(resources):
        return
    walls = (each for each in resources if each.kind == "Namespace" and settings.required_for(each))
    if (wall := next(walls, None)) is not None:
        yield Violation(
            wall,
            "nothing in its cluster refuses an unsigned image that comes by another way",
            f"declare one of {', '.join(settings.verifiers)}",
        )


def _nothing_runs(resources: Sequence[Resource]) -> bool:
    """Whether the cluster of this program has groups of nodes and every one of them is empty: it stands by."""
    groups = [mapping(each.props, "scalingConfig") for each in resources if each.type.endswith(_NODE_GROUP)]
    return bool(groups) and all(known(group.get("desiredSize")) == 0 for group in groups)


def _images(resource: Resource, settings: SignedSettings) -> Iterator[Finding]:
    if settings.required_for(resource) and namespace_of(resource) not in settings.exempt_namespaces:
        yield from judge_each(resource, images_of(resource), lambda image: _image(resource, image, settings))


def _image(resource: Resource, image: NamedImage, settings: SignedSettings) -> Iterator[Finding]:
    found = _DIGEST.search(image.known())
    if found is None or found["digest"] not in settings.digests:
        yield Violation(
            resource,
            f"the signature of the image {image.known()!r} of {image.owner} was not verified",
            "verify it and add its digest to policy/image-lock.yaml, with the day and who did",
        )


RULE: Final = StackRule(
    name="image-signed",
    title="Images that run for customers have a verified signature, and the cluster refuses others.",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    framework=Framework(name="SLSA", version="1.1", specification="Verifying artifacts"),
    remediation="Verify the image's signature, record its digest in policy/image-lock.yaml, and declare an "
    "admission verifier in the cluster.",
    settings=SignedSettings,
    selects=lambda token: is_workload(token) or token.endswith((":Namespace", _NODE_GROUP)),
    check=check,
)
