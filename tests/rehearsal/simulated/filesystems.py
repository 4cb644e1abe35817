"""EFS: the protection of a file system that is replicated into, and the replication itself (nothing is copied)."""

# ruff: noqa: PLR0911 - a service is a table of its calls, and reads best as one

from moto.efs.models import efs_backends

from tests.rehearsal.simulated.kept import ACCOUNT, KEPT, Answer, Call, Json, Refused, now


def efs(call: Call) -> Answer | None:
    match (call.method, [part for part in call.parts[1:] if part]):
        case ("GET", ["file-systems"]):
            return with_protection(call)
        case ("PUT", ["file-systems", system, "protection"]):
            protect(call.region, system, call.body["ReplicationOverwriteProtection"])
            return 200, call.body
        case ("POST", ["file-systems", system, "replication-configuration"]):
            return 200, replicate(call, system)
        case ("DELETE", ["file-systems", system, "replication-configuration"]):
            for each in found(call.region, system)["Destinations"]:
                protect(each["Region"], each["FileSystemId"], "DISABLED")
            KEPT.drop("replication", call.region, system)
            return 204, {}
        case ("DELETE", ["file-systems", system, "policy"]):
            efs_backends[ACCOUNT][call.region].file_systems_by_id[system].file_system_policy = None
            return 200, {}
        case ("GET", ["file-systems", "replication-configurations"]):
            return 200, {"Replications": [found(call.region, call.query["FileSystemId"][0])]}
    return None


def with_protection(call: Call) -> Answer:
    status, answer = call.forward()
    for each in answer.get("FileSystems", []):
        key = ("protection", call.region, each["FileSystemId"])
        each["FileSystemProtection"] = KEPT.things.get(key, {"ReplicationOverwriteProtection": "ENABLED"})
    return status, answer


def protect(region: str, system: str, state: str) -> None:
    KEPT.things["protection", region, system] = {"ReplicationOverwriteProtection": state}


def replicate(call: Call, system: str) -> Json:
    targets = [
        {"Region": call.region, "Status": "ENABLED", "LastReplicatedTimestamp": now(), **each}
        for each in call.body["Destinations"]
    ]
    for each in targets:
        protect(each["Region"], each["FileSystemId"], "REPLICATING")
    arn = f"arn:aws:elasticfilesystem:{call.region}:{ACCOUNT}:file-system/{system}"
    made = {
        "SourceFileSystemId": system,
        "SourceFileSystemRegion": call.region,
        "SourceFileSystemArn": arn,
        "OriginalSourceFileSystemArn": arn,
        "CreationTime": now(),
        "Destinations": targets,
    }
    KEPT.things["replication", call.region, system] = made
    return made


def found(region: str, system: str) -> Json:
    key = ("replication", region, system)
    if key not in KEPT.things:
        raise Refused("ReplicationNotFound", f"{system} is not replicated")
    return KEPT.things[key]
