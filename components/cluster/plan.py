"""Which cluster an environment lives in, and how it is reached."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from spec.environment import EmbeddedCluster, EnvironmentSpec
from spec.problems import Problem, SpecError

KUBECONFIG_VARIABLE: Final = "STOREFLEET_KUBECONFIG"
"""Names the kubeconfig of the embedded cluster when it is not in the checkout."""
EMBEDDED_KUBECONFIG: Final = Path(".storefleet") / "kubeconfig"
"""Where it is otherwise, from the root of the project."""


@dataclass(frozen=True, kw_only=True)
class ClusterPlan:
    """How to reach the cluster. `identifier` decides alone whether it is another cluster than before."""

    identifier: str
    kubeconfig: Path
    context: str | None


def plan_cluster(environment: EnvironmentSpec, root: Path, variables: Mapping[str, str]) -> ClusterPlan:
    """Find the kubeconfig of an environment; `variables` are those of the process.

    Only the absolute path goes further: the file holds credentials, which are not for the state.

    Raises:
        SpecError: there is no such file. Without a cluster the engine would preview against nothing and say
            that all is well.

    """
    cluster = environment.cluster
    if isinstance(cluster, EmbeddedCluster):
        named = variables.get(KUBECONFIG_VARIABLE)
        path, context = Path(named) if named else EMBEDDED_KUBECONFIG, None
        field, fix = "cluster", "start the embedded cluster with make up"
        if named:
            fix += f", or correct the variable {KUBECONFIG_VARIABLE}"
    else:
        path, context = Path(cluster.path).expanduser(), cluster.context
        field, fix = "cluster.path", "write the path of an existing kubeconfig file"
    path = (root / path).resolve()
    if not path.is_file():
        stack_file = f"stacks/Pulumi.{environment.name.value}.yaml"
        message = "there is no kubeconfig file here"
        raise SpecError(
            [
                Problem(
                    file=stack_file,
                    field=f"storefleet:environment.{field}",
                    message=message,
                    value=str(path),
                    fix=fix,
                )
            ]
        )
    return ClusterPlan(identifier=environment.name.value, kubeconfig=path, context=context)
