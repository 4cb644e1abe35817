"""Which cluster an environment lives in, and how it is reached."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from components.cloud.plan import ENDPOINT_VARIABLE
from local.node.known import file_beside, known
from spec.clusters import EksCluster, EmbeddedCluster
from spec.environment import EnvironmentSpec
from spec.problems import Problem, SpecError

KUBECONFIG_VARIABLE: Final = "STOREFLEET_KUBECONFIG"
"""Names the kubeconfig of the embedded cluster when it is not in the checkout, and of the cluster that stands for
EKS in a rehearsal."""
EMBEDDED_KUBECONFIG: Final = Path(".storefleet") / "kubeconfig"
"""Where it is otherwise, from the root of the project."""


@dataclass(frozen=True, kw_only=True)
class ClusterPlan:
    """How to reach the cluster. `identifier` decides alone whether it is another cluster than before."""

    identifier: str
    kubeconfig: Path | None
    """Its kubeconfig file; None: the one that the EKS cluster of the same run gives."""
    context: str | None
    images: Mapping[str, str] | None = None
    """Each image that plans name and the one that the real node has; None: no pod runs there."""


def plan_cluster(
    environment: EnvironmentSpec, root: Path, variables: Mapping[str, str]
) -> ClusterPlan | None:
    """Find the kubeconfig of an environment; `variables` are those of the process.

    Only the absolute path goes further: the file holds credentials, which are not for the state. None where the
    environment stands by without a cluster.

    Raises:
        SpecError: there is no such file. Without a cluster the engine would preview against nothing and say
            that all is well.

    """
    if environment.aws is not None and environment.aws.standby == "absent":
        return None
    place = _place(environment, variables)
    if place is None:
        return ClusterPlan(identifier=environment.name.value, kubeconfig=None, context=None)
    path, context, field, fix = place
    path = (root / path).resolve()
    if not path.is_file():
        raise _refusal(environment, field, "there is no kubeconfig file here", str(path), fix)
    return ClusterPlan(
        identifier=environment.name.value,
        kubeconfig=path,
        context=context,
        images=_images(environment, file_beside(path)),
    )


def _images(environment: EnvironmentSpec, file: Path) -> dict[str, str] | None:
    if not isinstance(environment.cluster, EmbeddedCluster) or environment.cluster.pods != "real":
        return None
    fix = "start the real node with make up, which builds them: plain pulumi does not"
    try:
        return known(file)
    except FileNotFoundError:
        message = "nobody says which images the real node has"
        raise _refusal(environment, "cluster.pods", message, str(file), fix) from None
    except ValueError:
        message = "what says which images the real node has cannot be read"
        raise _refusal(environment, "cluster.pods", message, str(file), fix) from None


def _place(
    environment: EnvironmentSpec, variables: Mapping[str, str]
) -> tuple[Path, str | None, str, str] | None:
    """Return path, context, field and fix of the kubeconfig; None where EKS gives it."""
    cluster, named = environment.cluster, variables.get(KUBECONFIG_VARIABLE)
    if isinstance(cluster, EksCluster):
        if named:
            return Path(named), None, "cluster", f"correct the variable {KUBECONFIG_VARIABLE}, or unset it"
        if variables.get(ENDPOINT_VARIABLE):
            message = "the simulated AWS of a rehearsal has no cluster that could be reached"
            fix = f"name the kubeconfig of another in the variable {KUBECONFIG_VARIABLE}"
            raise _refusal(environment, "cluster", message, "", fix)
        return None
    if isinstance(cluster, EmbeddedCluster):
        fix = "start the embedded cluster with make up"
        if named:
            fix += f", or correct the variable {KUBECONFIG_VARIABLE}"
        return Path(named) if named else EMBEDDED_KUBECONFIG, None, "cluster", fix
    fix = "write the path of an existing kubeconfig file"
    return Path(cluster.path).expanduser(), cluster.context, "cluster.path", fix


def _refusal(environment: EnvironmentSpec, field: str, message: str, value: str, fix: str) -> SpecError:
    problem = Problem(
        file=f"stacks/Pulumi.{environment.name.value}.yaml",
        field=f"storefleet:environment.{field}",
        message=message,
        value=value,
        fix=fix,
    )
    return SpecError([problem])
