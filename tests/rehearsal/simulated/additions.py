"""What single calls of KMS, Secrets Manager, Backup, S3, EC2 and CloudTrail lack."""

# ruff: noqa: PLR0911 - a service is a table of its calls, and reads best as one
import uuid
from typing import Any

from moto.backup.models import backup_backends
from moto.ec2.models import EC2Backend
from moto.kms.models import kms_backends
from moto.secretsmanager.models import FakeSecret

from tests.rehearsal.simulated.kept import ACCOUNT, KEPT, Answer, Call, Json, arn, now


def install() -> None:
    """Let moto keep what was given where it is moto's own classes that forget it."""
    _launch_templates()
    _replicas_of_secrets()


def _replicas_of_secrets() -> None:
    """A replica of a secret is encrypted with the key that was given for its region, not with AWS's own."""
    made = FakeSecret.create_replicas

    def with_their_keys(self: Any, replica_regions: list[Json], force_overwrite: bool) -> Any:
        keys = {each["Region"]: each["KmsKeyId"] for each in replica_regions if each.get("KmsKeyId")}
        found = made(self, replica_regions, force_overwrite)
        for each in found:
            each.config["KmsKeyId"] = keys.get(each.region, each.config["KmsKeyId"])
        return found

    FakeSecret.create_replicas = with_their_keys


def _launch_templates() -> None:
    """Keep the tags of a launch template itself out of what it says of instances: there moto adds them."""
    made = EC2Backend.create_launch_template

    def without_its_own(self: Any, name: str, description: str, data: Json, tag_spec: Json) -> Any:
        stated = data.get("TagSpecifications") or []
        data["TagSpecifications"] = [one for one in stated if one["ResourceType"] != "launch-template"]
        return made(self, name, description, data, tag_spec)

    EC2Backend.create_launch_template = without_its_own


def kms(call: Call) -> Answer | None:
    """KMS: a replica key gets the tags, policy and description that it was given; how often a key is rotated."""
    if call.target == "EnableKeyRotation":
        KEPT.things[rotation(call)] = {"RotationPeriodInDays": call.body.get("RotationPeriodInDays", 365)}
        return None
    if call.target not in ("ReplicateKey", "GetKeyRotationStatus"):
        return None
    status, answer = call.forward()
    if call.target == "GetKeyRotationStatus":
        kept = KEPT.things.get(rotation(call), {})
        return status, {**answer, **(kept if answer["KeyRotationEnabled"] else {})}
    there = kms_backends[ACCOUNT][call.body["ReplicaRegion"]]
    key = call.body["KeyId"].rpartition("/")[2]
    there.tag_resource(key, {tag["TagKey"]: tag["TagValue"] for tag in call.body.get("Tags", [])})
    # moto copies the key so that both have one set of aliases.
    there.keys[key].aliases = {}
    there.keys[key].policy = call.body.get("Policy", there.keys[key].policy)
    there.keys[key].description = call.body.get("Description", "")
    return status, answer


def rotation(call: Call) -> tuple[str, ...]:
    return "rotation", call.region, str(call.body["KeyId"]).rpartition("/")[2]


def backup(call: Call) -> Answer | None:
    """Backup: the selections of a plan, the policy of a vault, tags asked for without a slash at the end."""
    there = backup_backends[ACCOUNT][call.region]
    match (call.method, [part for part in call.parts if part]):
        case ("GET", ["tags", resource]):
            return 200, {"Tags": there.list_tags(resource)}
        case ("POST", ["tags", resource]):
            there.tag_resource(resource, call.body["Tags"])
            return 200, {}
        case ("POST", ["untag", resource]):
            there.untag_resource(resource, call.body["TagKeyList"])
            return 200, {}
        case (method, ["backup-vaults", vault, "access-policy"]):
            return vault_policy(call, method, vault)
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


def vault_policy(call: Call, method: str, vault: str) -> Answer:
    key = ("vault-policy", call.region, vault)
    if method == "PUT":
        KEPT.things[key] = {"BackupVaultName": vault, "BackupVaultArn": arn(call, f"backup-vault:{vault}")}
        KEPT.things[key]["Policy"] = call.body["Policy"]
        return 200, {}
    found = KEPT.get(*key)
    if method == "DELETE":
        KEPT.drop(*key)
    return 200, found


def cloudtrail(call: Call) -> Answer | None:
    """CloudTrail: whoever names trails gets those alone; moto gives every one that it sees from the region."""
    named = set(call.body.get("trailNameList") or ())
    if call.target != "DescribeTrails" or not named:
        return None
    status, answer = call.forward()
    found = [one for one in answer["trailList"] if named & {one["Name"], one["TrailARN"]}]
    return status, {"trailList": found}


def s3(call: Call) -> Answer | None:
    """S3: lifecycles and replications are given back as they were given; moto forgets sizes, keys and times."""
    gone = call.parts[1:] in ([], [""]) and not set(call.query) - {"x-id"}
    for kind in ("lifecycle", "replication"):
        key = (kind, call.parts[0])
        asked = kind in call.query
        if call.method == "DELETE" and (asked or gone):
            KEPT.drop(*key)
        if asked and call.method == "PUT":
            KEPT.things[key] = {"text": call.raw.decode()}
        if asked and call.method == "GET" and key in KEPT.things:
            return 200, KEPT.things[key]["text"]
    return None
