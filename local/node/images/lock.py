"""`python -m local.node.images.lock [--digests]`: pin anew what the images are made of, to be reviewed."""

from __future__ import annotations

import argparse
import json

from local.node.images import debian, oci
from local.node.images.build import DIGESTS, build
from local.node.images.table import IMAGES
from local.progress import Progress
from local.state import write


def main() -> None:
    """Resolve Debian's packages, unless `--digests` says that only the digests are to be written down."""
    parser = argparse.ArgumentParser(prog="local.node.images.lock", allow_abbrev=False)
    parser.add_argument("--digests", action="store_true", help="keep the packages as they are pinned")
    given = parser.parse_args()
    progress = Progress()
    if not given.digests:
        with progress.step(f"packages of Debian's {debian.SUITE}") as step:
            locked = debian.resolve([image.debian for image in IMAGES if image.debian])
            write(debian.LOCK, json.dumps(locked, indent=1) + "\n", mode=0o644)
            step.result = f"{len(locked['packages'])} packages in {len(locked['sets'])} sets"
    digests: dict[str, str] = {}
    for image in (each for each in IMAGES if not each.files):
        with progress.step(f"image {image.name}") as step:
            step.result = digests[image.name] = build(image, progress, checked=False).digest
    known: dict[str, dict[str, str]] = json.loads(DIGESTS.read_text()) if DIGESTS.exists() else {}
    write(
        DIGESTS,
        json.dumps({**known, oci.architecture(): digests}, indent=1, sort_keys=True) + "\n",
        mode=0o644,
    )


if __name__ == "__main__":
    main()
