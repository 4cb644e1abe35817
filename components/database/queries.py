"""What CloudNativePG asks of a cell's databases for the figures of the checks, in the operator's form of queries.

The operator runs each query on the primary, in a transaction that only reads, as a role of its own without a password.
Its name and its columns make the metric: ``cnpg_storefleet_<column>``, with the database as the label `datname`.

What belongs to a tenant is the tenant's to shape, so nothing of it is run: a table is read only if it is a plain one
without row security (a view, a rule or a policy could call the tenant's own code under the exporter's role), by names
that say their schema. What is read of it is written as text and read by `query_to_xml`, which lets one query serve
shops with a module and shops without. Times of Odoo are in UTC and say no zone.
"""

import json
from typing import Any, Final

from components.database.readings import MODULES, READINGS, Figure, Reading, gauge
from components.manifests import KubeObject, manifest
from spec.naming import cell_namespace

EXPORTER_ROLE: Final = "cnpg_metrics_exporter"
"""The operator's name for the role that its queries run as. It comes by the socket of the pod, and has no password."""
QUERIES: Final = "queries"
"""Name of the ConfigMap, and of its only key."""
OPERATORS_QUERIES: Final = {"name": "cnpg-default-monitoring", "key": "queries"}
"""The ConfigMap of queries that CloudNativePG brings along. It puts it before others itself: unsaid, every `up` would
take it out again."""
_CACHE_SECONDS: Final = 60
"""A figure is at most so much older than its scrape; several instances of Prometheus share it."""


_ACTIVITY: Final = "WHERE a.datid = d.oid AND a.backend_type = 'client backend'"
_SERVER: Final = (
    gauge(
        "database_waiting_sessions",
        f"(SELECT count(*) FROM pg_stat_activity AS a {_ACTIVITY} AND a.wait_event_type = 'Lock')",  # noqa: S608 - of this module's own words
        "Sessions that stand behind a lock.",
    ),
    gauge(
        "database_longest_transaction_seconds",
        "coalesce((SELECT max(extract(epoch FROM clock_timestamp() - a.xact_start))"  # noqa: S608 - our own words
        f" FROM pg_stat_activity AS a {_ACTIVITY}), 0)",
        "Age of the oldest transaction, in seconds.",
    ),
    Figure(
        name="database_statement_seconds",
        usage="COUNTER",
        means="Time that statements took, in seconds.",
        sql="s.active_time / 1000.0",
    ),
)


def _server_query() -> str:
    columns = ",\n  ".join(f"({each.sql})::float8 AS {each.name}" for each in _SERVER)
    return (
        f"SELECT d.datname,\n  {columns}\nFROM pg_database AS d JOIN pg_stat_database AS s ON s.datid = d.oid\n"
        "WHERE NOT d.datistemplate AND d.datname <> 'postgres'"
    )


def _modules_query() -> str:
    columns = ",\n  ".join(
        f"(to_regclass('public.{each.table}') IS NOT NULL)::int AS odoo_has_{each.module}"
        for each in READINGS
        if each.module
    )
    shop = "to_regclass('public.ir_module_module') IS NOT NULL"
    return f"SELECT current_database() AS datname,\n  {columns}\nWHERE {shop}"


def _reading_query(reading: Reading) -> str:
    inner = ", ".join(f"{each.sql} AS {each.name}" for each in reading.figures)
    where = f" WHERE {reading.where}" if reading.where else ""
    columns = ",\n  ".join(
        f"(xpath('/row/{each.name}/text()', found.x))[1]::text::float8 AS {each.name}"
        for each in reading.figures
    )
    tables = (reading.table, *reading.beside)
    named = ", ".join(f"to_regclass('public.{each}')" for each in tables)
    query = (
        f"SELECT current_database() AS datname,\n  {columns}\n"  # noqa: S608 - of this module's own words
        "FROM (SELECT query_to_xml(\n"
        f"  $read$SELECT {inner} FROM ONLY public.{reading.table} AS o{where}$read$, false, true, '') AS x\n"
        f"  WHERE (SELECT count(*) FROM pg_class AS c WHERE c.oid IN ({named})\n"
        f"    AND c.relkind = 'r' AND NOT c.relrowsecurity) = {len(tables)}) AS found"
    )
    if not reading.nothing_without:
        return query
    none = ", ".join(f"0 AS {each.name}" for each in reading.figures)
    return (
        f"{query}\nUNION ALL SELECT current_database(), {none}\n"
        f"WHERE to_regclass('public.{reading.table}') IS NOT NULL"
        f" AND to_regclass('public.{reading.nothing_without}') IS NULL"
    )


def _entry(query: str, figures: tuple[Figure, ...], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - the operator's
    metrics: list[dict[str, Any]] = [{"datname": {"usage": "LABEL", "description": "The tenant's database."}}]
    metrics += [{each.name: {"usage": each.usage, "description": each.means}} for each in figures]
    return {
        "name": "storefleet",
        "query": query,
        "primary": True,
        "cache_seconds": _CACHE_SECONDS,
        "metrics": metrics,
        **more,
    }


def queries() -> dict[str, Any]:
    """Return the queries by name, in the operator's form."""
    everywhere = {"target_databases": ["*"]}
    has = tuple(gauge(f"odoo_has_{each}", "", f"Whether the shop has {each}.") for each in MODULES)
    return {
        "storefleet_server": _entry(_server_query(), _SERVER),
        "storefleet_modules": _entry(_modules_query(), has, **everywhere),
        **{
            f"storefleet_{each.figures[0].name}": _entry(_reading_query(each), each.figures, **everywhere)
            for each in READINGS
        },
    }


def metrics() -> tuple[str, ...]:
    """Return the metrics that the queries make."""
    return tuple(
        f"cnpg_{query['name']}_{column}"
        for query in queries().values()
        for metric in query["metrics"]
        for column in metric
        if column != "datname"
    )


def plan_queries(cell_id: str, labels: dict[str, str]) -> KubeObject:
    """Plan the ConfigMap of the queries of a cell."""
    return KubeObject(
        key="queries",
        manifest=manifest(
            "v1",
            "ConfigMap",
            QUERIES,
            namespace=cell_namespace(cell_id),
            # Without it the operator reads the queries only when an instance starts.
            labels=labels | {"cnpg.io/reload": "true"},
            # JSON is YAML, and never misread.
            data={QUERIES: json.dumps(queries(), indent=1)},
        ),
        why="What the checks ask of the tenants' databases; a module that a shop has not is no error.",
    )
