"""The JSON Schema of tenant files, for editors. ``python -m spec.schema`` writes it anew."""

import json
import sys
from pathlib import Path
from typing import Any, Final

from spec.tenant import TenantFile

SCHEMA_PATH: Final = Path("schemas/tenant.schema.json")
"""Where the schema stands in the project; the first line of every tenant file points to it."""


def tenant_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of a tenant file's content.

    Editors help and warn by it. It is wider than the model: what a schema cannot express, such as the list of
    time zones, only the model checks.
    """
    schema = TenantFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Storefleet tenant"}


def schema_text() -> str:
    """Return the schema as it stands in its file."""
    return json.dumps(tenant_schema(), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the schema into the project that the command runs in."""
    SCHEMA_PATH.parent.mkdir(exist_ok=True)
    SCHEMA_PATH.write_text(schema_text(), encoding="utf-8")
    sys.stdout.write(f"wrote {SCHEMA_PATH}\n")


if __name__ == "__main__":
    main()
