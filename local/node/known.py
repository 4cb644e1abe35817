"""Where it is written down what the real node has in the place of the images that plans name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

_FILE: Final = "images.json"


def file_beside(kubeconfig: Path) -> Path:
    """Return the file beside an environment's kubeconfig: image that plans name -> reference of what the node has."""
    return kubeconfig.with_name(_FILE)


def known(file: Path) -> dict[str, str]:
    """Return what a node has in which place. Raises FileNotFoundError, and ValueError for a file of another form."""
    read: Any = json.loads(file.read_text(encoding="utf-8"))
    return {str(name): str(reference) for name, reference in dict(read).items()}
