"""The pins of files that other projects publish: the CRDs of the operators, and what kwok does."""

from __future__ import annotations

from local.toolchain.catalog import ROLLOUTS_VERSION
from local.toolchain.pins import Files

CRDS = (
    Files(
        name="cloudnative-pg",
        module="github.com/cloudnative-pg/cloudnative-pg",
        version="v1.30.0",
        sum="h1:fnhVq44xXx97MNiuvJsPrX1vSjYbgdyBK5MSGfdHdp0=",
        patterns=("config/crd/bases/postgresql.cnpg.io_*.yaml",),
    ),
    Files(
        name="plugin-barman-cloud",
        module="github.com/cloudnative-pg/plugin-barman-cloud",
        version="v0.14.0",
        sum="h1:kpTo7egntRIM15hvo0xtOj07wyjj23jcz/Co0KfzC7s=",
        patterns=("config/crd/bases/*.yaml",),
    ),
    Files(
        name="traefik",
        module="github.com/traefik/traefik/v3",
        version="v3.7.13",
        sum="h1:T8wy9KuaFzCkmXCqAzDy7t73pBDR1DHrJe3pqXpNXTw=",
        patterns=("docs/content/reference/dynamic-configuration/traefik.io_*.yaml",),
    ),
    Files(
        name="cert-manager",
        module="github.com/cert-manager/cert-manager",
        version="v1.21.2",
        sum="h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68=",
        patterns=("deploy/crds/*.yaml",),
    ),
    Files(
        name="external-secrets",
        module="github.com/external-secrets/external-secrets",
        version="v1.3.2",
        sum="h1:u2J8RjlHIeF0oZCqtl92adI/uZWUwOesJIDkfql6LqQ=",
        patterns=("config/crds/bases/external-secrets.io_*.yaml",),
    ),
    Files(
        name="keda",
        module="github.com/kedacore/keda/v2",
        version="v2.21.0",
        sum="h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=",
        patterns=("config/crd/bases/keda.sh_*.yaml",),
    ),
    Files(
        name="prometheus-operator",
        module="github.com/prometheus-operator/prometheus-operator",
        version="v0.85.0",
        sum="h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        patterns=("example/prometheus-operator-crd/*.yaml",),
    ),
    Files(
        name="argo-cd",
        module="github.com/argoproj/argo-cd/v3",
        version="v3.6.1",
        sum="h1:OmhqeKiR3C//awbFrhQqFdtRI+Qiv17j8vqm3UkMj/g=",
        patterns=("manifests/crds/*-crd.yaml",),
    ),
    Files(
        name="argo-rollouts",
        module="github.com/argoproj/argo-rollouts",
        version=f"v{ROLLOUTS_VERSION}",
        sum="h1:sEPWsY+HUvnXj3Vh0ejb+GDTceQ/palqhFo2FVQJMk0=",
        patterns=("manifests/crds/*analysis-*-crd.yaml",),
    ),
)
"""Custom resources of the controllers that the platform uses, at the versions it installs elsewhere."""

CLOUD_CRDS = (
    Files(
        name="policy-controller",
        module="github.com/sigstore/policy-controller",
        version="v0.13.1",
        sum="h1:Woy+6bQ7pT/0m3/PSO2RtDxSHKBZ/8iHpCZFcZJThM8=",
        patterns=("config/300-*.yaml",),
    ),
    Files(
        name="karpenter",
        module="github.com/aws/karpenter-provider-aws",
        version="v1.14.1",
        sum="h1:WGtIQTQcxpElYMdWfWuPwaF2+9muR+hYhPZsTtoY8Gs=",
        patterns=("pkg/apis/crds/karpenter.*.yaml",),
    ),
)
"""Custom resources of controllers that only an environment in AWS has; `make up` neither fetches nor applies them."""

KWOK_FILES = Files(
    name="kwok",
    module="sigs.k8s.io/kwok",
    version="v0.8.0",
    sum="h1:OTIOTwgROqPMovcTwxICx2eYQ4AwLpSx5EpjbDKF4SQ=",
    patterns=(
        "kustomize/rbac/role.yaml",
        "kustomize/stage/node/fast/node-*.yaml",
        "kustomize/stage/node/heartbeat-with-lease/node-*.yaml",
        "kustomize/stage/pod/fast/pod-*.yaml",
    ),
)
"""What kwok does to nodes and pods (its stages), and the role it needs for that."""
