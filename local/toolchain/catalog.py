"""The pins of the programs: the version of each and where it comes from."""

from __future__ import annotations

from local.toolchain.pins import Program

GO_VERSION = "1.27.3"
"""Argo CD 3.6 needs Go 1.27; `go.txt` pins the wheel of the same version by hash."""

KUBERNETES_VERSION = "1.37.2"
PULUMI_VERSION = "3.259.0"
KUBERNETES_PROVIDER_VERSION = "4.25.0"
RANDOM_PROVIDER_VERSION = "4.21.4"
PROMETHEUS_VERSION = "3.13.5"


def _kubernetes(
    name: str, minutes: float, probe: tuple[str, ...] = ("--version",), *, on_demand: bool = False
) -> Program:
    major, minor, _ = KUBERNETES_VERSION.split(".")
    variable = "k8s.io/component-base/version.git"
    linker = (
        f"{variable}Version=v{KUBERNETES_VERSION}",
        f"{variable}Major={major}",
        f"{variable}Minor={minor}",
    )
    package = f"k8s.io/kubernetes/cmd/{name}"
    return Program(
        name=name,
        version=KUBERNETES_VERSION,
        module="controlplane",
        package=package,
        linker=linker,
        probe=probe,
        minutes=minutes,
        on_demand=on_demand,
    )


def _node(name: str, version: str, folder: str, minutes: float) -> Program:
    """Return a program of the real node, of the version of the library that it is made of."""
    return Program(
        name=name, version=version, module="node", package=f"./{folder}", minutes=minutes, on_demand=True
    )


_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"
_PROVIDER_FILES = "cmd/pulumi-resource-kubernetes"

PULUMI = Program(
    name="pulumi",
    version=PULUMI_VERSION,
    module="engine",
    package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    linker=(f"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{PULUMI_VERSION}",),
    probe=("version",),
    minutes=6,
)
KUBERNETES_PROVIDER = Program(
    name="pulumi-resource-kubernetes",
    version=KUBERNETES_PROVIDER_VERSION,
    module="kubernetes",
    package=".",
    linker=(f"main.version={KUBERNETES_PROVIDER_VERSION}",),
    copies=(
        (_PROVIDER, f"{_PROVIDER_FILES}/schema.json"),
        (_PROVIDER, f"{_PROVIDER_FILES}/terraform-mapping.json"),
    ),
    minutes=6,
)
RANDOM_PROVIDER = Program(
    name="pulumi-resource-random",
    version=RANDOM_PROVIDER_VERSION,
    module="engine",
    package="./random",
    linker=(f"main.version={RANDOM_PROVIDER_VERSION}",),
    minutes=1,
)
PROVIDERS = (KUBERNETES_PROVIDER, RANDOM_PROVIDER)

ETCD = Program(
    name="etcd",
    version="3.7.3",
    module="controlplane",
    package="go.etcd.io/etcd/server/v3",
    probe=("--version",),
    minutes=0.3,
)
APISERVER = _kubernetes("kube-apiserver", 6)
CONTROLLER_MANAGER = _kubernetes("kube-controller-manager", 2)
SCHEDULER = _kubernetes("kube-scheduler", 0.2)
KUBECTL = _kubernetes("kubectl", 0.4, probe=("version", "--client"))
KUBELET = _kubernetes("kubelet", 0.7, on_demand=True)
KUBE_PROXY = _kubernetes("kube-proxy", 0.3, on_demand=True)
KWOK = Program(
    name="kwok",
    version="0.8.0",
    module="controlplane",
    package="sigs.k8s.io/kwok/cmd/kwok",
    linker=("sigs.k8s.io/kwok/pkg/consts.Version=0.8.0",),
    probe=("--version",),
    minutes=0.3,
)
ARGOCD = Program(
    name="argocd",
    version="3.6.1",
    module="controlplane",
    package="github.com/argoproj/argo-cd/v3/cmd",
    linker=("github.com/argoproj/argo-cd/v3/common.version=3.6.1",),
    probe=("version", "--client", "--short"),
    minutes=4,
)
REDIS = Program(
    name="miniredis",
    version="2.39.0",
    module="redis",
    package=".",
    minutes=0.1,
)
"""Redis as a Go library, of the version that Argo CD's own tests use: no Redis is served as a Go module."""


