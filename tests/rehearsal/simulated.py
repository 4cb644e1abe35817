"""The simulated AWS of the rehearsal: moto's server, and in front of it what moto lacks.

    python simulated.py PORT

Runs in the environment of the group `rehearsal`, which has moto and nothing of Storefleet, so nothing of
Storefleet is imported here. It listens on loopback alone and keeps everything in memory. Added: EKS add-ons,
access entries, Pod Identity associations and versions of add-ons; the configuration that a cluster and a node
group were given; tags, policy and description of KMS replica keys; Budgets; Backup selections; Cost Explorer's
anomaly monitors. `/_rehearsal/lost` takes the name of a region that answers nothing from then on (empty: all
answer), and `/_rehearsal/unknown` lists the calls that nobody here could answer.
"""

# ruff: noqa: C901, PLR0911, PLR0912 - a service is a table of its calls, and reads best as one
import json
import os
import re
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, unquote

from moto.eks.models import eks_backends
from moto.kms.models import kms_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

ACCOUNT = os.environ.setdefault("MOTO_ACCOUNT_ID", "123456789012")
SCOPE = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
GIVEN_BACK = (
    "accessConfig", "computeConfig", "deletionProtection", "encryptionConfig", "kubernetesNetworkConfig",
    "logging", "remoteNetworkConfig", "resourcesVpcConfig", "storageConfig", "upgradePolicy", "zonalShiftConfig",
)  # fmt: skip
Json = dict[str, Any]
Answer = tuple[int, Json]


class Refused(Exception):  # noqa: N818
    """What AWS would answer with an error: its code, text and status."""

    def __init__(self, code: str, message: str, status: int = 404) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@dataclass
class Call:
    """One request, as far as it matters here."""

    method: str
    parts: list[str]
    query: dict[str, list[str]]
    body: Json
    region: str
    service: str
    target: str
    forward: Callable[[], Answer]


@dataclass
class Kept:
    """Everything that is kept beside moto, by what it is and where."""

    things: dict[tuple[str, ...], Json] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    unknown: dict[str, int] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def get(self, *key: str) -> Json:
        if key not in self.things:
            raise Refused("ResourceNotFoundException", f"No {key[0]} found: {key[-1]}")
        return self.things[key]

    def below(self, *key: str) -> list[Json]:
        return [self.things[k] for k in sorted(self.things) if k[: len(key)] == key]

    def put(self, thing: Json, *key: str) -> Json:
        if key in self.things:
            raise Refused("ResourceInUseException", f"{key[0]} already exists: {key[-1]}", 409)
        self.things[key] = thing
        return thing

    def drop(self, *key: str) -> None:
        for k in [k for k in self.things if k[: len(key)] == key]:
            del self.things[k]


KEPT = Kept()


def now() -> float:
    return round(time.time(), 3)


def arn(call: Call, what: str) -> str:
    return f"arn:aws:{call.service}:{call.region}:{ACCOUNT}:{what}"


def update(kind: str) -> Answer:
    return 200, {
        "update": {"id": str(uuid.uuid4()), "status": "Successful", "type": kind, "createdAt": now()}
    }


