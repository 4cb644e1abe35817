"""Draws the dashboards with Grafana's own library: `python -m components.monitoring.draw` writes `boards/`.

The files are committed and the program only reads them: it does not load a library for what changes once a month.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders import (
    bargauge,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableRefresh
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from components.monitoring.checks import GATE_CHECK, GATE_LAYER, GATE_TENANT, GATE_VALUE
from components.monitoring.dashboards import BOARDS
from components.monitoring.figures import INFO
from components.monitoring.objectives import SERIES

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import Panel

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="prometheus")
_TALL: Final = 9
_FULL: Final = 24


def boards() -> dict[str, str]:
    """Return each dashboard as the text of its file."""
    drawn = {"fleet": _fleet(), "tenant": _tenant(), "cell": _cell(), "release": _release()}
    return {
        name: json.dumps(json.loads(JSONEncoder(indent=1).encode(board.build())), indent=1, sort_keys=True)
        + "\n"
        for name, board in drawn.items()
    }


def _query(expression: str, legend: str = "") -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expression).legend_format(legend).datasource(SOURCE)


def _graph(title: str, unit: str, *queries: tuple[str, str]) -> timeseries.Panel:
    panel = timeseries.Panel().title(title).unit(unit).datasource(SOURCE).height(_TALL).span(_FULL // 2)
    for expression, legend in queries:
        panel = panel.with_target(_query(expression, legend))
    return panel


def _states(title: str, expression: str, legend: str) -> statetimeline.Panel:
    panel = statetimeline.Panel().title(title).datasource(SOURCE).height(_TALL + 4).span(_FULL)
    return panel.min(0).max(1).with_target(_query(expression, legend))


def _number(title: str, expression: str) -> stat.Panel:
    panel = stat.Panel().title(title).datasource(SOURCE).height(4).span(_FULL // 4)
    return panel.with_target(_query(expression).instant())


def _table(title: str, expression: str) -> table.Panel:
    panel = table.Panel().title(title).datasource(SOURCE).height(_TALL).span(_FULL)
    return panel.with_target(_query(expression).instant().format(PromQueryFormat.TABLE))


def _board(
    name: str, title: str, *variables: tuple[str, str], panels: list[Builder[Panel]]
) -> dashboard.Dashboard:
    board = dashboard.Dashboard(title).uid(f"storefleet-{name}").tags(["storefleet"]).readonly()
    board = board.time("now-6h", "now").refresh("30s").timezone("utc")
    for variable, query in variables:
        chosen = dashboard.QueryVariable(variable).query(query).datasource(SOURCE)
        board = board.with_variable(chosen.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED))
    for panel in panels:
        board = board.with_panel(panel)
    return board


def _fleet() -> dashboard.Dashboard:
    red = f"{GATE_LAYER} == 0"
    bars = (
        bargauge.Panel().title("Budget burnt over an hour, by tenant").datasource(SOURCE).unit("percentunit")
    )
    burnt = f'topk(15, {SERIES}{{objective="availability",window="1h"}})'
    bars = bars.height(_TALL).span(_FULL).with_target(_query(burnt, "{{tenant}}").instant())
    return _board(
        "fleet",
        "Fleet",
        panels=[
            _number("Tenants", f"count({GATE_TENANT})"),
            _number("Red in a layer", f"count(count by (tenant) ({red})) or vector(0)"),
            _number("Requests a second", "sum(tenant:http_requests:rate)"),
            _number("Orders in the last hour", "sum(tenant:orders_placed:hour)"),
            _table("Who is red, in what", f"{GATE_CHECK} == 0"),
            bars,
            _graph(
                "Requests a second, by cell", "reqps", (_by_cell("tenant:http_requests:rate"), "{{cell}}")
            ),
            _graph("Orders an hour, by cell", "short", (_by_cell("tenant:orders_placed:hour"), "{{cell}}")),
        ],
    )


def _by_cell(series: str) -> str:
    return f"sum by (cell) ({series} * on (tenant) group_left (cell) {INFO})"


def _tenant() -> dashboard.Dashboard:
    own = 'tenant="$tenant"'
    return _board(
        "tenant",
        "Tenant",
        ("tenant", f"label_values({GATE_TENANT}, tenant)"),
        panels=[
            _states("Checks: 1 is good", f"{GATE_CHECK}{{{own}}}", "{{layer}} {{check}}"),
            _graph(
                "Requests a second",
                "reqps",
                (f"tenant:http_requests:rate{{{own}}}", "all"),
                (f"tenant:http_errors:rate{{{own}}}", "errors"),
                (f"tenant:http_slow:rate{{{own}}}", "slower than 2 s"),
            ),
            _graph(
                "Orders in an hour, and a week before",
                "short",
                (f"tenant:orders_placed:hour{{{own}}}", "placed"),
                (f"tenant:orders_failed:hour{{{own}}}", "failed"),
                (f"tenant:orders_placed:baseline{{{own}}}", "a week before"),
            ),
            _graph("Oldest job", "s", (f'{GATE_VALUE}{{{own},check="queue_latency"}}', "waits for")),
            _graph("Jobs that wait", "short", (f"tenant:jobs_waiting:count{{{own}}}", "jobs")),
        ],
    )


def _cell() -> dashboard.Dashboard:
    own = 'cell="$cell"'
    inside = f"* on (tenant) group_left (cell) {INFO}{{{own}}}"
    return _board(
        "cell",
        "Cell",
        ("cell", f"label_values({INFO}, cell)"),
        panels=[
            _graph("Lag of the standbys", "s", (f"cnpg_pg_replication_lag{{{own}}}", "{{pod}}")),
            _graph(
                "Connections",
                "short",
                (f"sum by (pod) (cnpg_backends_total{{{own}}})", "{{pod}}"),
                (f'max(cnpg_pg_settings_setting{{name="max_connections",{own}}})', "limit"),
            ),
            _graph(
                "Time of the database, by tenant", "s", (f"tenant:database_time:rate {inside}", "{{tenant}}")
            ),
            _graph("Wait for the pooler", "s", (f"cnpg_pgbouncer_pools_maxwait{{{own}}}", "{{tenant}}")),
            _graph(
                "Since the log was archived",
                "s",
                (f"cnpg_pg_stat_archiver_seconds_since_last_archival{{{own}}} >= 0", "{{pod}}"),
            ),
            _graph(
                "Sessions that wait for a lock",
                "short",
                (f"cnpg_storefleet_database_waiting_sessions{{{own}}}", "{{tenant}}"),
            ),
        ],
    )


def _release() -> dashboard.Dashboard:
    ring = f'on (tenant) group_left (ring) {INFO}{{ring=~"$ring"}}'
    return _board(
        "release",
        "Release",
        ("ring", f"label_values({INFO}, ring)"),
        ("check", f"label_values({GATE_CHECK}, check)"),
        panels=[
            _states("Gates of the ring: 1 is good", f"{GATE_LAYER} * {ring}", "{{tenant}} {{layer}}"),
            _table("What fails", f"({GATE_CHECK} == 0) * {ring}"),
            _graph(
                "Figure of the check", "short", (f'{GATE_VALUE}{{check="$check"}} * {ring}', "{{tenant}}")
            ),
            _graph("Time of the database", "s", (f"tenant:database_time:rate * {ring}", "{{tenant}}")),
        ],
    )


def main() -> None:
    """Write the files."""
    for name, text in boards().items():
        (BOARDS / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
