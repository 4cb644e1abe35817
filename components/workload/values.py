"""What the chart of a tenant takes. `values.schema.json` beside the chart is generated from these models.

Nothing here is decided: the plan decides, the chart writes it out, and whatever does not fit is refused twice, by
these models and by Helm. Keys are camelCase in files. No value is a secret: secrets are named, and read in the cluster.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from spec.model import SpecModel
from spec.problems import refusal
from spec.quantity import quantity_value
from spec.vocabulary import EnvironmentName, Fqdn, Port, Quantity, TenantId, TimeZone

PARENT_BYTES: Final = 256 * 2**20
"""Memory that is left for the parent of the workers; see the tier table."""
DIGEST: Final = r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+(:[A-Za-z0-9._-]+)?@sha256:[0-9a-f]{64}$"
NAME: Final = r"^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$"
CRON: Final = r"^[0-9]{1,2} [0-9]{1,2} ([0-9]{1,2}|\*) ([0-9]{1,2}|\*) [0-9*,a-zA-Z-]+$"
_MIGRATING: Final[JsonDict] = {
    "if": {"properties": {"phase": {"const": "migrate"}}},
    "then": {"required": ["migration"], "properties": {"migration": {"type": "object"}}},
}
"""A schema has no other way to say that one field is needed because of another one's value."""

Image = Annotated[str, Field(pattern=DIGEST)]
Name = Annotated[str, Field(pattern=NAME)]
Release = Annotated[str, Field(pattern=r"^[1-9][0-9]?(\.[0-9]{1,4}){2,3}(-[a-z0-9]{1,20})?$")]
Bytes = Annotated[int, Field(strict=True, ge=64 * 2**20)]
Seconds = Annotated[int, Field(strict=True, ge=1, le=86400)]


class ChartModel(SpecModel):
    """A spec model whose keys are camelCase in files."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )


class ReleaseValues(ChartModel):
    """What is the same for every tenant of a release."""

    version: Release
    """The release, such as 18.0.3."""
    odoo: Literal["18.0", "19.0"]
    """The series of Odoo that the image holds."""
    image: Image
    """Odoo with the shops' modules, by digest."""
    tools: Image
    """What serves the page of a closed shop, by digest: no part of Odoo is in it."""
    attempt: Annotated[int, Field(strict=True, ge=1, le=99)] = 1
    """Counts up when the same release is tried again: a Job is never run twice under one name."""


class Resources(ChartModel):
    """What a container asks for, and what it may have."""

    cpu_request: Quantity
    cpu_limit: Quantity
    memory_request: Quantity
    memory_limit: Quantity


class Window(ChartModel):
    """A stretch of time in which a number of pods stands ready, whatever the load."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    """Why, for people."""
    time_zone: TimeZone
    start: Annotated[str, Field(pattern=CRON)]
    """When it begins: minute, hour, day, month and weekday."""
    end: Annotated[str, Field(pattern=CRON)]
    """When it ends."""
    replicas: Annotated[int, Field(strict=True, ge=1, le=50)]


class Scaling(ChartModel):
    """Between which numbers of pods KEDA chooses, and by what."""

    min: Annotated[int, Field(strict=True, ge=0, le=50)]
    max: Annotated[int, Field(strict=True, ge=1, le=50)]
    cpu_percent: Annotated[int, Field(strict=True, ge=10, le=95)] | None = None
    """CPU, in percent of the request, above which pods are added; None: only the windows count."""
    windows: tuple[Window, ...] = ()

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.min > self.max:
            raise refusal(f"has a least of {self.min} pods and a most of {self.max}", at=("min",))
        if self.min == 0 and not self.windows:
            # The CPU of nothing is nothing: only a window wakes what sleeps.
            raise refusal("would sleep for good: min is 0 and no window wakes it", at=("windows",))
        return self


class OdooLimits(ChartModel):
    """Odoo's own limits of one process, and its connections; see docs/reference/workload.md for the arithmetic."""

    workers: Annotated[int, Field(strict=True, ge=1, le=32)]
    db_maxconn: Annotated[int, Field(strict=True, ge=1, le=64)]
    """Most connections of each worker."""
    memory_soft: Bytes
    """Address space of a worker, in bytes, above which it ends after its request."""
    memory_hard: Bytes
    """Address space of a worker, in bytes, above which its request fails."""
    time_cpu: Seconds
    time_real: Seconds


class ProcessValues(ChartModel):
    """One kind of process."""

    replicas: Annotated[int, Field(strict=True, ge=1, le=50)]
    odoo: OdooLimits
    resources: Resources
    scaling: Scaling | None = None
    """None: always `replicas` pods."""

    @model_validator(mode="after")
    def _recycles_before_it_is_killed(self) -> Self:
        taken = self.odoo.workers * self.odoo.memory_soft + PARENT_BYTES
        limit = quantity_value(self.resources.memory_limit)
        if taken > limit:
            message = (
                f"{self.odoo.workers} workers and their parent take up to {taken} bytes, and the pod's limit is "
                f"{limit:f}"
            )
            fix = "lower memorySoft or workers: the kernel would end the pod before Odoo recycles a worker"
            raise refusal(message, at=("odoo", "memorySoft"), fix=fix)
        if self.odoo.memory_hard < self.odoo.memory_soft:
            raise refusal("is below memorySoft", at=("odoo", "memoryHard"))
        return self