def eks(call: Call) -> Answer | None:
    """EKS: what belongs to a cluster, and the cluster's own configuration."""
    parts, region = call.parts, call.region
    if parts == ["addons", "supported-versions"]:
        names = call.query.get("addonName", ["vpc-cni", "coredns", "kube-proxy"])
        offered = [
            {"clusterVersion": v, "defaultVersion": True}
            for v in call.query.get("kubernetesVersion", ["1.34"])
        ]
        version = {
            "addonVersion": "v1.0.0-eksbuild.1",
            "architecture": ["amd64", "arm64"],
            "compatibilities": offered,
        }
        return 200, {"addons": [{"addonName": name, "addonVersions": [version]} for name in names]}
    if parts == ["clusters"] and call.method == "POST":
        KEPT.things["cluster", region, call.body["name"]] = {
            k: call.body[k] for k in GIVEN_BACK if k in call.body
        }
        return with_configuration(call, call.body["name"])
    if len(parts) < 2 or parts[0] != "clusters":
        return None
    name, rest = parts[1], parts[2:]
    if name not in eks_backends[ACCOUNT][region].clusters:
        raise Refused("ResourceNotFoundException", f"No cluster found for name: {name}.")
    match (call.method, rest):
        case ("GET", []):
            return with_configuration(call, name)
        case ("DELETE", []):
            KEPT.drop("cluster", region, name)
            return None
        case ("POST", ["update-config"]):
            kept = KEPT.things.setdefault(("cluster", region, name), {})
            for key in set(GIVEN_BACK) & set(call.body):
                merged = (
                    {**kept.get(key, {}), **call.body[key]}
                    if isinstance(call.body[key], dict)
                    else call.body[key]
                )
                kept[key] = merged
            return update("ConfigUpdate")
        case ("POST", ["updates"]):
            eks_backends[ACCOUNT][region].clusters[name].version = call.body["version"]
            return update("VersionUpdate")
        case ("GET", ["updates", identity]):
            return 200, {"update": {"id": identity, "status": "Successful", "type": "ConfigUpdate"}}
        case ("POST", ["node-groups"]):
            given = {k: call.body[k] for k in ("updateConfig", "nodeRepairConfig") if k in call.body}
            KEPT.things["nodegroup", region, name, call.body["nodegroupName"]] = given
            return with_nodegroup(call, name, call.body["nodegroupName"])
        case ("GET", ["node-groups", group]):
            return with_nodegroup(call, name, group)
        case ("POST", ["node-groups", _, "update-version"]):
            return update("VersionUpdate")
        case (_, ["addons", *below]):
            return addons(call, name, below)
        case (_, ["access-entries", *below]):
            return access_entries(call, name, below)
        case (_, ["pod-identity-associations", *below]):
            return associations(call, name, below)
    return None


def with_configuration(call: Call, name: str) -> Answer:
    status, answer = call.forward()
    if status >= 400:
        return status, answer
    kept, cluster = KEPT.things.get(("cluster", call.region, name), {}), answer["cluster"]
    cluster |= {
        "accessConfig": {"authenticationMode": "CONFIG_MAP"},
        "upgradePolicy": {"supportType": "EXTENDED"},
    }
    cluster |= {"deletionProtection": False, **{k: v for k, v in kept.items() if k != "resourcesVpcConfig"}}
    cluster["kubernetesNetworkConfig"] = {"ipFamily": "ipv4", **cluster.get("kubernetesNetworkConfig", {})}
    network = {
        "endpointPublicAccess": True,
        "endpointPrivateAccess": False,
        **kept.get("resourcesVpcConfig", {}),
    }
    if network["endpointPublicAccess"]:
        network.setdefault("publicAccessCidrs", ["0.0.0.0/0"])
    fixed = {"clusterSecurityGroupId": "sg-0a1b2c3d4e5f60718", "vpcId": "vpc-0a1b2c3d4e5f60718"}
    cluster["resourcesVpcConfig"] = {**fixed, **(cluster.get("resourcesVpcConfig") or {}), **network}
    return status, answer


def with_nodegroup(call: Call, name: str, group: str) -> Answer:
    status, answer = call.forward()
    if status < 400:
        answer["nodegroup"] |= KEPT.things.get(("nodegroup", call.region, name, group), {})
    return status, answer


def addons(call: Call, cluster: str, below: list[str]) -> Answer:
    where = ("addon", call.region, cluster)
    if not below:
        if call.method == "GET":
            return 200, {"addons": [one["addonName"] for one in KEPT.below(*where)]}
        name = call.body["addonName"]
        made = {k: v for k, v in call.body.items() if k not in ("clientRequestToken", "resolveConflicts")}
        made |= {"clusterName": cluster, "status": "ACTIVE", "createdAt": now(), "modifiedAt": now()}
        made |= {"addonArn": arn(call, f"addon/{cluster}/{name}/{uuid.uuid4()}"), "health": {"issues": []}}
        made.setdefault("addonVersion", "v1.0.0-eksbuild.1")
        return 200, {"addon": KEPT.put(made, *where, name)}
    found = KEPT.get(*where, below[0])
    if call.method == "DELETE":
        KEPT.drop(*where, below[0])
    if below[1:] == ["update"]:
        found |= {k: v for k, v in call.body.items() if k not in ("clientRequestToken", "resolveConflicts")}
        return update("AddonUpdate")
    return 200, {"addon": found}


