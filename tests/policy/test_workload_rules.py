"""The rules about pods, images, secrets and data in the cluster, each broken in several ways."""

import pytest

from tests.policy.breaks import BREAKS, broken
from tests.policy.changes import Case, added, assert_refused, both, pop, put
from tests.policy.harness import judge
from tests.policy.parts import an_object, containers_of

pytestmark = pytest.mark.policy

POD = "spec/template/spec"
WEB = f"{POD}/containers/0"
CONTEXT = f"{WEB}/securityContext"
LOW = "spec/jobTemplate/spec/template/spec"
CONF = "data/odoo.conf"
OPTIONS = "[options]\nlist_db = False\n"
NODE_DISK = {"name": "x", "hostPath": {"path": "/"}}
HELD = {"name": "x", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
ALL_BUT_NONE = {"minAvailable": 2, "selector": {"matchLabels": {"app": "odoo"}}}
UNSIGNED = f"ghcr.io/cloudnative-pg/postgresql@sha256:{'0' * 64}"

CASES: list[Case] = [
    ("sa-token", BREAKS["sa-token"], "every pod that uses it gets a token"),
    ("sa-token", put("web", f"{POD}/automountServiceAccountToken", pop), "its pods get a token"),
    ("sa-token", put("web", f"{POD}/volumes", [HELD]), "its volume x holds a token"),
    ("sa-token", added("v1", "Secret", type="kubernetes.io/service-account-token"), "never expires"),
    ("pod-restricted", BREAKS["pod-restricted"], "container web may gain privileges"),
    ("pod-restricted", put("web", f"{POD}/hostNetwork", True), "share the node's Network"),
    (
        "pod-restricted",
        put("web", f"{POD}/volumes", [NODE_DISK]),
        "of the kind hostPath",
    ),
    ("pod-restricted", put("web", f"{POD}/securityContext/runAsNonRoot", pop), "may run as root"),
    ("pod-restricted", put("web", f"{POD}/securityContext/runAsUser", 0), "runs as user 0"),
    ("pod-restricted", put("web", f"{POD}/securityContext/seccompProfile", pop), "has no seccomp profile"),
    (
        "pod-restricted",
        put("web", f"{POD}/securityContext/seccompProfile/type", "Unconfined"),
        "switch seccomp off",
    ),
    (
        "pod-restricted",
        put("web", f"{POD}/securityContext/sysctls", [{"name": "kernel.msgmax"}]),
        "set the sysctl",
    ),
    ("pod-restricted", put("web", f"{POD}/securityContext/seLinuxOptions", {"type": "spc_t"}), "SELinux"),
    ("pod-restricted", put("web", f"{CONTEXT}/privileged", True), "is privileged"),
    (
        "pod-restricted",
        put("web", f"{CONTEXT}/capabilities", {"drop": ["NET_RAW"]}),
        "keeps Linux capabilities",
    ),
    (
        "pod-restricted",
        put("web", f"{CONTEXT}/capabilities/add", ["SYS_PTRACE"]),
        "adds Linux capabilities",
    ),
    ("pod-restricted", put("web", f"{CONTEXT}/procMount", "Unmasked"), "unmasked /proc"),
    (
        "pod-restricted",
        put("web", f"{WEB}/ports", [{"containerPort": 80, "hostPort": 80}]),
        "takes a port of the node",
    ),
    (
        "pod-restricted",
        put("web", f"{WEB}/livenessProbe/httpGet/host", "10.0.0.1"),
        "a probe that names a host",
    ),
    ("pod-restricted", put("vacuum", f"{LOW}/hostPID", True), "share the node's PID"),
    ("image-signed", BREAKS["image-signed"], "was not verified"),
    (
        "image-signed",
        put("database", "spec/imageName", UNSIGNED),
        "of the database",
    ),
    ("image-signed", lambda stack: stack.remove("verifier"), "refuses an unsigned image"),
    ("availability", BREAKS["availability"], "no PodDisruptionBudget"),
    (
        "availability",
        put("budget", "spec", ALL_BUT_NONE),
        "no node",
    ),
    ("availability", put("budget", "spec/maxUnavailable", "0%"), "no node that it is on can be emptied"),
    ("availability", put("web", f"{POD}/topologySpreadConstraints", []), "its 2 pods may all be on one node"),
    ("availability", put("web", f"{WEB}/readinessProbe", pop), "container web has no readinessProbe"),
    (
        "availability",
        both(
            lambda stack: stack.remove("budget"),
            put("web", "spec/replicas", pop),
            added(
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                spec={"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 3},
            ),
        ),
        "no PodDisruptionBudget",
    ),
    ("odoo-hardening", BREAKS["odoo-hardening"], "lets anybody see and manage databases"),
    ("odoo-hardening", put("config", CONF, "[options]\ndbfilter = ^acorn$\n"), "see and manage databases"),
    ("odoo-hardening", put("config", CONF, OPTIONS), "opens more than one database"),
    ("odoo-hardening", put("config", CONF, f"{OPTIONS}dbfilter = acorn\n"), "opens more than one database"),
    ("odoo-hardening", put("config", CONF, f"{OPTIONS}dbfilter = ^%d$\n"), "opens more than one database"),
    (
        "odoo-hardening",
        put("config", CONF, f"{OPTIONS}dbfilter = ^acorn.*$\n"),
        "opens more than one database",
    ),
    (
        "odoo-hardening",
        put("secret", "stringData/odoo.conf", f"{OPTIONS}dbfilter = ^acorn$\n"),
        "leaves the master password at Odoo's own",
    ),
    (
        "odoo-hardening",
        put("web", f"{WEB}/args", ["odoo", "--db-filter", "^a"]),
        "opens more than one database",
    ),
    ("odoo-hardening", put("web", f"{WEB}/args", ["odoo", "--database-list"]), "--no-database-list"),
    ("odoo-hardening", put("web", f"{WEB}/env", []), "takes its master password from no Secret"),
    ("secret-source", BREAKS["secret-source"], "is not under storefleet/tenants/acorn/"),
    (
        "secret-source",
        put("external-secret", "spec/data/0/remoteRef/key", "storefleet/tenants/acorn/../birch/db"),
        "spec.data[0].remoteRef.key",
    ),
    (
        "secret-source",
        put("external-secret", "spec/dataFrom", [{"find": {"name": {"regexp": ".*"}}}]),
        "find.path",
    ),
    ("secret-source", put("external-secret", "spec/dataFrom", [{"extract": {"key": "x"}}]), "extract.key"),
    ("secret-source", put("secret-store", "spec/conditions", pop), "every namespace may read from it"),
    (
        "secret-source",
        put("secret-store", "spec/conditions", [{"namespaceSelector": {"matchLabels": {"a": "b"}}}]),
        "every namespace may read from it",
    ),
    (
        "secret-source",
        added("external-secrets.io/v1", "ClusterExternalSecret", namespace=None, spec={}),
        "one secret into several namespaces",
    ),
    ("encryption-at-rest", BREAKS["encryption-at-rest"], "volumes of this class"),
    ("encryption-at-rest", put("disks", "parameters/kmsKeyId", "alias/aws/ebs"), "a key that AWS manages"),
    ("backup-enabled", BREAKS["backup-enabled"], "no ScheduledBackup"),
    ("backup-enabled", put("database", "spec/plugins", []), "nothing archives its write-ahead log"),
    ("backup-enabled", put("object-store", "spec/retentionPolicy", "7d"), "kept for 7d"),
    ("backup-enabled", lambda stack: stack.remove("object-store"), "kept for an unknown time"),
    ("backup-enabled", lambda stack: stack.remove("backup"), "nothing backs it up"),
    ("backup-enabled", put("backup", "metadata/annotations", {}), "kept for less than 35 days"),
    ("stateful-protected", BREAKS["stateful-protected"], "PersistentVolumeClaim t-acorn/files"),
    (
        "stateful-protected",
        lambda stack: setattr(stack.objects["namespace"], "protect", False),
        "Namespace t-acorn",
    ),
    (
        "stateful-protected",
        lambda stack: setattr(stack.objects["database"], "protect", False),
        "Cluster cell-north",
    ),
    ("stateful-protected", put("disks", "reclaimPolicy", "Delete"), "deleted with their claims"),
    (
        "stateful-protected",
        added("v1", "PersistentVolume", namespace=None, spec={"persistentVolumeReclaimPolicy": "Delete"}),
        "deleted with its claim",
    ),
]


@pytest.mark.parametrize(("rule", "change", "problem"), CASES, ids=[f"{r}: {p}" for r, _, p in CASES])
def test_a_stack_broken_in_one_place_is_refused_by_that_rule_alone(rule, change, problem):
    assert_refused(rule, change, problem)


def test_a_master_password_in_a_config_map_is_a_secret_in_plain_text_as_well():
    content = f"{OPTIONS}dbfilter = ^acorn$\nadmin_passwd = x\n"
    assert_refused(
        "odoo-hardening", put("config", CONF, content), "sets the master password", also="no-plaintext-secret"
    )


def test_availability_is_advice_where_no_customer_waits():
    def change(stack):
        BREAKS["availability"](stack)
        for declared in stack.objects.values():
            declared.manifest["metadata"]["labels"]["storefleet.dev/environment"] = "dev"

    judgement = judge(broken(change))
    assert not judgement.breaches, "a developer's stack would be refused"
    assert [rule for rule, _ in judgement.advice] == ["availability"]


def test_an_image_that_may_be_written_to_is_advice():
    judgement = judge(broken(put("web", f"{CONTEXT}/readOnlyRootFilesystem", pop)))
    assert not judgement.breaches
    assert [rule for rule, _ in judgement.advice] == ["pod-restricted"]


def test_an_unsigned_image_is_accepted_outside_the_environments_that_are_configured():
    elsewhere = {"image-signed": {"environments": ["dr"]}}
    assert not judge(broken(BREAKS["image-signed"]), elsewhere).breaches


def test_retention_is_shorter_where_no_customers_data_are_in_use():
    stack = broken(put("object-store", "spec/retentionPolicy", "7d"))
    for key in ("database", "files"):
        stack[key]["metadata"]["labels"]["storefleet.dev/environment"] = "staging"
    assert not judge(stack).breaches


def test_retention_follows_the_tier():
    stack = broken(put("object-store", "spec/retentionPolicy", "30d"))
    assert judge(stack).rules == {"backup-enabled"}
    stack["database"]["metadata"]["labels"]["storefleet.dev/tier"] = "shared"
    assert not judge(stack).breaches
    assert judge(stack, {"backup-enabled": {"sharedDays": 31}}).rules == {"backup-enabled"}


def test_an_addition_to_an_operators_pod_is_judged_by_what_it_says_only():
    pooler = an_object(
        "example.com/v1", "Pooler", "x", spec={"template": {"spec": {"containers": [{"name": "a"}]}}}
    )
    assert judge(broken(lambda stack: stack.add("x", pooler))).rules == {"resources-set"}
    pooler["spec"]["template"]["spec"]["hostNetwork"] = True
    assert judge(broken(lambda stack: stack.add("x", pooler))).rules == {"resources-set", "pod-restricted"}


def test_a_master_password_may_come_from_a_mounted_secret():
    def change(stack):
        container = containers_of(stack)[0]
        container["env"] = []
        container["volumeMounts"] = [{"name": "conf", "mountPath": "/etc/odoo"}]
        stack["web"]["spec"]["template"]["spec"]["volumes"] = [
            {"name": "conf", "secret": {"secretName": "odoo"}}
        ]

    assert not judge(broken(change)).breaches


@pytest.mark.parametrize(
    ("state", "confirmation", "refused"),
    [
        ("purged", "t-acorn 2027-03-01", False),
        ("purged", "t-birch 2027-03-01", True),
        ("archived", "t-acorn 2027-03-01", True),
        ("purged", "", True),
    ],
)
def test_only_a_purge_that_names_the_tenant_may_lift_the_protection(state, confirmation, refused):
    stack = broken(lambda stack: setattr(stack.objects["namespace"], "protect", False))
    metadata = stack["namespace"]["metadata"]
    metadata["labels"]["storefleet.dev/state"] = state
    metadata.setdefault("annotations", {})["storefleet.dev/confirm-deletion"] = confirmation
    assert ("stateful-protected" in judge(stack).rules) is refused
