"""A cache and its nodes as AWS describes them, from what the cache was given."""

from tests.rehearsal.simulated.kept import Json


def told(group: Json) -> Json:
    """Return a cache as AWS describes it."""
    name, port = group["ReplicationGroupId"], int(group.get("Port", 6379))
    members = [f"{name}-{number:03}" for number in range(1, int(group["NumCacheClusters"]) + 1)]
    host = f"{name}.a1b2c3.euc1.cache.amazonaws.com"
    nodes = {
        "NodeGroupId": "0001",
        "Status": "available",
        "PrimaryEndpoint": {"Address": f"master.{host}", "Port": port},
        "ReaderEndpoint": {"Address": f"replica.{host}", "Port": port},
        "NodeGroupMembers": [
            {
                "CacheClusterId": each,
                "CacheNodeId": "0001",
                "CurrentRole": "primary" if each == members[0] else "replica",
                "ReadEndpoint": {"Address": f"{each}.a1b2c3.0001.euc1.cache.amazonaws.com", "Port": port},
            }
            for each in members
        ],
    }
    same = (
        "ReplicationGroupId",
        "ARN",
        "CacheNodeType",
        "Engine",
        "KmsKeyId",
        "UserGroupIds",
        "SnapshotWindow",
    )
    yes = ("AutoMinorVersionUpgrade", "TransitEncryptionEnabled", "AtRestEncryptionEnabled")
    return {
        **{key: group[key] for key in same if key in group},
        **{key: truly(group.get(key)) for key in yes},
        "Description": group["ReplicationGroupDescription"],
        "Status": "available",
        "MemberClusters": members,
        "NodeGroups": [nodes],
        "AutomaticFailover": "enabled" if truly(group.get("AutomaticFailoverEnabled")) else "disabled",
        "MultiAZ": "enabled" if truly(group.get("MultiAZEnabled")) else "disabled",
        "SnapshotRetentionLimit": int(group.get("SnapshotRetentionLimit", 0)),
        "ClusterEnabled": False,
        "ClusterMode": "disabled",
        "AuthTokenEnabled": False,
        "DataTiering": "disabled",
        "NetworkType": "ipv4",
        "IpDiscovery": "ipv4",
        "TransitEncryptionMode": group["TransitEncryptionMode"],
    }


def truly(value: object) -> bool:
    return str(value).lower() == "true"


def member(group: Json, name: str) -> Json:
    version = str(group["EngineVersion"])
    return {
        "CacheClusterId": name,
        "ReplicationGroupId": group["ReplicationGroupId"],
        "CacheClusterStatus": "available",
        "CacheNodeType": group["CacheNodeType"],
        "Engine": group["Engine"],
        "EngineVersion": version if version.count(".") > 1 else f"{version}.1",
        "PreferredMaintenanceWindow": group.get("PreferredMaintenanceWindow", "sun:05:00-sun:06:00"),
        "CacheSubnetGroupName": group.get("CacheSubnetGroupName"),
        "CacheParameterGroup": {"CacheParameterGroupName": group.get("CacheParameterGroupName")},
        "SecurityGroups": [
            {"SecurityGroupId": each, "Status": "active"} for each in group.get("SecurityGroupIds", [])
        ],
        "AutoMinorVersionUpgrade": truly(group.get("AutoMinorVersionUpgrade")),
        "NumCacheNodes": 1,
        "AtRestEncryptionEnabled": truly(group.get("AtRestEncryptionEnabled")),
        "TransitEncryptionEnabled": truly(group.get("TransitEncryptionEnabled")),
        "TransitEncryptionMode": group["TransitEncryptionMode"],
    }