class DatabaseValues(ChartModel):
    """Where the tenant's database is, by which of two ways."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    """Database, and the role that owns it: PostgreSQL lets no role into a database of another name."""
    primary: Annotated[str, Field(min_length=1, max_length=253)]
    """Host for everything that needs a connection of its own."""
    pooler: Annotated[str, Field(min_length=1, max_length=253)]
    """Host for web, where connections are shared by transaction."""
    port: Port = 5432


class CacheValues(ChartModel):
    """Where sessions are kept."""

    host: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """None: the Secret says it under cache-host, because AWS chooses the name."""
    port: Port = 6379
    tls: bool


class ExternalValues(ChartModel):
    """From which entry of the secret store the Secret is made."""

    store: Name
    """The SecretStore of the tenant's namespace; the platform makes it, and nobody else may."""
    key: Annotated[str, Field(pattern=r"^storefleet/tenants/[a-z0-9-]+/odoo$")]
    """The entry with the passwords."""
    cache_key: Annotated[str, Field(pattern=r"^storefleet/tenants/[a-z0-9-]+/cache$")] | None = None
    """The entry with the host of the cache, where AWS chooses it."""


class SecretValues(ChartModel):
    """The Secret that every process reads."""

    name: Name = "odoo"
    external: ExternalValues | None = None
    """None: somebody else puts the Secret there."""


class FilesValues(ChartModel):
    """The volume of Odoo's filestore."""

    storage_class: Name
    size: Quantity


class RouteValues(ChartModel):
    """Hosts that share a certificate, and so an IngressRoute."""

    name: Name
    hosts: Annotated[tuple[Fqdn, ...], Field(min_length=1, max_length=50)]


class EdgeValues(ChartModel):
    """How the tenant is reached, and how much of it at a time."""

    issuer: Name
    """The ClusterIssuer of the certificates."""
    routes: Annotated[tuple[RouteValues, ...], Field(min_length=1, max_length=50)]
    sticky: bool
    """Whether a visitor keeps to one pod: only where sessions stay in pods."""
    max_body_bytes: Annotated[int, Field(strict=True, ge=2**20, le=2**30)]
    requests_per_second: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    """Of one address."""
    burst: Annotated[int, Field(strict=True, ge=1, le=20_000)]
    logins_per_minute: Annotated[int, Field(strict=True, ge=1, le=1000)]
    """Of one address."""
    in_flight: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    """Of the whole shop at once: what is beyond is refused before it queues in front of the workers."""


class MigrationValues(ChartModel):
    """The step from one schema to the next."""

    checkpoint: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,126}$")]
    """Id of the verified backup that was taken for this release."""
    record_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the checkpoint's record, so that no other one passes for it."""
    deadline_seconds: Seconds
    resources: Resources


class RehearsalValues(ChartModel):
    """The same step on a copy that can reach nobody."""

    database: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    """Name of the copy, and of the role that owns it."""
    secret: Name
    """The Secret with the copy's own password; the tenant's own is never given to a rehearsal."""
    deadline_seconds: Seconds
    resources: Resources


class Toleration(ChartModel):
    """A taint that the pods may stand."""

    key: str
    value: str
    effect: Literal["NoSchedule"] = "NoSchedule"
    operator: Literal["Equal"] = "Equal"


class WorkloadValues(ChartModel):
    """Everything that the chart takes."""

    model_config = ConfigDict(json_schema_extra={"allOf": [_MIGRATING]})

    tenant: TenantId
    environment: EnvironmentName
    namespace: Annotated[str, Field(pattern=r"^t-[a-z0-9-]{1,61}$")]
    labels: Annotated[dict[str, str], Field(min_length=1)]
    """Labels of every object."""
    phase: Literal["serve", "maintenance", "migrate", "closed"]
    """serve: the shop is open. maintenance: it is closed for a while and says so. migrate: that, and its schema
    moves. closed: nothing runs."""
    release: ReleaseValues
    priority_class: Name
    node_selector: dict[str, str]
    tolerations: tuple[Toleration, ...] = ()
    database: DatabaseValues
    cache: CacheValues | None = None
    """None: sessions stay in the pods, and a restart logs people out."""
    files: FilesValues
    secrets: SecretValues
    web: ProcessValues
    websocket: ProcessValues
    cron: ProcessValues
    jobs: ProcessValues | None = None
    """None: the tenant has no queue of jobs."""
    edge: EdgeValues
    migration: MigrationValues | None = None
    rehearsal: RehearsalValues | None = None

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if self.phase == "migrate" and self.migration is None:
            fix = "state the checkpoint that was taken for the release; without one there is no way back"
            raise refusal("is missing, and the phase is migrate", at=("migration",), fix=fix)
        if self.rehearsal is not None and self.rehearsal.database == self.database.name:
            fix = f"name the copy, such as {self.database.name}-rehearsal"
            raise refusal("is the shop's own database", at=("rehearsal", "database"), fix=fix)
        if self.rehearsal is not None and self.rehearsal.secret == self.secrets.name:
            raise refusal("is the shop's own Secret", at=("rehearsal", "secret"), fix="give the copy its own")
        hosts = [host for route in self.edge.routes for host in route.hosts]
        if twice := sorted({host for host in hosts if hosts.count(host) > 1}):
            raise refusal(f"has {', '.join(twice)} more than once", at=("edge", "routes"))
        return self

    def document(self) -> dict[str, Any]:
        """Return the values as they stand in a file: plain, camelCase, without what is left at None."""
        return self.model_dump(mode="json", exclude_none=True)
