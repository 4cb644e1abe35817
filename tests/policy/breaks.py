"""How each rule is broken: the rule -> what to do to the baseline so that it, and no other, is broken once."""

from collections.abc import Callable, Mapping, Sequence

from tests.policy.baseline import baseline
from tests.policy.parts import CANARY, DIGEST, IMAGE, Declared, Stack, containers_of

Break = Callable[[Stack], None]


def _without_default_deny(stack: Stack) -> None:
    stack.remove("default-deny")


def _another_team(stack: Stack) -> None:
    stack["team"]["subjects"][0]["name"] = "storefleet:tenant:birch"


def _any_node(stack: Stack) -> None:
    del stack["web"]["spec"]["template"]["spec"]["nodeSelector"]


def _without_certificate(stack: Stack) -> None:
    del stack["ingress"]["spec"]["tls"]


def _foreign_host(stack: Stack) -> None:
    stack["route"]["spec"]["routes"][0]["match"] = "Host(`birch.example`)"


def _node_port(stack: Stack) -> None:
    stack["service"]["spec"]["type"] = "NodePort"


def _every_verb(stack: Stack) -> None:
    stack["role"]["rules"][0]["verbs"] = ["*"]


def _with_token(stack: Stack) -> None:
    stack["service-account"]["automountServiceAccountToken"] = True


def _may_escalate(stack: Stack) -> None:
    containers_of(stack)[0]["securityContext"]["allowPrivilegeEscalation"] = True


def _without_limit(stack: Stack) -> None:
    del containers_of(stack)[0]["resources"]["limits"]


def _foreign_registry(stack: Stack) -> None:
    containers_of(stack)[0]["image"] = f"registry.example/odoo@{DIGEST}"


def _unsigned(stack: Stack) -> None:
    containers_of(stack)[0]["image"] = IMAGE.replace(DIGEST, "sha256:" + "66" * 32)


def _without_budget(stack: Stack) -> None:
    stack.remove("budget")


def _listed_databases(stack: Stack) -> None:
    files = stack["config"]["data"]
    files["odoo.conf"] = files["odoo.conf"].replace("list_db = False", "list_db = True")


def _password_in_environment(stack: Stack) -> None:
    containers_of(stack)[0]["env"].append({"name": "PGPASSWORD", "value": CANARY})


def _foreign_secret(stack: Stack) -> None:
    stack["external-secret"]["spec"]["data"][0]["remoteRef"]["key"] = "storefleet/tenants/birch/db"


def _plain_disks(stack: Stack) -> None:
    stack["disks"]["parameters"]["encrypted"] = "false"


def _without_schedule(stack: Stack) -> None:
    stack.remove("nightly")


def _unprotected(stack: Stack) -> None:
    stack.objects["files"].protect = False


def _default_provider(stack: Stack) -> None:
    stack.objects["config"].explicit = False


def _expired_waiver(stack: Stack) -> None:
    waiver = '{"owner": "ops@acorn.example", "reason": "Moving to a new image.", "expires": "2025-01-31"}'
    stack["web"]["metadata"]["annotations"] = {"storefleet.dev/waive-pod-restricted": waiver}


def _without_cost_centre(stack: Stack) -> None:
    del stack["config"]["metadata"]["labels"]["storefleet.dev/cost-centre"]


BREAKS: Mapping[str, Break] = {
    "tenant-isolation": _without_default_deny,
    "no-cross-tenant-ref": _another_team,
    "dedicated-compute": _any_node,
    "ingress-tls": _without_certificate,
    "ingress-host-owned": _foreign_host,
    "service-exposure": _node_port,
    "rbac-least": _every_verb,
    "sa-token": _with_token,
    "pod-restricted": _may_escalate,
    "resources-set": _without_limit,
    "image-digest": _foreign_registry,
    "image-signed": _unsigned,
    "availability": _without_budget,
    "odoo-hardening": _listed_databases,
    "no-plaintext-secret": _password_in_environment,
    "secret-source": _foreign_secret,
    "encryption-at-rest": _plain_disks,
    "backup-enabled": _without_schedule,
    "stateful-protected": _unprotected,
    "explicit-provider": _default_provider,
    "waivers-valid": _expired_waiver,
    "required-labels": _without_cost_centre,
}
"""The rules about the cluster. `tests.policy.cloud` breaks those about AWS."""


def broken(*breaks: Break) -> Stack:
    """Return the baseline after the given changes."""
    stack = baseline()
    for change in breaks:
        change(stack)
    return stack


def stack_to_declare(breaking: str | None) -> Sequence[Declared]:
    """Return what a program declares: the baseline, with the named rule broken."""
    return list((broken(BREAKS[breaking]) if breaking else baseline()).objects.values())
