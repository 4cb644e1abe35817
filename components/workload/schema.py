"""The JSON Schema of the chart's values. ``python -m components.workload.schema`` writes it anew.

Helm refuses by it whatever did not come from a plan. It is wider than the models: what hangs together over several
fields (memory of workers, hosts named twice) only they check, before a file is written.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

from components.workload.values import WorkloadValues

SCHEMA_PATH: Final = Path("gitops/charts/tenant/values.schema.json")
"""Where Helm looks for it: beside the chart."""


def values_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of the chart's values."""
    schema = WorkloadValues.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Storefleet workload",
    }


def schema_text() -> str:
    """Return the schema as it stands in its file."""
    return json.dumps(values_schema(), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the schema into the project that the command runs in."""
    SCHEMA_PATH.write_text(schema_text(), encoding="utf-8")
    sys.stdout.write(f"wrote {SCHEMA_PATH}\n")


if __name__ == "__main__":
    main()