def access_entries(call: Call, cluster: str, below: list[str]) -> Answer:
    where = ("access", call.region, cluster)
    if not below:
        if call.method == "GET":
            return 200, {"accessEntries": [one["principalArn"] for one in KEPT.below(*where)]}
        principal = call.body["principalArn"]
        made = {"kubernetesGroups": [], "type": "STANDARD", "username": principal, "tags": {}, **call.body}
        made |= {"clusterName": cluster, "createdAt": now(), "modifiedAt": now()}
        made["accessEntryArn"] = arn(call, f"access-entry/{cluster}/role/{uuid.uuid4()}")
        return 200, {"accessEntry": KEPT.put(made, *where, principal)}
    entry, policies = KEPT.get(*where, below[0]), ("policy", call.region, cluster, below[0])
    if below[1:2] == ["access-policies"]:
        if call.method == "GET":
            return 200, {"associatedAccessPolicies": KEPT.below(*policies), "principalArn": below[0]}
        if call.method == "DELETE":
            KEPT.drop(*policies, below[2])
            return 200, {}
        made = {k: call.body[k] for k in ("policyArn", "accessScope")} | {
            "associatedAt": now(),
            "modifiedAt": now(),
        }
        KEPT.things[*policies, call.body["policyArn"]] = made
        return 200, {"clusterName": cluster, "principalArn": below[0], "associatedAccessPolicy": made}
    if call.method == "DELETE":
        KEPT.drop(*where, below[0])
        KEPT.drop(*policies)
    if call.method == "POST":
        entry |= {k: call.body[k] for k in ("kubernetesGroups", "username") if k in call.body}
    return 200, {"accessEntry": entry}


def associations(call: Call, cluster: str, below: list[str]) -> Answer:
    where = ("association", call.region, cluster)
    if not below:
        if call.method == "GET":
            wanted = {k: call.query[k][0] for k in ("namespace", "serviceAccount") if k in call.query}
            found = [one for one in KEPT.below(*where) if all(one[k] == v for k, v in wanted.items())]
            return 200, {"associations": found}
        same = [
            one
            for one in KEPT.below(*where)
            if all(one[k] == call.body[k] for k in ("namespace", "serviceAccount"))
        ]
        if same:
            raise Refused(
                "ResourceInUseException", "Association already exists: " + same[0]["associationId"], 409
            )
        identity = "a-" + uuid.uuid4().hex[:16]
        made = {
            "tags": {},
            **call.body,
            "clusterName": cluster,
            "associationId": identity,
            "createdAt": now(),
        }
        made |= {
            "associationArn": arn(call, f"podidentityassociation/{cluster}/{identity}"),
            "modifiedAt": now(),
        }
        return 200, {"association": KEPT.put(made, *where, identity)}
    found = KEPT.get(*where, below[0])
    if call.method == "DELETE":
        KEPT.drop(*where, below[0])
    if call.method == "POST":
        found |= {k: v for k, v in call.body.items() if k != "clientRequestToken"}
    return 200, {"association": found}


def kms(call: Call) -> Answer | None:
    """KMS: a replica key gets the tags, policy and description that it was given."""
    if call.target != "ReplicateKey":
        return None
    status, answer = call.forward()
    if status < 400:
        there = kms_backends[ACCOUNT][call.body["ReplicaRegion"]]
        key = call.body["KeyId"].rpartition("/")[2]
        there.tag_resource(key, {tag["TagKey"]: tag["TagValue"] for tag in call.body.get("Tags", [])})
        there.keys[key].policy = call.body.get("Policy", there.keys[key].policy)
        there.keys[key].description = call.body.get("Description", "")
    return status, answer


