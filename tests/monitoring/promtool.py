"""What promtool is asked, in one run for everything: that takes seconds, and one for each case takes minutes."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from components.monitoring.checks import CHECKS, GATE_CHECK, GATE_LAYER, GATE_VALUE
from components.monitoring.rules import rule_groups
from tests.monitoring.world import NOW, PACE, Case, Series, shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

LAYER = {check.name: check.layer.value for check in CHECKS}


def world(name: str, series: Series, asked: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one group of tests: series, and what is expected of them at `NOW`."""
    return {
        "name": name,
        "interval": f"{PACE.interval}s",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "promql_expr_test": list(asked),
    }


def ask(expression: str, expected: Iterable[tuple[str, float]]) -> dict[str, Any]:
    return {
        "expr": expression,
        "eval_time": f"{NOW}s",
        "exp_samples": [{"labels": labels, "value": value} for labels, value in expected],
    }


def of_case(case: Case) -> list[dict[str, Any]]:
    """Ask which checks a tenant fails, which of them have no figure, and which layers are red."""
    own = f'tenant="{case.name}"'

    def labels(check: str) -> str:
        return f'{{{own},layer="{LAYER[check]}",check="{check}"}}'

    red = sorted({LAYER[check] for check in case.failing})
    measured = [check for check in LAYER if check not in case.unmeasured]
    return [
        ask(f"{GATE_CHECK}{{{own}}} == 0", [(f"{GATE_CHECK}{labels(check)}", 0) for check in case.failing]),
        ask(f"count({GATE_CHECK}{{{own}}})", [("{}", len(LAYER))]),
        ask(f"{GATE_LAYER}{{{own}}} == 0", [(f'{GATE_LAYER}{{{own},layer="{each}"}}', 0) for each in red]),
        ask(
            f"count by (tenant, layer, check) ({GATE_VALUE}{{{own}}}) or {GATE_VALUE}{{{own}}} * 0",
            [(labels(check), 1) for check in measured],
        ),
    ]


def document(worlds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"rule_files": ["rules.yaml"], "evaluation_interval": f"{PACE.interval}s", "tests": list(worlds)}


def run(
    program: Path, folder: Path, worlds: Sequence[dict[str, Any]], *, groups: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run promtool on the first groups of the generated rules, or on all of them, and on some worlds."""
    written = rule_groups("local", CHECKS, PACE)[:groups]
    (folder / "rules.yaml").write_text(json.dumps({"groups": written}))
    (folder / "tests.yaml").write_text(json.dumps(document(worlds)))
    return subprocess.run(
        [program, "test", "rules", "tests.yaml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def all_cases(cases: Iterable[Case]) -> dict[str, Any]:
    known = list(cases)
    series: Series = dict(shared())
    for case in known:
        series |= case.series()
    return world("tenants", series, [question for case in known for question in of_case(case)])


def check(program: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Have promtool read the rules of a folder, and complain about what is only suspicious as well."""
    return subprocess.run(
        [program, "check", "rules", "--lint=all", "--lint-fatal", "rules.yaml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
