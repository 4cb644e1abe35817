"""The images that an object names: of containers, of image volumes, and of PostgreSQL clusters."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from policy.frame import Resource
from policy.objects import containers_of, image_volumes
from policy.reading import Unknown, is_mapping, is_sequence, known

_CATALOGUES: Final = frozenset({"ImageCatalog", "ClusterImageCatalog"})


@dataclass(frozen=True, kw_only=True)
class NamedImage:
    """An image as an object names it: where, and for whom."""

    path: str
    owner: str
    value: object

    def known(self) -> str:
        """Return the name.

        Raises:
            UnknownValue: it is not known yet.

        """
        value = known(self.value)
        return value if isinstance(value, str) else ""


def images_of(resource: Resource) -> Iterator[NamedImage]:
    """Yield every image that an object names; a container that names none is left out."""
    for found in containers_of(resource.props):
        if isinstance(found, Unknown):
            yield NamedImage(path=found.path, owner=f"what is at {found.path}", value=found)
        elif (image := found.fields.get("image")) is not None:
            yield NamedImage(path=f"{found.path}.image", owner=found.title, value=image)
    for path, volume in image_volumes(resource):
        yield NamedImage(path=path, owner="an image volume", value=volume.get("reference"))
    yield from database_images(resource)


def database_images(resource: Resource) -> Iterator[NamedImage]:
    """Yield the images of a CloudNativePG cluster, of its pooler, or of a catalogue of them."""
    spec = resource.props.get("spec")
    if not is_mapping(spec):
        return
    if resource.kind == "Cluster" and (image := spec.get("imageName")) is not None:
        yield NamedImage(path="spec.imageName", owner="the database", value=image)
    pooler = spec.get("pgbouncer")
    if resource.kind == "Pooler" and is_mapping(pooler) and (image := pooler.get("image")) is not None:
        yield NamedImage(path="spec.pgbouncer.image", owner="the pooler", value=image)
    for part in ("images", "componentImages") if resource.kind in _CATALOGUES else ():
        listed = spec.get(part)
        for index, entry in enumerate(listed if is_sequence(listed) else ()):
            value = entry.get("image") if is_mapping(entry) else entry
            yield NamedImage(path=f"spec.{part}[{index}].image", owner="the catalogue", value=value)
