"""What single calls of KMS and Backup lack."""

import uuid

from moto.kms.models import kms_backends

from tests.rehearsal.simulated.kept import ACCOUNT, KEPT, Answer, Call, now


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
