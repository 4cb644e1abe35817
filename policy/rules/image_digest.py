"""Images are named by what they contain, and come from registries that were agreed on."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import Field

from policy.frame import (
    Finding,
    Framework,
    Level,
    Resource,
    ResourceRule,
    Settings,
    Severity,
    Violation,
    judge_each,
)
from policy.images import NamedImage, database_images
from policy.objects import Container, image_volumes, is_workload, judge_containers
from policy.reading import text

_DIGEST: Final = re.compile(r"@sha256:[0-9a-f]{64}\Z")
_DEFAULT_REGISTRY: Final = "docker.io"
_BUILT_IN_GROUPS: Final = ("core/", "apps/", "batch/")


class ImageSettings(Settings):
    """Where images may come from."""

    registries: tuple[str, ...] = Field(
        (
            "docker.io/library",
            "docker.io/valkey",
            "ghcr.io/cloudnative-pg",
            "quay.io/argoproj",
            "registry.k8s.io",
        ),
        description="registries, or folders of them, that images may come from, without a trailing slash",
    )
    own: str = Field(
        r"[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/storefleet-[a-z]+/[a-z]+",
        description="pattern of the repositories of the platform itself, where an image is its own; whose account it "
        "is, its signature says",
    )


def check(resource: Resource, settings: ImageSettings) -> Iterator[Finding]:
    """Find containers, image volumes and databases whose image is not pinned by digest or is from elsewhere."""

    def judge_container(container: Container) -> Iterator[Finding]:
        image = text(container.fields, "image")
        if image is not None:
            yield from _judge(resource, container.title, f"{container.path}.image", image, settings)
        elif resource.type.split(":")[1].startswith(_BUILT_IN_GROUPS):
            # In a custom resource a container without an image adds to one that an operator makes.
            yield Violation(
                resource,
                f"{container.title} names no image",
                f"set {container.path}.image to registry/name@sha256:…",
            )

    def judge_volume(volume: tuple[str, Mapping[str, object]]) -> Iterator[Finding]:
        path, fields = volume
        yield from _judge(resource, "an image volume", path, text(fields, "reference") or "", settings)

    def judge_database(image: NamedImage) -> Iterator[Finding]:
        yield from _judge(resource, image.owner, image.path, image.known(), settings)

    yield from judge_containers(resource, judge_container)
    yield from judge_each(resource, image_volumes(resource), judge_volume)
    yield from judge_each(resource, database_images(resource), judge_database)


def _judge(
    resource: Resource, owner: str, path: str, image: str, settings: ImageSettings
) -> Iterator[Finding]:
    if not _DIGEST.search(image):
        yield Violation(
            resource,
            f"the image {image!r} of {owner} is not pinned by digest",
            f"append @sha256:<64 hexadecimal digits> to {path}; a tag can come to mean something else",
        )
    full = _full_name(image)
    ours = re.match(rf"(?:{settings.own})[:@]", full) is not None
    if not ours and not any(full.startswith(f"{registry}/") for registry in settings.registries):
        yield Violation(
            resource,
            f"the image {image!r} of {owner} is not from an allowed registry",
            f"use one of {', '.join(settings.registries)}, or add its registry to registries in the policy "
            "configuration of image-digest",
        )


def _full_name(image: str) -> str:
    """Return the image's name with the registry that container runtimes assume when it has none."""
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return image
    return f"{_DEFAULT_REGISTRY}/{image}" if slash else f"{_DEFAULT_REGISTRY}/library/{image}"


RULE: Final = ResourceRule(
    name="image-digest",
    title="Images are pinned by digest and come from an allowed registry.",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    framework=Framework(
        name="CIS Amazon EKS Benchmark", version="1.8.0", specification="5.1.4 (kubescape C-0078)"
    ),
    remediation="Name images as registry/name@sha256:<digest>; a tag may stand before the @ for readers. "
    "Add a registry only after it was agreed on.",
    settings=ImageSettings,
    selects=is_workload,
    check=check,
)
