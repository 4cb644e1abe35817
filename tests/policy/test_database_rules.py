"""The rules about databases, each broken in several ways on the baseline's PostgreSQL."""

import pytest

from spec.naming import RESTORE_ROLE
from tests.policy.breaks import Break, broken
from tests.policy.changes import Case, assert_refused, both, pop, put
from tests.policy.harness import judge
from tests.policy.parts import NAMESPACE, Stack

pytestmark = pytest.mark.policy

BARMAN = {"destinationPath": "s3://storefleet-backups/north"}
TAGGED = "ghcr.io/cloudnative-pg/pgbouncer:1.25.1"
CONFIRMED = {"storefleet.dev/confirm-deletion": f"{NAMESPACE} 2026-11-26"}


def unprotected(key: str) -> Break:
    return lambda stack: setattr(stack.objects[key], "protect", False)


def in_environment(name: str, *keys: str) -> Break:
    def change(stack: Stack) -> None:
        for key in keys:
            stack[key]["metadata"]["labels"]["storefleet.dev/environment"] = name

    return change


CASES: list[Case] = [
    ("stateful-protected", unprotected("tenant-database"), "it holds data"),
    ("stateful-protected", unprotected("tenant-role"), "it holds data"),
    ("stateful-protected", unprotected("object-store"), "it holds data"),
    (
        "stateful-protected",
        put("tenant-database", "spec/databaseReclaimPolicy", "delete"),
        "its database is deleted with it",
    ),
    (
        "stateful-protected",
        put("tenant-role", "spec/databaseRoleReclaimPolicy", "delete"),
        "its role is deleted with it",
    ),
    (
        "stateful-protected",
        both(
            unprotected("tenant-database"),
            put("tenant-database", "metadata/labels/storefleet.dev~state", "purged"),
        ),
        "it holds data",
    ),
    (
        "stateful-protected",
        both(
            unprotected("database"),
            put("database", "metadata/labels/storefleet.dev~state", "purged"),
            put("database", "metadata/annotations", {"storefleet.dev/confirm-deletion": "north 2026-11-26"}),
        ),
        "it holds data",
    ),
    (
        "backup-enabled",
        put("database", "spec/backup", {"barmanObjectStore": BARMAN}),
        "removes in its next version",
    ),
    ("backup-enabled", put("nightly", "spec/method", pop), "another method than the plugin's"),
    (
        "backup-enabled",
        put("nightly", "spec/method", "barmanObjectStore"),
        "another method than the plugin's",
    ),
    ("backup-enabled", put("nightly", "spec/suspend", True), "no ScheduledBackup"),
    ("availability", put("database", "spec/instances", 1), "it has 1 instances, so a node is an outage"),
    ("availability", put("database", "spec/affinity/podAntiAffinityType", "preferred"), "all be in one zone"),
    (
        "availability",
        put("database", "spec/affinity/topologyKey", "kubernetes.io/hostname"),
        "all be in one zone",
    ),
    ("availability", put("database", "spec/postgresql/synchronous", pop), "on one disk alone"),
    ("no-cross-tenant-ref", put("database", "spec/postgresql/pg_hba", []), "lets in everybody"),
    (
        "no-cross-tenant-ref",
        put("database", "spec/postgresql/pg_hba/2", "host all all all scram-sha-256"),
        "lets in everybody",
    ),
    (
        "no-cross-tenant-ref",
        put("database", "spec/postgresql/pg_hba/0", "hostssl all all all scram-sha-256"),
        "spec.postgresql.pg_hba[0] lets a role into every database",
    ),
    (
        "no-cross-tenant-ref",
        put("database", "spec/postgresql/pg_hba/0", f"hostssl all {RESTORE_ROLE} all scram-sha-256"),
        "spec.postgresql.pg_hba[0] lets a role into every database",
    ),
    (
        "no-cross-tenant-ref",
        put("database", "spec/postgresql/pg_hba/0", "hostssl all acme all cert"),
        "spec.postgresql.pg_hba[0] lets a role into every database",
    ),
    ("no-cross-tenant-ref", put("database", "spec/enableSuperuserAccess", True), "its superuser may log in"),
    ("image-digest", put("catalogue", "spec/componentImages/0/image", TAGGED), "is not pinned by digest"),
    ("image-digest", put("pooler", "spec/pgbouncer/image", TAGGED), "of the pooler is not pinned by digest"),
]
ALSO = {"image-digest": "image-signed"}


@pytest.mark.parametrize("place", range(len(CASES)), ids=[f"{rule}-{said}" for rule, _, said in CASES])
def test_a_database_that_breaks_a_rule_is_refused_with_what_to_do(place):
    rule, change, problem = CASES[place]
    assert_refused(rule, change, problem, ALSO.get(rule))


def test_a_confirmed_purge_may_lift_the_protection_and_drop():
    changes = [
        both(
            unprotected(key),
            put(key, "metadata/labels/storefleet.dev~state", "purged"),
            put(key, "metadata/annotations", CONFIRMED),
            put(key, f"spec/{field}", "delete"),
        )
        for key, field in (
            ("tenant-database", "databaseReclaimPolicy"),
            ("tenant-role", "databaseRoleReclaimPolicy"),
        )
    ]
    assert judge(broken(*changes)).rules == set(), "a purge could never be finished"


def test_a_confirmation_of_somebody_else_lifts_nothing():
    other = {"storefleet.dev/confirm-deletion": "t-birch 2026-11-26"}
    change = both(
        unprotected("tenant-database"),
        put("tenant-database", "metadata/labels/storefleet.dev~state", "purged"),
        put("tenant-database", "metadata/annotations", other),
    )
    assert judge(broken(change)).rules == {"stateful-protected"}


def test_the_role_of_restores_may_reach_every_database_with_a_certificate():
    rule = put("database", "spec/postgresql/pg_hba/0", f"hostssl all {RESTORE_ROLE} all cert")
    assert judge(broken(rule)).rules == set(), "no tenant could be restored"


def test_one_instance_is_enough_where_there_are_no_customers():
    change = both(put("database", "spec/instances", 1), in_environment("staging", "database"))
    assert judge(broken(change)).rules == set()


@pytest.mark.parametrize(("environment", "rules"), [("local", set()), ("dev", {"backup-enabled"})])
def test_only_the_environment_in_which_nothing_runs_may_do_without_backups(environment, rules):
    def without(stack: Stack) -> None:
        for key in ("object-store", "nightly"):
            stack.remove(key)
        stack["database"]["spec"]["plugins"] = []

    assert judge(broken(without, in_environment(environment, "database"))).rules == rules


def test_a_local_database_that_has_a_store_is_judged_like_any_other():
    change = both(lambda stack: stack.remove("nightly"), in_environment("local", "database"))
    assert judge(broken(change)).rules == {"backup-enabled"}
