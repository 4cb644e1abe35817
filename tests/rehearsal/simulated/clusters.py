"""EKS: what belongs to a cluster, and its own configuration, which moto does not give back."""

# ruff: noqa: C901, PLR0911, PLR0912 - a service is a table of its calls, and reads best as one
import uuid

from moto.eks.models import eks_backends

from tests.rehearsal.simulated.kept import ACCOUNT, KEPT, Answer, Call, Json, Refused, arn, now, update

GIVEN_BACK = (
    "accessConfig", "computeConfig", "deletionProtection", "encryptionConfig", "kubernetesNetworkConfig",
    "logging", "remoteNetworkConfig", "resourcesVpcConfig", "storageConfig", "upgradePolicy", "zonalShiftConfig",
)  # fmt: skip
OF_THE_CALL = ("clientRequestToken", "resolveConflicts")


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
            given = {
                k: call.body[k]
                for k in ("updateConfig", "nodeRepairConfig", "remoteAccess")
                if k in call.body
            }
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
    kept = KEPT.things.get(("nodegroup", call.region, name, group), {})
    # Nobody signs in to a node whose group states no key: moto makes one up.
    answer["nodegroup"] |= {"remoteAccess": None, **kept}
    return status, answer


def addons(call: Call, cluster: str, below: list[str]) -> Answer:
    where = ("addon", call.region, cluster)
    if not below:
        if call.method == "GET":
            return 200, {"addons": [one["addonName"] for one in KEPT.below(*where)]}
        name = call.body["addonName"]
        made = {k: v for k, v in call.body.items() if k not in OF_THE_CALL}
        made |= {"clusterName": cluster, "status": "ACTIVE", "createdAt": now(), "modifiedAt": now()}
        made |= {"addonArn": arn(call, f"addon/{cluster}/{name}/{uuid.uuid4()}"), "health": {"issues": []}}
        made.setdefault("addonVersion", "v1.0.0-eksbuild.1")
        KEPT.put(made, *where, name)
        identities(call, cluster, made)
        return 200, {"addon": made}
    found = KEPT.get(*where, below[0])
    if call.method == "DELETE":
        KEPT.drop(*where, below[0])
        identities(call, cluster, {"addonArn": found["addonArn"]})
    if below[1:] == ["update"]:
        found |= {k: v for k, v in call.body.items() if k not in OF_THE_CALL}
        if "podIdentityAssociations" in call.body:
            identities(call, cluster, found)
        return update("AddonUpdate")
    return 200, {"addon": found}


def identities(call: Call, cluster: str, addon: Json) -> None:
    """Make the associations that an add-on states its own, and name them in it; those it had before go."""
    where = ("association", call.region, cluster)
    for one in KEPT.below(*where):
        if one.get("ownerArn") == addon["addonArn"]:
            KEPT.drop(*where, one["associationId"])
    wanted = addon.get("podIdentityAssociations") or []
    made = [
        associate(call, cluster, {"namespace": "kube-system", "ownerArn": addon["addonArn"], **each})
        for each in wanted
    ]
    addon["podIdentityAssociations"] = [one["associationArn"] for one in made]


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
        return 200, {"association": associate(call, cluster, call.body)}
    found = KEPT.get(*where, below[0])
    if call.method == "DELETE":
        KEPT.drop(*where, below[0])
    if call.method == "POST":
        found |= {k: v for k, v in call.body.items() if k != "clientRequestToken"}
    return 200, {"association": found}


def associate(call: Call, cluster: str, given: Json) -> Json:
    where = ("association", call.region, cluster)
    for one in KEPT.below(*where):
        if all(one[k] == given[k] for k in ("namespace", "serviceAccount")):
            taken = "Association already exists: " + one["associationId"]
            raise Refused("ResourceInUseException", taken, 409)
    identity = "a-" + uuid.uuid4().hex[:16]
    made = {"tags": {}, **given, "clusterName": cluster, "associationId": identity}
    made |= {"createdAt": now(), "modifiedAt": now()}
    made["associationArn"] = arn(call, f"podidentityassociation/{cluster}/{identity}")
    return KEPT.put(made, *where, identity)
