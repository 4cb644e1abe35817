"""How Argo CD delivers an environment, as a stack file states it: the repository it reads, and how often it looks."""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from spec.model import SpecModel
from spec.problems import refusal

CHECKOUT: Final = "checkout"
"""The repository that the command runs in, for an Argo CD on the same machine."""
_HTTPS: Final = re.compile(r"https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(/[A-Za-z0-9._-]+)+\Z", re.ASCII)


def _repository(text: str) -> str:
    if text == CHECKOUT or _HTTPS.match(text):
        return text
    raise refusal(
        "is not a repository that Argo CD can read",
        allowed=f"{CHECKOUT}, or https:// with a host and a path and without credentials, such as "
        "https://git.example.com/storefleet.git",
    )


def _near(data: dict[str, Any]) -> bool:
    return data.get("repository") == CHECKOUT


class DeliverySpec(SpecModel):
    """What Argo CD reads."""

    repository: Annotated[str, AfterValidator(_repository)] = CHECKOUT
    """URL of the repository with gitops/ and releases/; checkout: this machine's own."""
    revision: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$")] = Field(
        default_factory=lambda data: "HEAD" if _near(data) else "main"
    )
    """The branch that pointers are read from; main, or of a checkout what is checked out, unless stated."""
    poll_seconds: Annotated[int, Field(strict=True, ge=5, le=3600)] = Field(
        default_factory=lambda data: 10 if _near(data) else 180
    )
    """How often it looks for new commits, in seconds: 180 (10 of a checkout) unless stated."""
    freezes: Annotated[bool, Field(strict=True)] = True
    """Whether Argo CD is told of the calendars. Without it, only the planner and the check of a change hold to them."""