CYCLONUS = Program(
    name="cyclonus",
    version="0.5.6",
    module="analysis",
    package="github.com/mattfenwick/cyclonus/cmd/cyclonus",
    minutes=1,
    on_demand=True,  # the tests', to judge the network policies independently
)
KUBE_SCORE = Program(
    name="kube-score",
    version="1.19.0",
    module="analysis",
    package="github.com/zegl/kube-score/cmd/kube-score",
    linker=("main.version=1.19.0",),
    minutes=0.5,
    on_demand=True,
)
HELM = Program(
    name="helm",
    version="3.22.0",
    module="helm",
    package="helm.sh/helm/v3/cmd/helm",
    linker=("helm.sh/helm/v3/internal/version.version=v3.22.0",),
    probe=("version", "--short"),
    minutes=2,
)

VERSITYGW = Program(
    name="versitygw",
    version="1.8.0",
    module="objectstore",
    package="github.com/versity/versitygw/cmd/versitygw",
    linker=("main.Version=1.8.0",),
    probe=("--version",),
    minutes=2,
    on_demand=True,  # the recovery tests', which need a store with versions and Object Lock
)

ACTIONLINT = Program(
    name="actionlint",
    version="1.7.12",
    module="workflows",
    package="github.com/rhysd/actionlint/cmd/actionlint",
    linker=("github.com/rhysd/actionlint.version=1.7.12",),
    probe=("-version",),
    minutes=0.2,
    on_demand=True,  # the tests' of the workflows
)

_VERSION = "github.com/prometheus/common/version.Version"


def _prometheus(name: str, minutes: float) -> Program:
    return Program(
        name=name,
        version=PROMETHEUS_VERSION,
        module="monitoring",
        package=f"github.com/prometheus/prometheus/cmd/{name}",
        linker=(f"{_VERSION}={PROMETHEUS_VERSION}",),
        probe=("--version",),
        minutes=minutes,
        on_demand=True,  # the tests' of the rules, and the release's story; the pages of its own are not built
    )


PROMTOOL = _prometheus("promtool", 4)
PROMETHEUS = _prometheus("prometheus", 1)

ROLLOUTS_VERSION = "1.10.2"
ROLLOUTS = Program(
    name="rollouts-controller",
    version=ROLLOUTS_VERSION,
    module="rollouts",
    package="github.com/argoproj/argo-rollouts/cmd/rollouts-controller",
    linker=(f"github.com/argoproj/argo-rollouts/utils/version.version={ROLLOUTS_VERSION}",),
    minutes=3,
    on_demand=True,  # the tests' of the gates as runs of an analysis
)

COREDNS = _node("coredns", "1.15.0", "dns", 1)
NODE_VOLUMES = _node("node-volumes", "13.1.0", "volumes", 0.5)
NODE_POLICIES = _node("node-policies", "0.8.0", "policies", 0.5)
NODE_PROGRAMS = (KUBELET, KUBE_PROXY, COREDNS, NODE_VOLUMES, NODE_POLICIES)
"""Of the real node, which is there on request."""

PROGRAMS = (
    PULUMI,
    *PROVIDERS,
    ETCD,
    APISERVER,
    CONTROLLER_MANAGER,
    SCHEDULER,
    KUBECTL,
    KWOK,
    ARGOCD,
    HELM,
    REDIS,
    CYCLONUS,
    KUBE_SCORE,
    VERSITYGW,
    PROMTOOL,
    PROMETHEUS,
    ACTIONLINT,
    ROLLOUTS,
    *NODE_PROGRAMS,
)
"""In the order in which they are built: what takes longest and is needed by all comes first."""
