"""What a tenant has in the PostgreSQL of its cell: a role, a database, and the password by reference.

The objects stand in the cell's namespace, where no tenant's team has a right: who may write a DatabaseRole may make a
superuser. Both are named after the tenant's namespace, so that one line confirms a purge for all that goes.
"""

from typing import Any, Final

from components.database.plan import LOCALE, has_databases
from components.database.secrets import external_secret
from components.labelling import tenant_labels
from components.manifests import KubeObject, manifest
from components.secrets.plan import CELL_PREFIX
from spec import labels
from spec.capacity import load_of
from spec.databases import TASK_CONNECTIONS
from spec.environment import EnvironmentSpec
from spec.lifecycle import deletion_confirmed
from spec.naming import DATABASE_CLUSTER, cell_namespace, tenant_namespace
from spec.tenant import TenantSpec
from spec.vocabulary import TenantState

_API: Final = "postgresql.cnpg.io/v1"
EXTENSIONS: Final = ("pg_trgm", "unaccent")
"""Extensions that Odoo uses for search and may not create by itself."""

_MAY_CONNECT: Final = frozenset({TenantState.ACTIVE, TenantState.SUSPENDED})


def connection_limit(tenant: TenantSpec, environment: EnvironmentSpec) -> int:
    """Return the most connections of a tenant's role: its share of the budget, and two tasks beside.

    PostgreSQL refuses more, so that a tenant whose processes run away takes nothing from its neighbours. Of one
    that is suspended only the last backup connects.
    """
    if tenant.state is not TenantState.ACTIVE:
        return TASK_CONNECTIONS
    return load_of(tenant, environment.cells.get(tenant.cell)).connections + TASK_CONNECTIONS


def plan_tenant_database(tenant: TenantSpec, environment: EnvironmentSpec) -> tuple[KubeObject, ...]:
    """Plan a tenant's role and database; nothing where the environment runs no databases."""
    if not has_databases(environment):
        return ()
    purged = tenant.state is TenantState.PURGED
    namespace, name = cell_namespace(tenant.cell), tenant_namespace(tenant.id)
    own = tenant_labels(tenant, environment.name) | {labels.STATE: tenant.state.value}
    # Without it the cluster's own guard refuses to delete the database.
    confirmed = {labels.CONFIRM_DELETION: deletion_confirmed(tenant)} if purged else None
    reclaim = "delete" if purged else "retain"

    def planned(kind: str, spec: dict[str, Any]) -> Any:  # noqa: ANN401 - a manifest
        return manifest(_API, kind, name, namespace=namespace, labels=own, annotations=confirmed, spec=spec)

    secret = external_secret(
        environment,
        namespace,
        name,
        own,
        keys={
            field: (f"{CELL_PREFIX}{tenant.cell}/roles/{tenant.id}", field)
            for field in ("username", "password")
        },
        template={"type": "kubernetes.io/basic-auth"},
    )
    return (
        KubeObject(
            key="role-password",
            manifest=secret,
            why="The password of the tenant's role, for PostgreSQL; the tenant's own namespace reads another entry.",
        ),
        KubeObject(
            key="role",
            manifest=planned(
                "DatabaseRole",
                {
                    "cluster": {"name": DATABASE_CLUSTER},
                    "name": tenant.id,
                    "comment": f"Odoo of {tenant.id}",
                    "login": tenant.state in _MAY_CONNECT,
                    # What a role may not besides is not said: the operator drops each `false` when it writes the
                    # object, and every `up` would put it back.
                    "connectionLimit": connection_limit(tenant, environment),
                    "passwordSecret": {"name": name},
                    "databaseRoleReclaimPolicy": reclaim,
                },
            ),
            why=_role_why(tenant, environment),
            protect=not purged,
            after=("role-password",),
        ),
        KubeObject(
            key="database",
            manifest=planned(
                "Database",
                {
                    "cluster": {"name": DATABASE_CLUSTER},
                    "name": tenant.id,
                    "owner": tenant.id,
                    "template": "template0",
                    "encoding": "UTF8",
                    "localeProvider": "builtin",
                    "builtinLocale": LOCALE,
                    "databaseReclaimPolicy": reclaim,
                    "extensions": [{"name": each, "ensure": "present"} for each in EXTENSIONS],
                },
            ),
            why=(
                "The purge is confirmed: the next run deletes this, and the operator drops the database."
                if purged
                else "The tenant's data. Deleting this object would leave the database; only a purge drops it."
            ),
            protect=not purged,
            after=("role",),
        ),
    )


def _role_why(tenant: TenantSpec, environment: EnvironmentSpec) -> str:
    if tenant.state not in _MAY_CONNECT:
        return f"Owns the database and may not log in while the tenant is {tenant.state}."
    limit = connection_limit(tenant, environment)
    return f"Owns the tenant's database and sees no other. At most {limit} connections, by the cell's budget."
