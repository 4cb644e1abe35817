"""Who may connect to which database, seen on a live PostgreSQL with the rules and statements of the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from components.database.access import CLOSE_FUNCTION, CLOSE_SQL
from spec.naming import GUARD_ROLE, RESTORE_ROLE
from tests.database.conftest import PORT

if TYPE_CHECKING:
    from tests.database.conftest import Server

pytestmark = pytest.mark.integration

TENANTS = ("acme", "solvane-paris")
OPEN = "SELECT count(*) FROM pg_database d, aclexplode(coalesce(datacl, acldefault('d', datdba))) g WHERE "
OPEN_TENANTS = OPEN + "g.grantee = 0 AND NOT datistemplate AND datname <> 'postgres'"


@pytest.fixture(scope="module")
def cell(server: Server) -> Server:
    """Make what the operator makes of a cell's plan: the statements of the start, and two tenants."""
    server.sql(*CLOSE_SQL)
    for tenant in TENANTS:
        server.sql(f"CREATE ROLE \"{tenant}\" LOGIN CONNECTION LIMIT 2 PASSWORD 'of-{tenant}'")
        server.sql(f'CREATE DATABASE "{tenant}" OWNER "{tenant}" TEMPLATE template0')
    return server


def test_a_tenant_reaches_its_own_database_and_that_of_the_bus(cell: Server):
    assert cell.connect("acme", "acme") == (True, "1")
    assert cell.connect("acme", "postgres", "LISTEN imbus") == (True, "")


def test_a_tenant_does_not_reach_another_even_before_the_grant_is_taken_back(cell: Server):
    assert int(cell.sql(OPEN_TENANTS)) > 0, "the rules below would not be what keeps it out"
    went, said = cell.connect("acme", "solvane-paris")
    assert not went
    assert "pg_hba.conf rejects connection" in said, "the operator's last rule would have let it in"


def test_what_is_not_encrypted_is_refused(cell: Server):
    place = f"host=127.0.0.1 port={PORT} dbname=acme user=acme sslmode=disable"
    done = cell.run("psql", "-XAtq", place, "--command=SELECT 1", check=False, PGPASSWORD="of-acme")
    assert done.returncode != 0, "a password would travel in the clear"
    assert "rejects connection" in done.stderr


def test_the_guard_takes_the_right_to_connect_from_everybody_once(cell: Server):
    cell.sql(f"SET ROLE {GUARD_ROLE}", f"SELECT {CLOSE_FUNCTION}()")
    assert cell.sql(OPEN_TENANTS) == "0"
    assert cell.sql(f"SELECT {CLOSE_FUNCTION}()") == "0", "it would rewrite grants at every run"
    assert cell.connect("acme", "acme") == (True, "1"), "the owner keeps its own rights"


def test_a_database_that_is_made_or_renamed_later_is_closed_at_the_next_run(cell: Server):
    cell.sql('CREATE DATABASE "acme--restored" OWNER acme')
    assert cell.sql(OPEN_TENANTS) != "0", "PostgreSQL closes it by itself: the job would be for nothing"
    assert cell.sql(f"SELECT {CLOSE_FUNCTION}()") == "1"
    assert cell.sql(OPEN_TENANTS) == "0"


def test_the_guard_may_call_its_function_and_nothing_else(cell: Server):
    done = cell.run(
        *("psql", "-XAtq", "-h", str(cell.data), "-p", PORT, "-d", "postgres"),
        *(f"--command=SET ROLE {GUARD_ROLE}", '--command=DROP DATABASE "acme--restored"'),
        check=False,
    )
    assert "must be owner" in done.stderr
    mighty = cell.sql("SELECT rolname FROM pg_roles WHERE rolsuper OR rolcreatedb OR rolcreaterole")
    assert mighty == "postgres"


def test_a_tenant_may_not_call_the_guards_function(cell: Server):
    went, said = cell.connect("acme", "postgres", f"SELECT {CLOSE_FUNCTION}()")
    assert not went
    assert "permission denied" in said


def test_the_guard_does_not_log_in_without_its_certificate(cell: Server):
    went, said = cell.connect(GUARD_ROLE, "postgres")
    assert not went
    assert "certificate" in said


def test_the_limit_of_a_role_is_kept_by_the_server(cell: Server):
    hold = "SELECT count(*) FROM pg_stat_activity, pg_sleep(0)"
    assert cell.connect("acme", "acme", hold)[0]
    cell.sql("ALTER ROLE acme CONNECTION LIMIT 0")
    went, said = cell.connect("acme", "acme")
    assert not went
    assert "too many connections for role" in said
    cell.sql("ALTER ROLE acme CONNECTION LIMIT 2")


def test_a_tenant_makes_nothing_in_the_database_that_all_share(cell: Server):
    for statement in (
        "CREATE TABLE left_behind (id int)",
        "CREATE TEMPORARY TABLE t (id int)",
        "CREATE SCHEMA s",
    ):
        went, said = cell.connect("acme", "postgres", statement)
        assert not went, f"{statement} worked: {said}"


def test_who_restores_needs_a_certificate_and_no_password_will_do(cell: Server):
    cell.sql(f"CREATE ROLE {RESTORE_ROLE} LOGIN SUPERUSER PASSWORD 'of-{RESTORE_ROLE}'")
    try:
        for database in ("acme", "postgres"):
            went, said = cell.connect(RESTORE_ROLE, database)
            assert not went, "a password would open every database of the cell"
            assert "valid client certificate" in said
    finally:
        cell.sql(f"DROP ROLE {RESTORE_ROLE}")
