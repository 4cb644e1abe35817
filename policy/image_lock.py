"""The lock of images whose signature was verified: `policy/image-lock.yaml`.

A list under `images`; each entry has `digest` (sha256:…), `image` (registry/name, without tag or digest),
`verified_at` (a day) and `by` (the person or pipeline that verified the signature).
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from ruamel.yaml import YAML

PATH: Final = Path(__file__).with_name("image-lock.yaml")


class LockedImage(BaseModel):
    """One image, and who verified its signature when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    image: Annotated[str, Field(pattern=r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+$")]
    verified_at: date
    by: Annotated[str, Field(min_length=1)]


class ImageLock(BaseModel):
    """All images whose signature was verified."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: tuple[LockedImage, ...]

    def digests(self) -> tuple[str, ...]:
        """Return their digests."""
        return tuple(image.digest for image in self.images)


def read_lock(path: Path) -> ImageLock:
    """Read a lock file.

    Raises:
        ValueError: it is not of the form that this module describes.

    """
    content: object = YAML(typ="safe").load(path)  # pyright: ignore[reportUnknownMemberType]
    return ImageLock.model_validate(content)


LOCK: Final = read_lock(PATH)
"""The lock as it is committed."""
