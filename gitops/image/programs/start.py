"""storefleet-odoo <kind>: start one kind of process.

The chart's configuration holds no secret. Here the master password joins it, in memory, and Odoo takes this process's
place, so that it gets the signals (`bin/storefleet-odoo` hands them on).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

GIVEN = Path("/etc/storefleet/odoo")
WRITTEN = Path("/run/odoo/odoo.conf")
KINDS = {"web": (), "websocket": ("gevent",), "cron": (), "jobs": (), "task": (), "rehearsal": ()}
"""Kind -> the words after `odoo`."""


LEAST_LENGTH = 16


class RefusedError(Exception):
    """What somebody has to set right before anything can start."""


def with_secrets(text: str, master_password: str, addons_path: str) -> str:
    """Return a configuration with the master password and the folders of modules, as the first options.

    Raises:
        RefusedError: the password is missing, is the one that everybody knows, or would be read as something else.

    """
    if (
        len(master_password) < LEAST_LENGTH
        or not master_password.isprintable()
        or master_password != master_password.strip()
    ):
        raise RefusedError(
            f"ODOO_ADMIN_PASSWD is shorter than {LEAST_LENGTH} characters or not on one line: generate a random one"
        )
    head, found, rest = text.partition("[options]\n")
    if not found or head.strip():
        raise RefusedError("the configuration does not begin with [options]: it is not the chart's")
    return f"[options]\nadmin_passwd = {master_password}\naddons_path = {addons_path}\n{rest}"


def write(kind: str, given: Path = GIVEN, written: Path = WRITTEN) -> Path:
    """Write the configuration of a kind, readable by this user alone, and return where it is."""
    if kind not in KINDS:
        raise RefusedError(f"{kind} is no kind of process: one of {', '.join(KINDS)}")
    source = given / f"{kind}.conf"
    if not source.is_file():
        raise RefusedError(f"{source} is missing: the chart gave this tenant no {kind}")
    text = with_secrets(
        source.read_text(), os.environ.pop("ODOO_ADMIN_PASSWD", ""), os.environ.get("ODOO_ADDONS_PATH", "")
    )
    written.unlink(missing_ok=True)
    with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return written


def main() -> None:
    """Start the kind that is named first."""
    kind = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        path = write(kind)
    except RefusedError as error:
        sys.exit(f"storefleet-odoo: {error}")
    os.execvp("odoo", ["odoo", *KINDS[kind], "--config", str(path)])  # noqa: S606, S607 - the image's own
