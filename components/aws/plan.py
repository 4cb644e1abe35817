"""The AWS side of an environment as a whole: every part's plan, from the spec alone."""

from dataclasses import dataclass, replace
from datetime import date

from components.backup.plan import BackupPlan, plan_backup
from components.cache.plan import CachesPlan, plan_caches
from components.cost.plan import CostPlan, plan_cost
from components.delivery.projects import calendars_in_use
from components.edge.plan import EdgePlan, plan_edge
from components.eks.plan import EksPlan, plan_eks
from components.eks.storage import storage_classes
from components.extensions.plan import ExtensionsPlan, plan_extensions
from components.files.plan import FilesPlan, plan_files
from components.identity.plan import NOBODY, IdentityPlan, plan_identity
from components.keys.plan import KeysPlan, plan_keys
from components.manifests import KubeObject
from components.operators.plan import OperatorsPlan, inputs_of, plan_operators
from components.registry.plan import RegistryPlan, plan_registry
from components.secrets.plan import SecretsPlan, plan_secrets
from components.storage.plan import StoragePlan, plan_storage
from components.vpc.plan import VpcPlan, plan_vpc
from spec.aws import AwsSpec
from spec.clusters import EksCluster
from spec.fleet import Fleet


@dataclass(frozen=True, kw_only=True)
class AwsPlan:
    """What will exist in AWS, part by part, and in the cluster because it runs there."""

    aws: AwsSpec
    keys: KeysPlan
    vpc: VpcPlan
    storage: StoragePlan | None
    """None where objects are kept in a store that is already there."""
    registry: RegistryPlan
    secrets: SecretsPlan
    files: FilesPlan
    caches: CachesPlan | None
    """None where sessions are kept in pods."""
    backup: BackupPlan
    edge: EdgePlan
    identity: IdentityPlan
    cost: CostPlan
    eks: EksPlan | None
    """None where another cluster is given, or a second region stands by without one."""
    operators: OperatorsPlan | None
    """None where no node could run them."""
    classes: tuple[KubeObject, ...]
    extensions: ExtensionsPlan | None
    """What the operators are told; None where nothing could act on it."""


def plan_aws(fleet: Fleet, today: date) -> AwsPlan | None:
    """Plan an environment's AWS side; None where it has none. `today` decides which peaks are still to come."""
    environment = fleet.environment
    aws = environment.aws
    if aws is None:
        return None
    operators = _operators(fleet, aws)
    files = plan_files(environment, aws, fleet.tenants)
    eks = plan_eks(environment, aws) if isinstance(environment.cluster, EksCluster) else None
    return AwsPlan(
        aws=aws,
        keys=plan_keys(environment, aws),
        vpc=plan_vpc(environment, aws),
        storage=plan_storage(environment, aws),
        registry=plan_registry(environment, aws),
        secrets=plan_secrets(environment, aws, fleet.tenants),
        files=files,
        caches=plan_caches(environment, aws, fleet.tenants),
        backup=plan_backup(environment, aws),
        edge=plan_edge(environment, aws, fleet.tenants),
        identity=plan_identity(
            environment, fleet.tenants, operators.service_accounts if operators is not None else NOBODY
        ),
        cost=plan_cost(environment, aws, fleet.tenants, eks, today=today),
        eks=eks,
        operators=operators,
        classes=storage_classes(environment, aws),
        extensions=plan_extensions(environment, aws, fleet.tenants, files),
    )


def _operators(fleet: Fleet, aws: AwsSpec) -> OperatorsPlan | None:
    # Helm waits until what it installed runs. Without nodes that would never be.
    if aws.standby in {"pilot-light", "absent"}:
        return None
    inputs = replace(inputs_of(fleet.environment), calendars=calendars_in_use(fleet))
    return plan_operators(fleet.environment, inputs)