def budgets(call: Call) -> Answer | None:
    """Budgets: budgets with their notifications, subscribers and tags."""
    body, account = call.body, call.body.get("AccountId", ACCOUNT)
    name = (
        body.get("BudgetName")
        or body.get("Budget", {}).get("BudgetName")
        or body.get("NewBudget", {}).get("BudgetName")
    )
    if call.target.endswith(("TagResource", "TagsForResource", "UntagResource")):
        return tags(call, body["ResourceARN"], "ResourceTags")
    key = ("budget", account, str(name))
    if call.target == "CreateBudget":
        if key in KEPT.things:
            raise Refused("DuplicateRecordException", f"the budget {name} exists", 400)
        spent = {"CalculatedSpend": {"ActualSpend": {"Amount": "0", "Unit": "USD"}}}
        period = {"TimePeriod": {"Start": 1767225600, "End": 3706473600}}
        KEPT.things[key] = {**period, **body["Budget"], **spent}
        KEPT.things["tags", f"arn:aws:budgets::{account}:budget/{name}"] = {
            tag["Key"]: tag["Value"] for tag in body.get("ResourceTags", [])
        }
        for each in body.get("NotificationsWithSubscribers", []):
            notify(account, str(name), each["Notification"], each["Subscribers"])
        return 200, {}
    if call.target == "DescribeBudgets":
        return 200, {"Budgets": KEPT.below("budget", account)}
    if key not in KEPT.things:
        raise Refused("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.", 400)
    notices = ("notice", account, str(name))
    match call.target:
        case "DescribeBudget":
            return 200, {"Budget": KEPT.things[key]}
        case "UpdateBudget":
            KEPT.things[key] |= body["NewBudget"]
        case "DeleteBudget":
            KEPT.drop(*key)
            KEPT.drop(*notices)
        case "CreateNotification":
            notify(account, str(name), body["Notification"], body["Subscribers"])
        case "DeleteNotification":
            KEPT.drop(*notices, notice_key(body["Notification"]))
        case "DescribeNotificationsForBudget":
            return 200, {"Notifications": [one["Notification"] for one in KEPT.below(*notices)]}
        case "DescribeSubscribersForNotification":
            return 200, {"Subscribers": KEPT.get(*notices, notice_key(body["Notification"]))["Subscribers"]}
        case _:
            return None
    return 200, {}


def notice_key(notice: Json) -> str:
    kinds = (
        notice["NotificationType"],
        notice["ComparisonOperator"],
        notice.get("ThresholdType", "PERCENTAGE"),
    )
    return " ".join([*kinds, f"{float(notice['Threshold']):g}"])


def notify(account: str, budget: str, notice: Json, subscribers: list[Json]) -> None:
    thing = {"Notification": {"NotificationState": "OK", **notice}, "Subscribers": subscribers}
    KEPT.things["notice", account, budget, notice_key(notice)] = thing


def tags(call: Call, resource: str, field_name: str) -> Answer:
    kept = KEPT.things.setdefault(("tags", resource), {})
    if call.target == "TagResource":
        kept |= {tag["Key"]: tag["Value"] for tag in call.body[field_name]}
    elif call.target == "UntagResource":
        for key in call.body["ResourceTagKeys"]:
            kept.pop(key, None)
    else:
        return 200, {field_name: [{"Key": key, "Value": value} for key, value in sorted(kept.items())]}
    return 200, {}


def anomalies(call: Call) -> Answer | None:
    """Cost Explorer: anomaly monitors and subscriptions."""
    found = re.fullmatch(r"(Create|Get|Update|Delete)Anomaly(Monitor|Subscription)s?", call.target)
    if not found:
        resource = str(call.body.get("ResourceArn", ""))
        known = any(("anomaly", kind, resource) in KEPT.things for kind in ("Monitor", "Subscription"))
        return tags(call, resource, "ResourceTags") if known else None
    verb, kind = found.groups()
    name = f"{kind}Arn"
    if verb == "Create":
        identity = f"arn:aws:ce::{ACCOUNT}:anomaly{kind.lower()}/{uuid.uuid4()}"
        KEPT.put({**call.body[f"Anomaly{kind}"], name: identity}, "anomaly", kind, identity)
        KEPT.things["tags", identity] = {
            tag["Key"]: tag["Value"] for tag in call.body.get("ResourceTags", [])
        }
        return 200, {name: identity}
    if verb == "Get":
        wanted = call.body.get(f"{name}List")
        every = KEPT.below("anomaly", kind)
        return 200, {f"Anomaly{kind}s": [one for one in every if not wanted or one[name] in wanted]}
    if ("anomaly", kind, call.body[name]) not in KEPT.things:
        raise Refused(f"Unknown{kind}Exception", f"there is no {call.body[name]}", 400)
    if verb == "Delete":
        KEPT.drop("anomaly", kind, call.body[name])
        return 200, {}
    KEPT.things["anomaly", kind, call.body[name]] |= call.body
    return 200, {name: call.body[name]}


def backup(call: Call) -> Answer | None:
    """Backup: the selections of a plan."""
    match (call.method, [part for part in call.parts if part]):
        case ("PUT", ["backup", "plans", plan, "selections"]):
            identity = str(uuid.uuid4())
            made = {"BackupPlanId": plan, "SelectionId": identity, "CreationDate": now(), **call.body}
            KEPT.put(made, "selection", call.region, plan, identity)
            return 200, {key: made[key] for key in ("BackupPlanId", "SelectionId", "CreationDate")}
        case ("GET", ["backup", "plans", plan, "selections"]):
            listed = [{**one, **one["BackupSelection"]} for one in KEPT.below("selection", call.region, plan)]
            return 200, {"BackupSelectionsList": listed}
        case ("GET", ["backup", "plans", plan, "selections", identity]):
            return 200, KEPT.get("selection", call.region, plan, identity)
        case ("DELETE", ["backup", "plans", plan, "selections", identity]):
            KEPT.get("selection", call.region, plan, identity)
            KEPT.drop("selection", call.region, plan, identity)
            return 200, {}
    return None


