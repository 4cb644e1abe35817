"""The list of images that tenants' pods may run, and where each of them comes from."""

from collections.abc import Mapping, Sequence
from typing import Final

from components.labelling import environment_labels
from components.manifests import KubeObject, manifest
from policy.admission.known import LIST_KEY, LIST_NAME, LIST_NAMESPACE, canonical
from policy.image_lock import LOCK, LockedImage
from spec.environment import EnvironmentSpec
from spec.vocabulary import EnvironmentName

KEY: Final = "images"
"""Key of the list among the planned objects."""

WARNED: Final = frozenset({EnvironmentName.DEV})
"""Environments where builds are tried that nobody signed or released: they run, and whoever starts them is told."""


def known_images(
    environment: EnvironmentSpec, released: Sequence[str], verified: Sequence[LockedImage] = LOCK.images
) -> tuple[str, ...]:
    """Return the images that an environment knows, each as ``name@sha256:digest``, in order.

    Args:
        environment: it says which image its tenants' backup jobs run.
        released: the images of its releases (`release.facts.released_images`).
        verified: those whose signatures were verified.

    """
    recovery = () if environment.recovery is None else (environment.recovery.image,)
    pinned = (f"{each.image}@{each.digest}" for each in verified)
    return tuple(sorted({canonical(image) for image in (*released, *recovery, *pinned)}))


def image_list(environment: EnvironmentSpec, images: Sequence[str]) -> KubeObject:
    """Plan the object that the admission policy of unknown images goes by; with none, no pod of a tenant starts."""
    data: Mapping[str, str] = {LIST_KEY: "".join(f"{image}\n" for image in images)}
    return KubeObject(
        key=KEY,
        manifest=manifest(
            "v1",
            "ConfigMap",
            LIST_NAME,
            namespace=LIST_NAMESPACE,
            labels=environment_labels(environment.name),
            data=data,
        ),
        why=f"{len(images)} images of releases, of backups and of policy/image-lock.yaml: a release more changes this "
        "list, and no policy.",
    )
