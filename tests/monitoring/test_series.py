"""What rules, alerts, gates and dashboards ask for is read by Prometheus' own parser, and each series has a source."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import pytest
from rich.console import Console

from components.monitoring.checks import CHECKS
from components.monitoring.dashboards import BOARDS
from components.monitoring.rules import rule_groups
from components.monitoring.sources import GIVEN, known_series
from components.recovery.alerts import rule_groups as recovery_groups
from local.progress import Progress
from local.prometheus import start_prometheus
from release.gates.rendered import templates

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUPS = [*rule_groups("local", CHECKS), *recovery_groups()]
RECORDED = {rule["record"] for group in GROUPS for rule in group["rules"] if "record" in rule}
_SECONDS = 60
SELECTORS = ("vectorSelector", "matrixSelector")
_MACROS = {"$__rate_interval": "5m", "$__interval": "1m", "$__range": "1h"}


def parts(found: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a document."""
    if isinstance(found, dict):
        yield found
        for each in found.values():
            yield from parts(each)
    elif isinstance(found, list):
        for each in found:
            yield from parts(each)


def asked() -> dict[str, str]:
    """Return every expression of the project, with where it stands."""
    found = {
        rule["expr"]: f"rule {rule.get('record') or rule['alert']}"
        for group in GROUPS
        for rule in group["rules"]
    }
    for template in templates(CHECKS):
        for metric in template["spec"]["metrics"]:
            query = metric["provider"]["prometheus"]["query"].replace("{{args.tenant}}", "acme")
            found[query] = f"gate {template['metadata']['name']}"
    for path in sorted(BOARDS.glob("*.json")):
        board = json.loads(path.read_text())
        for part in parts(board):
            if isinstance(part.get("expr"), str):
                expression = part["expr"]
                for name, value in _MACROS.items():
                    expression = expression.replace(name, value)
                found[expression] = f"dashboard {path.stem}"
        for variable in board.get("templating", {}).get("list", []):
            inner = re.fullmatch(r"label_values\((.+), \w+\)", str(variable.get("query", "")))
            if inner:
                found[inner[1]] = f"variable {variable['name']} of dashboard {path.stem}"
    return found


def unknown(series: dict[str, str]) -> dict[str, str]:
    known = known_series() | RECORDED
    return {name: where for name, where in series.items() if name not in known}


@pytest.fixture(scope="module")
def parse(tmp_path_factory):
    """Return what parses an expression: a real Prometheus, which is asked for its tree."""
    opener = build_opener(ProxyHandler({}))
    with start_prometheus(
        tmp_path_factory.mktemp("parser"), [], [], interval=60, progress=Progress(Console())
    ) as prometheus:

        def tree(expression: str) -> Any:
            form = urlencode({"query": expression}).encode()
            with opener.open(f"{prometheus.url}/api/v1/parse_query", form, _SECONDS) as answer:
                return json.load(answer)["data"]

        yield tree


@pytest.mark.integration
def test_every_expression_is_read_by_prometheus_and_names_only_series_that_something_gives(parse):
    series: dict[str, str] = {}
    expressions = asked()
    assert {"rule", "gate", "dashboard", "variable"} == {where.split()[0] for where in expressions.values()}
    for expression, where in expressions.items():
        named = [part["name"] for part in parts(parse(expression)) if part.get("type") in SELECTORS]
        assert named or "vector(" in expression, f"{where} asks for nothing: {expression}"
        series |= dict.fromkeys(named, where)
    assert not unknown(series), "they would say nothing for ever, and no error either"
    idle = known_series() - set(series)
    assert idle <= {"traefik_service_request_duration_seconds_count"}, (
        f"declared, and asked by nobody: {idle}"
    )


@pytest.mark.unit
def test_a_series_that_nothing_gives_is_noticed():
    assert unknown({"gate:tenannt": "a dashboard", "gate:tenant": "a dashboard", "up": "a rule"}) == {
        "gate:tenannt": "a dashboard"
    }


@pytest.mark.unit
def test_no_series_has_two_sources_and_none_is_missing_and_there():
    every = [name for names in GIVEN.values() for name in names]
    assert len(every) == len(set(every))
    assert not set(every) & RECORDED