SERVICES = {"eks": eks, "kms": kms, "budgets": budgets, "ce": anomalies, "backup": backup}


class Front:
    """Answers what it knows, and hands moto the rest."""

    def __init__(self, behind: Callable[..., Iterable[bytes]]) -> None:
        self.behind = behind

    def __call__(self, environ: Json, start: Callable[..., Any]) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        raw = environ["wsgi.input"].read(length) if length else b""
        scope = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        path, _, query = environ.get("REQUEST_URI", environ["PATH_INFO"]).partition("?")
        if path.startswith("/_rehearsal/"):
            return self.about(path, query, start)
        region, service = (scope["region"], scope["service"]) if scope else ("", "")
        if region in KEPT.lost:
            return reply(start, 503, {"__type": "ServiceUnavailable", "message": f"{region} does not answer"})
        target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        called = f"{service} {target or environ['REQUEST_METHOD'] + ' ' + path}"
        if service not in SERVICES:
            return self.pass_on(environ, raw, start, called)
        call = Call(
            method=environ["REQUEST_METHOD"],
            parts=[unquote(part) for part in path.split("/")[1:]],
            query=parse_qs(query),
            body=json.loads(raw) if raw[:1] == b"{" else {},
            region=region,
            service=service,
            target=target,
            forward=lambda: self.ask(environ, raw),
        )
        try:
            with KEPT.lock:
                answer = SERVICES[service](call)
        except Refused as error:
            body = {"__type": error.code, "message": str(error), "Message": str(error)}
            return reply(start, error.status, body, error.code)
        return reply(start, *answer) if answer else self.pass_on(environ, raw, start, called)

    def pass_on(self, environ: Json, raw: bytes, start: Callable[..., Any], called: str) -> Iterable[bytes]:
        def watch(status: str, headers: list[tuple[str, str]], *more: object) -> object:
            html = any(k.lower() == "content-type" and "html" in v for k, v in headers)
            if status.startswith("5") or (status.startswith("404") and html and not called.startswith("s3 ")):
                KEPT.unknown[called] = KEPT.unknown.get(called, 0) + 1
            return start(status, headers, *more)

        try:
            return self.behind({**environ, "wsgi.input": BytesIO(raw)}, watch)
        except Exception as error:  # noqa: BLE001 - a call that moto fails on is told like any that it lacks
            KEPT.unknown[called] = KEPT.unknown.get(called, 0) + 1
            message = f"the simulated AWS cannot {called}: {type(error).__name__} {error}"
            return reply(start, 501, {"__type": "NotImplemented", "message": message}, "NotImplemented")

    def ask(self, environ: Json, raw: bytes) -> Answer:
        seen: list[str] = []
        body = self.behind({**environ, "wsgi.input": BytesIO(raw)}, lambda status, *_: seen.append(status))
        text = b"".join(body)
        return int(seen[0].split(" ")[0]), json.loads(text or b"{}")

    def about(self, path: str, query: str, start: Callable[..., Any]) -> Iterable[bytes]:
        if path.endswith("/lost"):
            KEPT.lost = set(parse_qs(query).get("region", []))
        return reply(start, 200, {"lost": sorted(KEPT.lost), "unknown": KEPT.unknown})


def reply(start: Callable[..., Any], status: int, body: Json, code: str = "") -> Iterable[bytes]:
    headers = [("Content-Type", "application/json"), *([("x-amzn-errortype", code)] if code else [])]
    start(f"{status} {'OK' if status < 300 else 'Refused'}", headers)
    return [json.dumps(body).encode()]


def main() -> None:
    server = make_server(
        "127.0.0.1", int(sys.argv[1]), Front(DomainDispatcherApplication(create_backend_app)), threaded=True,
        request_handler=MotoRequestHandler,
    )  # fmt: skip
    print(f"the simulated AWS of account {ACCOUNT} answers on port {server.port}", flush=True)  # noqa: T201
    server.serve_forever()


if __name__ == "__main__":
    main()
