"""Which secrets an environment in AWS keeps, under which names, and who reads them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from components.storage.lifecycle import WITH_CUSTOMERS
from components.tagging import tags
from spec.aws import AwsSpec
from spec.environment import EnvironmentSpec
from spec.tenant import TenantSpec
from spec.vocabulary import Sensitivity, TenantState

TENANT_PREFIX: Final = "storefleet/tenants/"
CELL_PREFIX: Final = "storefleet/cells/"
PLATFORM_PREFIX: Final = "storefleet/platform/"
"""What names begin with; the tenant's, the cell's or the part's own name follows. External Secrets is held to the
part of whoever asks by the rule secret-source."""

CACHE_OPERATOR: Final = "_operator"
"""Field with the password of who looks after a cache in a pod; no tenant's id begins with an underscore."""

BACKUP_IDENTITY: Final = "backup-identity"
"""Entry of the platform with the private key that opens backups."""
NO_IDENTITY: Final = "# storefleet backup keygen <file>, and write the file's content here\n"
"""Its first content, with which no drill passes: a key that the program made would be in its state."""

PROBE_PASSWORD: Final = "probe-password"  # noqa: S105 - the name of a field
"""Field of a tenant's entry: the password of the user of its shop that places synthetic orders."""

NAME_LIMIT: Final = 512
"""Longest name that the secret store takes."""
PASSWORD_LENGTH: Final = 40
"""Letters and digits only, which no URL, file or shell takes for something else: 238 bits."""

NOBODY: Final = "https://nobody.invalid/"
"""Where alerts go before somebody says where to: a name that resolves to nothing."""
ALERTS_TO_NOBODY: Final = """\
route:
  receiver: nobody
  group_by: [alertname, namespace]
receivers:
  - name: nobody
"""
"""The first configuration of Alertmanager: alerts are shown, and sent nowhere before somebody says where to."""


@dataclass(frozen=True, kw_only=True)
class SecretPlan:
    """One entry of the store: `fields` are the names of its passwords, each made by the program.

    `copies` names fields that another entry has already, as (field, key of that entry, its field): the same
    password for whoever checks it and whoever shows it. `texts` stand beside them and are no secret.
    """

    key: str
    name: str
    fields: tuple[str, ...] = ()
    copies: tuple[tuple[str, str, str], ...] = ()
    texts: Mapping[str, str]
    by_hand: bool = False
    """Whether people write it from its second version on: no run changes it back."""
    tags: Mapping[str, str]
    why: str


@dataclass(frozen=True, kw_only=True)
class SecretsPlan:
    """All entries, those that others copy from first; `recovery_days` is how long a deleted one can come back."""

    secrets: tuple[SecretPlan, ...]
    far_region: str | None
    recovery_days: int
    reasons: tuple[str, ...]


def plan_secrets(environment: EnvironmentSpec, aws: AwsSpec, tenants: Sequence[TenantSpec]) -> SecretsPlan:
    """Plan the secrets of an environment and its tenants. The environment dr makes none: it reads the replicas.

    Raises:
        ValueError: a name is longer than the store takes.

    """
    made: tuple[SecretPlan, ...] = ()
    if aws.stands_in_for is None:
        made = (
            *_of_platform(environment, aws),
            *(secret for tenant in tenants for secret in _of_tenant(environment, aws, tenant)),
            *_of_caches(environment, aws, tenants),
        )
    for secret in made:
        if len(secret.name) > NAME_LIMIT:
            raise ValueError(
                f"{secret.name} is no name of a secret: it is longer than {NAME_LIMIT} characters"
            )
    return SecretsPlan(
        secrets=made,
        far_region=aws.dr_region,
        recovery_days=30 if environment.name in WITH_CUSTOMERS else 7,
        reasons=_reasons(aws),
    )


