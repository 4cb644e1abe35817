"""The JSON Schemas of the files that people write, for editors. ``python -m spec.schema`` writes them anew."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from spec.calendars import CalendarFile
from spec.model import SpecModel
from spec.releases import ManifestFile
from spec.roster import Roster
from spec.tenant import TenantFile

SCHEMA_PATH: Final = Path("schemas/tenant.schema.json")
"""Where the schema of tenants stands in the project; the first line of every tenant file points to it."""

SCHEMAS: Final[Mapping[Path, tuple[type[SpecModel], str]]] = MappingProxyType(
    {
        SCHEMA_PATH: (TenantFile, "Storefleet tenant"),
        Path("schemas/calendar.schema.json"): (CalendarFile, "Storefleet calendar"),
        Path("schemas/release.schema.json"): (ManifestFile, "Storefleet release"),
        Path("schemas/approvers.schema.json"): (Roster, "Storefleet approvers"),
    }
)
"""By path: the model of the file's content, and the title of the schema."""


def schema_of(path: Path) -> dict[str, Any]:
    """Return a schema (draft 2020-12) of a file's content.

    Editors help and warn by it. It is wider than the model: what a schema cannot express, such as the list of
    time zones, only the model checks.
    """
    model, title = SCHEMAS[path]
    schema = model.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}


def schema_text(path: Path = SCHEMA_PATH) -> str:
    """Return a schema as it stands in its file."""
    return json.dumps(schema_of(path), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the schemas into the project that the command runs in."""
    for path in SCHEMAS:
        path.parent.mkdir(exist_ok=True)
        path.write_text(schema_text(path), encoding="utf-8")
        sys.stdout.write(f"wrote {path}\n")


if __name__ == "__main__":
    main()
