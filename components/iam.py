"""IAM policies as the JSON that AWS takes. Pure: plans write them, tests evaluate them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

Condition: TypeAlias = Mapping[str, Mapping[str, str | Sequence[str]]]
"""Operator -> key -> value or values, such as ``{"StringEquals": {"aws:SourceAccount": "111122223333"}}``."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a policy."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ()
    effect: str = "Allow"
    principal: Mapping[str, str | Sequence[str]] = field(default_factory=lambda: MappingProxyType({}))
    condition: Condition = field(default_factory=lambda: MappingProxyType({}))

    def as_json(self) -> dict[str, Any]:
        """Return it as AWS writes it; what is empty is left out."""
        found: dict[str, Any] = {"Sid": self.sid, "Effect": self.effect}
        if self.principal:
            found["Principal"] = {kind: _plain(names) for kind, names in self.principal.items()}
        found["Action"] = list(self.actions)
        if self.resources:
            found["Resource"] = list(self.resources)
        if self.condition:
            found["Condition"] = {
                operator: {key: _plain(value) for key, value in tests.items()}
                for operator, tests in self.condition.items()
            }
        return found


def _plain(value: str | Sequence[str]) -> str | list[str]:
    return value if isinstance(value, str) else list(value)


def statement(
    sid: str, actions: Iterable[str], resources: Iterable[str], *, condition: Condition = MappingProxyType({})
) -> Statement:
    """Return a statement that allows actions on resources."""
    return Statement(sid=sid, actions=tuple(actions), resources=tuple(resources), condition=condition)


def document(*statements: Statement) -> str:
    """Return a policy as text; the same statements always give the same text."""
    return json.dumps({"Version": "2012-10-17", "Statement": [each.as_json() for each in statements]})


def assume_by_service(service: str, *, account: str | None) -> str:
    """Return the trust policy of a role that one service of AWS takes on, for one account only.

    Without the account anybody's resources could make the service use the role (the confused deputy). None is for
    EC2, which takes on roles of its own account only and states none.
    """
    own: Condition = {} if account is None else {"StringEquals": {"aws:SourceAccount": account}}
    return document(
        Statement(sid="Service", actions=("sts:AssumeRole",), principal={"Service": service}, condition=own)
    )


def assume_by_pod(*, account: str, cluster: str, namespace: str, service_account: str) -> str:
    """Return the trust policy of a role that EKS Pod Identity hands to the pods of one service account.

    Args:
        account: the account of the cluster.
        cluster: ARN of the cluster.
        namespace: the namespace; `t-*` stands for all tenants', each of which is told apart by its session tag.
        service_account: the exact service account.

    EKS sets the tags of the request itself, from the pod that asks, so they cannot be forged in the cluster.

    """
    operator = "StringLike" if "*" in namespace else "StringEquals"
    own: dict[str, dict[str, str]] = {
        "StringEquals": {
            "aws:SourceAccount": account,
            "aws:RequestTag/kubernetes-service-account": service_account,
        },
        "ArnEquals": {"aws:SourceArn": cluster},
    }
    own.setdefault(operator, {})["aws:RequestTag/kubernetes-namespace"] = namespace
    return document(
        Statement(
            sid="Pods",
            actions=("sts:AssumeRole", "sts:TagSession"),
            principal={"Service": "pods.eks.amazonaws.com"},
            condition=own,
        )
    )