def _of_platform(environment: EnvironmentSpec, aws: AwsSpec) -> Iterator[SecretPlan]:
    own = tags(environment, data_class=Sensitivity.INTERNAL, residency=aws.jurisdiction)
    yield SecretPlan(
        key="platform-grafana",
        name=f"{PLATFORM_PREFIX}grafana",
        fields=("admin-password",),
        texts={"admin-user": "admin"},
        tags=own,
        why="The way into Grafana when sign-on does not work.",
    )
    yield SecretPlan(
        key="platform-alertmanager",
        name=f"{PLATFORM_PREFIX}alertmanager",
        texts={"alertmanager.yaml": ALERTS_TO_NOBODY, "page-url": NOBODY, "ticket-url": NOBODY},
        by_hand=True,
        tags=own,
        why="Whom alerts are sent to: addresses and tokens of people's own services, written here by hand.",
    )
    if environment.recovery is not None:
        yield SecretPlan(
            key="platform-backup-identity",
            name=f"{PLATFORM_PREFIX}{BACKUP_IDENTITY}",
            texts={"key": NO_IDENTITY},
            by_hand=True,
            tags=own,
            why="The private key for drills. Who made it writes it here, and keeps it where no backup is.",
        )


def _of_tenant(environment: EnvironmentSpec, aws: AwsSpec, tenant: TenantSpec) -> Iterator[SecretPlan]:
    # Until the purge somebody may have to open the data again.
    if tenant.state is TenantState.PURGED:
        return
    own = tags(
        environment,
        data_class=tenant.data_sensitivity,
        cost_centre=tenant.cost_centre,
        tenant=tenant.id,
        tier=tenant.tier,
        cell=tenant.cell,
        residency=aws.jurisdiction,
    )
    first = f"tenant-{tenant.id}"
    yield SecretPlan(
        key=first,
        name=f"{TENANT_PREFIX}{tenant.id}/odoo",
        fields=("admin-password", "database-password", "cache-password", PROBE_PASSWORD),
        texts={},
        tags=own,
        why="What runs for the tenant needs: Odoo's master password, and the ways to its database, cache and orders.",
    )
    yield SecretPlan(
        key=f"role-{tenant.id}",
        name=f"{CELL_PREFIX}{tenant.cell}/roles/{tenant.id}",
        copies=(("password", first, "database-password"),),
        texts={"username": tenant.id},
        tags=own,
        why="The same password for the cell's PostgreSQL, which may not read the tenant's part of the store.",
    )


def _of_caches(
    environment: EnvironmentSpec, aws: AwsSpec, tenants: Sequence[TenantSpec]
) -> Iterator[SecretPlan]:
    """One entry a cell with the passwords of its cache's users, where the cache is a pod: ElastiCache has its own."""
    if aws.cache != "pod":
        return
    for cell, spec in sorted(environment.cells.items()):
        members = [each for each in tenants if each.cell == cell and each.state is not TenantState.PURGED]
        yield SecretPlan(
            key=f"cache-{cell}",
            name=f"{CELL_PREFIX}{cell}/cache",
            fields=(CACHE_OPERATOR,),
            copies=tuple((each.id, f"tenant-{each.id}", "cache-password") for each in members),
            texts={},
            tags=tags(
                environment,
                data_class=Sensitivity.INTERNAL,
                cell=cell,
                tier=spec.tier,
                residency=aws.jurisdiction,
            ),
            why="The users of the cell's cache: the list is made from it where the passwords arrive.",
        )


def _reasons(aws: AwsSpec) -> tuple[str, ...]:
    if aws.stands_in_for is not None:
        return (
            (
                "No secret is made here: production's are replicated to this region, and a role that is restored here "
                "must have the password that its data were written with."
            ),
        )
    reasons = [
        (
            "Passwords are made by the program and go from the engine's encrypted state to the secret store; no file, "
            "no output and no message holds one."
        ),
        "Names do not say which environment they belong to: one account and region holds one environment.",
    ]
    if aws.dr_region is not None:
        reasons.append(
            f"Every entry is replicated to {aws.dr_region}, under a key whose material is there too."
        )
    return tuple(reasons)
