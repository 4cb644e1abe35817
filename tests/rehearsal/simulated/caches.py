"""ElastiCache: parameter groups, groups of users, and what a cache and its users were given, which moto forgets.

These are answers of moto's own class, so that it reads the requests and writes the XML.
"""

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.elasticache.exceptions import ElastiCacheException
from moto.elasticache.responses import ElastiCacheResponse

from tests.rehearsal.simulated.cache_views import member, told
from tests.rehearsal.simulated.kept import ACCOUNT, KEPT, Json

ABSENT = {
    "parametergroup": "CacheParameterGroupNotFound",
    "replicationgroup": "ReplicationGroupNotFoundFault",
    "subnetgroup": "CacheSubnetGroupNotFoundFault",
    "user": "UserNotFound",
    "usergroup": "UserGroupNotFound",
}


class Handler:
    """One request: what it asks for, and where its things are kept."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.region = answer, answer.region

    def given(self, *names: str) -> Json:
        found = {name: self.answer._get_param(name) for name in names}
        return {name: value for name, value in found.items() if value is not None}

    def key(self, kind: str, name: str) -> tuple[str, ...]:
        return f"cache-{kind}", self.region, name

    def find(self, kind: str, name: str) -> Json:
        key = self.key(kind, name)
        if key not in KEPT.things:
            raise ElastiCacheException(ABSENT[kind], f"{kind} {name} not found")
        return KEPT.things[key]

    def keep(self, kind: str, name: str, thing: Json) -> Json:
        thing["ARN"] = f"arn:aws:elasticache:{self.region}:{ACCOUNT}:{kind}:{name}"
        tags = self.given("Tags").get("Tags") or []
        KEPT.things["tags", thing["ARN"]] = {each["Key"]: each["Value"] for each in tags}
        KEPT.things[self.key(kind, name)] = thing
        return thing

    def listed(self, kind: str, name: str | None) -> list[Json]:
        return [self.find(kind, name)] if name else KEPT.below(f"cache-{kind}", self.region)

    def drop(self, kind: str, name: str) -> Json:
        found = self.find(kind, name)
        KEPT.drop(*self.key(kind, name))
        return found


def parameter_group(ask: Handler, verb: str) -> Json:
    given = ask.given(
        "CacheParameterGroupName", "CacheParameterGroupFamily", "Description", "ParameterNameValues"
    )
    name = given.pop("CacheParameterGroupName", None)
    if verb == "describe":
        return {"CacheParameterGroups": ask.listed("parametergroup", name)}
    assert name is not None
    if verb == "create":
        given |= {"CacheParameterGroupName": name, "IsGlobal": False, "values": {}}
        return {"CacheParameterGroup": ask.keep("parametergroup", name, given)}
    if verb == "delete":
        return ask.drop("parametergroup", name) and {}
    values = ask.find("parametergroup", name)["values"]
    changed = {
        each["ParameterName"]: each.get("ParameterValue") for each in given.get("ParameterNameValues", [])
    }
    if verb == "modify":
        values |= changed
    elif verb == "reset":
        for each in changed:
            values.pop(each, None)
    else:
        return {
            "Parameters": [
                {"ParameterName": each, "ParameterValue": value, "Source": "user"}
                for each, value in sorted(values.items())
            ]
        }
    return {"CacheParameterGroupName": name}


def user_group(ask: Handler, verb: str) -> Json:
    given = ask.given("UserGroupId", "Engine", "UserIds", "UserIdsToAdd", "UserIdsToRemove")
    name = given.get("UserGroupId")
    if verb == "describe":
        return {"UserGroups": ask.listed("usergroup", name)}
    assert name is not None
    if verb == "create":
        return ask.keep("usergroup", name, {**given, "Status": "active", "MinimumEngineVersion": "6.0"})
    if verb == "delete":
        return ask.drop("usergroup", name)
    found = ask.find("usergroup", name)
    left = [each for each in found["UserIds"] if each not in given.get("UserIdsToRemove", [])]
    found["UserIds"] = [*left, *given.get("UserIdsToAdd", [])]
    return found


def user(ask: Handler, verb: str) -> Json:
    given = ask.given("UserId", "UserName", "Engine", "AccessString", "AuthenticationMode")
    name = given.get("UserId")
    if verb == "describe":
        return {"Users": ask.listed("user", name)}
    assert name is not None
    mode = given.pop("AuthenticationMode", None)
    if mode is not None:
        kind = mode["Type"] if mode["Type"] != "no-password-required" else "no-password"
        given["Authentication"] = {"Type": kind, "PasswordCount": len(mode.get("Passwords") or [])}
    if verb == "create":
        made = {**given, "Status": "active", "MinimumEngineVersion": "6.0", "UserGroupIds": []}
        return ask.keep("user", name, made)
    if verb == "delete":
        return ask.drop("user", name)
    found = ask.find("user", name)
    found |= given
    return found


def subnet_group(ask: Handler, verb: str) -> Json:
    given = ask.given("CacheSubnetGroupName", "CacheSubnetGroupDescription", "SubnetIds")
    name = given.get("CacheSubnetGroupName")
    if verb == "describe":
        return {"CacheSubnetGroups": ask.listed("subnetgroup", name)}
    assert name is not None
    if verb == "delete":
        return ask.drop("subnetgroup", name) and {}
    subnets = [ec2_backends[ACCOUNT][ask.region].get_subnet(each) for each in given.pop("SubnetIds")]
    given["Subnets"] = [
        {"SubnetIdentifier": each.id, "SubnetAvailabilityZone": {"Name": each.availability_zone}}
        for each in subnets
    ]
    given["VpcId"] = subnets[0].vpc_id
    if verb == "create":
        return {"CacheSubnetGroup": ask.keep("subnetgroup", name, given)}
    found = ask.find("subnetgroup", name)
    found |= given
    return {"CacheSubnetGroup": found}


GIVEN = (
    "ReplicationGroupId", "ReplicationGroupDescription", "AutomaticFailoverEnabled", "MultiAZEnabled",
    "NumCacheClusters", "CacheNodeType", "Engine", "EngineVersion", "CacheParameterGroupName",
    "CacheSubnetGroupName", "SecurityGroupIds", "PreferredMaintenanceWindow", "Port", "KmsKeyId", "UserGroupIds",
    "AutoMinorVersionUpgrade", "SnapshotRetentionLimit", "SnapshotWindow", "TransitEncryptionEnabled",
    "AtRestEncryptionEnabled", "TransitEncryptionMode", "UserGroupIdsToAdd", "UserGroupIdsToRemove",
)  # fmt: skip


def replication_group(ask: Handler, verb: str) -> Json:
    given = ask.given(*GIVEN)
    name = given.get("ReplicationGroupId")
    if verb == "describe":
        return {"ReplicationGroups": [told(each) for each in ask.listed("replicationgroup", name)]}
    assert name is not None
    if verb == "delete":
        return {"ReplicationGroup": {**told(ask.drop("replicationgroup", name)), "Status": "deleting"}}
    if verb == "create":
        made = {"SnapshotWindow": "05:00-06:00", "TransitEncryptionMode": "required", **given}
        return {"ReplicationGroup": told(ask.keep("replicationgroup", name, made))}
    found = ask.find("replicationgroup", name)
    left = [
        each for each in found.get("UserGroupIds", []) if each not in given.pop("UserGroupIdsToRemove", [])
    ]
    groups = [*left, *given.pop("UserGroupIdsToAdd", [])]
    found |= {**given, "UserGroupIds": groups}
    return {"ReplicationGroup": told(found)}


def cluster(ask: Handler, verb: str) -> Json:
    """A node of a cache: the provider asks it for what belongs to all of them."""
    name = ask.given("CacheClusterId").get("CacheClusterId")
    groups = KEPT.below("cache-replicationgroup", ask.region)
    found = [member(group, each) for group in groups for each in told(group)["MemberClusters"]]
    return {"CacheClusters": [one for one in found if name in (None, one["CacheClusterId"])]}


def tags(ask: Handler, verb: str) -> Json:
    given = ask.given("ResourceName", "Tags", "TagKeys")
    kept = KEPT.things.setdefault(("tags", given["ResourceName"]), {})
    kept |= {each["Key"]: each["Value"] for each in given.get("Tags", [])}
    for each in given.get("TagKeys", []):
        kept.pop(each, None)
    return {"TagList": [{"Key": key, "Value": value} for key, value in sorted(kept.items())]}


ANSWERED: dict[str, tuple[Callable[[Handler, str], Json], str]] = {
    **{
        f"{verb}_cache_parameter_group": (parameter_group, verb)
        for verb in ("create", "modify", "reset", "delete")
    },
    "describe_cache_parameter_groups": (parameter_group, "describe"),
    "describe_cache_parameters": (parameter_group, "values"),
    **{f"{verb}_cache_subnet_group": (subnet_group, verb) for verb in ("create", "modify", "delete")},
    "describe_cache_subnet_groups": (subnet_group, "describe"),
    **{f"{verb}_user_group": (user_group, verb) for verb in ("create", "modify", "delete")},
    "describe_user_groups": (user_group, "describe"),
    **{f"{verb}_user": (user, verb) for verb in ("create", "modify", "delete")},
    "describe_users": (user, "describe"),
    **{f"{verb}_replication_group": (replication_group, verb) for verb in ("create", "modify", "delete")},
    "describe_replication_groups": (replication_group, "describe"),
    "describe_cache_clusters": (cluster, "describe"),
    "list_tags_for_resource": (tags, "list"),
    "add_tags_to_resource": (tags, "add"),
    "remove_tags_from_resource": (tags, "remove"),
}


def install() -> None:
    """Let moto answer with what is here."""
    for action, (work, verb) in ANSWERED.items():
        setattr(ElastiCacheResponse, action, answering(work, verb))


def answering(work: Callable[[Handler, str], Json], verb: str) -> Callable[[Any], ActionResult]:
    def answer(asked: Any) -> ActionResult:
        with KEPT.lock:
            return ActionResult(work(Handler(asked), verb))

    return answer
