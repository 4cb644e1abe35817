"""The kubeconfig of an EKS cluster: it holds no credentials, and says how to get them."""

import json

from components.eks.plan import EksPlan


def kubeconfig(plan: EksPlan, endpoint: str, authority: str, role_arn: str) -> str:
    """Return a kubeconfig, as JSON, that takes on a role by the AWS command line.

    Args:
        plan: the cluster.
        endpoint: URL of its API.
        authority: its certificate authority, in base 64.
        role_arn: the role; whoever uses the file must be allowed to take it on.

    """
    arguments = [
        "eks",
        "get-token",
        "--cluster-name",
        plan.name,
        "--region",
        plan.region,
        "--role-arn",
        role_arn,
    ]
    get_token = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "aws",
        "args": [*arguments, "--output", "json"],
        "interactiveMode": "Never",
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": plan.name,
                    "cluster": {"server": endpoint, "certificate-authority-data": authority},
                }
            ],
            "users": [{"name": plan.name, "user": {"exec": get_token}}],
            "contexts": [{"name": plan.name, "context": {"cluster": plan.name, "user": plan.name}}],
            "current-context": plan.name,
        }
    )
