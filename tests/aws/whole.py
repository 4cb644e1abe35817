"""All parts of the AWS side that keep, name and pay for things, declared together as an environment declares them."""

from datetime import date

from components.backup.component import Backup, BackupArgs
from components.backup.plan import plan_backup
from components.cache.component import Caches, CachesArgs
from components.cache.plan import plan_caches
from components.cost.component import Cost, CostArgs
from components.cost.plan import plan_cost
from components.edge.component import Edge, EdgeArgs
from components.edge.plan import Certificates, plan_edge
from components.eks.plan import plan_eks
from components.files.component import Files, FilesArgs
from components.files.plan import plan_files
from components.keys.component import Keys, KeysArgs
from components.keys.plan import plan_keys
from components.registry.component import Registry, RegistryArgs
from components.registry.plan import plan_registry
from components.secrets.component import Secrets, SecretsArgs
from components.secrets.plan import plan_secrets
from components.storage.component import Storage, StorageArgs
from components.storage.plan import plan_storage
from spec.environment import EnvironmentSpec
from spec.tenant import TenantSpec
from tests.aws.recording import AwsRecorder, Stage, record_aws
from tests.aws.samples import aws_of

TODAY = date(2026, 11, 1)
SUBNETS = ("subnet-a", "subnet-b", "subnet-c")


def declare(
    stage: Stage,
    environment: EnvironmentSpec,
    tenants: tuple[TenantSpec, ...],
    certificates: Certificates = "cert-manager",
) -> None:
    """Declare every part, wired as `components/aws/component.py` is to wire it."""
    aws, top, far = aws_of(environment), stage.top, stage.far
    network = {"vpc_id": "vpc-1", "cidr": "10.64.0.0/16", "subnet_ids": SUBNETS}
    keys = Keys("keys", KeysArgs(plan=plan_keys(environment, aws), far_provider=far), top).outputs
    storage = plan_storage(environment, aws)
    if storage is not None:
        Storage("storage", StorageArgs(plan=storage, keys=keys, far_provider=far), top)
    Registry("registry", RegistryArgs(plan=plan_registry(environment, aws), keys=keys, far_provider=far), top)
    secrets = Secrets("secrets", SecretsArgs(plan=plan_secrets(environment, aws, tenants), keys=keys), top)
    Backup("backup", BackupArgs(plan=plan_backup(environment, aws), keys=keys, far_provider=far), top)
    files = plan_files(environment, aws, tenants)
    Files("files", FilesArgs(plan=files, keys=keys, far_provider=far, **network), top)
    caches = plan_caches(environment, aws, tenants)
    if caches is not None:
        found = secrets.outputs.passwords
        passwords = {tenant.id: found[f"tenant-{tenant.id}", "cache-password"] for tenant in tenants}
        Caches("cache", CachesArgs(plan=caches, keys=keys, passwords=passwords, **network), top)
    edge = plan_edge(environment, aws, tenants, certificates=certificates)
    Edge("edge", EdgeArgs(plan=edge, **network), top)
    cost = plan_cost(environment, aws, tenants, plan_eks(environment, aws), today=TODAY)
    Cost("cost", CostArgs(plan=cost), top)


def recorded(
    environment: EnvironmentSpec,
    tenants: tuple[TenantSpec, ...],
    certificates: Certificates = "cert-manager",
) -> AwsRecorder:
    """Return what all parts register."""
    return record_aws(environment, lambda stage: declare(stage, environment, tenants, certificates))
