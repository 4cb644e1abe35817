"""What the provider found missing in the simulated AWS, through boto3. `make test-aws` runs these.

They need the environment of the group `rehearsal`, which has moto; elsewhere they are skipped, by name.
"""

import json
import threading
import urllib.request
from contextlib import suppress
from io import BytesIO

import pytest

pytest.importorskip("boto3", reason="moto has an environment of its own: make test-aws")
exceptions = pytest.importorskip("botocore.exceptions")
pytest.importorskip("moto")

ACCOUNT = "111122223333"
REGION, SECOND = "eu-west-3", "eu-central-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/nodes"


def test_an_add_on_brings_the_identities_that_it_states_and_takes_them_with_it(aws, cluster):
    eks, role = aws("eks"), f"arn:aws:iam::{ACCOUNT}:role/driver"
    stated = [{"serviceAccount": "driver", "roleArn": role}]
    eks.create_addon(clusterName=cluster, addonName="aws-ebs-csi-driver", podIdentityAssociations=stated)
    (named,) = eks.describe_addon(clusterName=cluster, addonName="aws-ebs-csi-driver")["addon"][
        "podIdentityAssociations"
    ]
    found = eks.describe_pod_identity_association(
        clusterName=cluster, associationId=named.rpartition("/")[2]
    )["association"]
    assert (found["namespace"], found["serviceAccount"]) == ("kube-system", "driver")
    eks.delete_addon(clusterName=cluster, addonName="aws-ebs-csi-driver")
    assert eks.list_pod_identity_associations(clusterName=cluster)["associations"] == []


def test_a_vault_keeps_its_policy(aws):
    backup = aws("backup")
    backup.create_backup_vault(BackupVaultName="kept")
    with pytest.raises(backup.exceptions.ResourceNotFoundException):
        backup.get_backup_vault_access_policy(BackupVaultName="kept")
    backup.put_backup_vault_access_policy(BackupVaultName="kept", Policy="{}")
    assert backup.get_backup_vault_access_policy(BackupVaultName="kept")["Policy"] == "{}"
    backup.delete_backup_vault_access_policy(BackupVaultName="kept")
    with pytest.raises(backup.exceptions.ResourceNotFoundException):
        backup.get_backup_vault_access_policy(BackupVaultName="kept")


def test_a_trail_that_is_named_is_found_alone_among_those_of_other_regions(aws):
    there = {region: aws("cloudtrail", region) for region in (REGION, SECOND)}
    for region, trails in there.items():
        aws("s3", region).create_bucket(
            Bucket=f"trail-{region}", CreateBucketConfiguration={"LocationConstraint": region}
        )
        trails.create_trail(Name=region, S3BucketName=f"trail-{region}", IsMultiRegionTrail=True)
    (arn,) = (each["TrailARN"] for each in there[REGION].list_trails()["Trails"] if each["Name"] == REGION)
    for name in (REGION, arn):
        found = there[REGION].describe_trails(trailNameList=[name])["trailList"]
        assert [each["Name"] for each in found] == [REGION], "a stack beside another could not read its own"
    for region, trails in there.items():
        trails.delete_trail(Name=region)


def test_a_lifecycle_rule_about_sizes_is_given_back(aws):
    s3 = aws("s3")
    s3.create_bucket(Bucket="sizes", CreateBucketConfiguration={"LocationConstraint": REGION})
    rule = {
        "ID": "large",
        "Status": "Enabled",
        "Filter": {"ObjectSizeGreaterThan": 131072},
        "Transitions": [{"Days": 30, "StorageClass": "INTELLIGENT_TIERING"}],
    }
    s3.put_bucket_lifecycle_configuration(Bucket="sizes", LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle_configuration(Bucket="sizes")["Rules"] == [rule], (
        "the provider would wait for it until its time is over"
    )
    s3.delete_bucket_lifecycle(Bucket="sizes")
    with pytest.raises(exceptions.ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket="sizes")


def test_a_replication_is_given_back_with_its_key_and_its_time(aws):
    s3 = aws("s3")
    for name in ("copied", "copy"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    key = f"arn:aws:kms:{SECOND}:{ACCOUNT}:key/mrk-1"
    rule = {
        "ID": "everything",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
        "Destination": {
            "Bucket": "arn:aws:s3:::copy",
            "StorageClass": "STANDARD",
            "EncryptionConfiguration": {"ReplicaKmsKeyID": key},
            "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}},
            "Metrics": {"Status": "Enabled", "EventThreshold": {"Minutes": 15}},
        },
    }
    given = {"Role": f"arn:aws:iam::{ACCOUNT}:role/copies", "Rules": [rule]}
    s3.put_bucket_replication(Bucket="copied", ReplicationConfiguration=given)
    assert s3.get_bucket_replication(Bucket="copied")["ReplicationConfiguration"] == given, (
        "each up would write it again"
    )
    s3.delete_bucket_replication(Bucket="copied")
    with pytest.raises(exceptions.ClientError, match="ReplicationConfigurationNotFound"):
        s3.get_bucket_replication(Bucket="copied")


def test_a_secret_s_replica_names_the_key_of_its_region(aws):
    secrets = aws("secretsmanager")
    key = f"arn:aws:kms:{SECOND}:{ACCOUNT}:key/mrk-1"
    secrets.create_secret(Name="copied", AddReplicaRegions=[{"Region": SECOND, "KmsKeyId": key}])
    (copy,) = secrets.describe_secret(SecretId="copied")["ReplicationStatus"]
    assert copy["KmsKeyId"] == key, "each up would replicate it anew"
    secrets.remove_regions_from_replication(SecretId="copied", RemoveReplicaRegions=[SECOND])
    assert "ReplicationStatus" not in secrets.describe_secret(SecretId="copied")


def test_a_policy_that_aws_publishes_can_be_given_to_a_role(aws):
    iam = aws("iam")
    iam.create_role(RoleName="drivers", AssumeRolePolicyDocument="{}")
    arn = "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
    iam.attach_role_policy(RoleName="drivers", PolicyArn=arn)
    (found,) = iam.list_attached_role_policies(RoleName="drivers")["AttachedPolicies"]
    assert found["PolicyArn"] == arn


def test_tags_of_a_vault_are_given_back_to_whoever_asks_without_a_slash_at_the_end(aws, address):
    backup = aws("backup")
    made = backup.create_backup_vault(BackupVaultName="labelled", BackupVaultTags={"owner": "ops"})
    place = f"{address}/tags/{made['BackupVaultArn']}"
    asked = urllib.request.Request(place)  # noqa: S310 - this machine's own
    scope = f"Credential=rehearsal/20261126/{REGION}/backup/aws4_request"
    asked.add_header("Authorization", f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(asked, timeout=10) as answer:
        assert json.load(answer) == {"Tags": {"owner": "ops"}}


def test_a_launch_template_says_of_instances_only_what_it_was_given(aws):
    ec2 = aws("ec2")
    tags = [{"Key": "owner", "Value": "ops"}]
    stated = [{"ResourceType": "instance", "Tags": tags}]
    made = ec2.create_launch_template(
        LaunchTemplateName="nodes",
        LaunchTemplateData={"TagSpecifications": stated},
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags}],
    )["LaunchTemplate"]
    assert made["Tags"] == tags
    (version,) = ec2.describe_launch_template_versions(LaunchTemplateName="nodes")["LaunchTemplateVersions"]
    assert version["LaunchTemplateData"]["TagSpecifications"] == stated


def test_a_file_system_that_is_replicated_into_says_so_until_the_replication_ends(aws):
    near, far = aws("efs"), aws("efs", SECOND)
    source = near.create_file_system(CreationToken="source")["FileSystemId"]
    target = far.create_file_system(CreationToken="target")["FileSystemId"]

    def protection():
        (found,) = far.describe_file_systems(FileSystemId=target)["FileSystems"]
        return found["FileSystemProtection"]["ReplicationOverwriteProtection"]

    assert protection() == "ENABLED"
    far.update_file_system_protection(FileSystemId=target, ReplicationOverwriteProtection="DISABLED")
    near.create_replication_configuration(
        SourceFileSystemId=source, Destinations=[{"Region": SECOND, "FileSystemId": target}]
    )
    assert protection() == "REPLICATING"
    (found,) = near.describe_replication_configurations(FileSystemId=source)["Replications"]
    assert (found["Destinations"][0]["FileSystemId"], found["Destinations"][0]["Status"]) == (
        target,
        "ENABLED",
    )
    near.delete_replication_configuration(SourceFileSystemId=source)
    assert protection() == "DISABLED"
    with pytest.raises(near.exceptions.ReplicationNotFound):
        near.describe_replication_configurations(FileSystemId=source)


def test_a_cache_is_given_back_as_it_was_given_and_goes(aws):
    cache = aws("elasticache")
    cache.create_cache_parameter_group(
        CacheParameterGroupName="p", CacheParameterGroupFamily="valkey8", Description="d"
    )
    wanted = [{"ParameterName": "maxmemory-policy", "ParameterValue": "noeviction"}]
    cache.modify_cache_parameter_group(CacheParameterGroupName="p", ParameterNameValues=wanted)
    (found,) = cache.describe_cache_parameters(CacheParameterGroupName="p")["Parameters"]
    assert found["ParameterValue"] == "noeviction"
    cache.create_user_group(UserGroupId="g", Engine="valkey", UserIds=["a"])
    cache.modify_user_group(UserGroupId="g", UserIdsToAdd=["b"])
    assert cache.describe_user_groups(UserGroupId="g")["UserGroups"][0]["UserIds"] == ["a", "b"]
    cache.create_replication_group(
        ReplicationGroupId="c",
        ReplicationGroupDescription="d",
        NumCacheClusters=2,
        CacheNodeType="cache.t4g.small",
        Engine="valkey",
        EngineVersion="8.0",
        CacheParameterGroupName="p",
        UserGroupIds=["g"],
        MultiAZEnabled=True,
        AutomaticFailoverEnabled=True,
        TransitEncryptionEnabled=True,
    )
    (group,) = cache.describe_replication_groups(ReplicationGroupId="c")["ReplicationGroups"]
    assert (group["MultiAZ"], group["UserGroupIds"], len(group["MemberClusters"])) == ("enabled", ["g"], 2)
    (node,) = cache.describe_cache_clusters(CacheClusterId=group["MemberClusters"][0])["CacheClusters"]
    assert node["CacheParameterGroup"]["CacheParameterGroupName"] == "p"
    cache.delete_replication_group(ReplicationGroupId="c")
    with pytest.raises(cache.exceptions.ReplicationGroupNotFoundFault):
        cache.describe_replication_groups(ReplicationGroupId="c")


def test_a_call_that_is_made_again_with_its_token_is_answered_as_before(aws, cluster):
    eks = aws("eks")
    asked = {
        "clusterName": cluster,
        "namespace": "shop",
        "serviceAccount": "odoo",
        "roleArn": ROLE,
        "clientRequestToken": "once",
    }
    first = eks.create_pod_identity_association(**asked)["association"]["associationId"]
    assert eks.create_pod_identity_association(**asked)["association"]["associationId"] == first
    with pytest.raises(eks.exceptions.ResourceInUseException):
        eks.create_pod_identity_association(**{**asked, "clientRequestToken": "another"})


def test_a_node_group_that_is_gone_is_said_to_be_gone(aws, cluster):
    eks = aws("eks")
    with pytest.raises(eks.exceptions.ResourceNotFoundException):
        eks.describe_nodegroup(clusterName=cluster, nodegroupName="spot")


def test_the_policy_of_a_file_system_can_be_taken_away(aws):
    efs = aws("efs")
    system = efs.create_file_system(CreationToken="policy")["FileSystemId"]
    efs.put_file_system_policy(FileSystemId=system, Policy="{}")
    efs.delete_file_system_policy(FileSystemId=system)
    with pytest.raises(efs.exceptions.PolicyNotFound):
        efs.describe_file_system_policy(FileSystemId=system)


def test_moto_is_asked_one_call_at_a_time():
    front_of = pytest.importorskip("tests.rehearsal.simulated.__main__").Front
    both, together = threading.Barrier(2, timeout=0.5), []

    def behind(environ, start):
        with suppress(threading.BrokenBarrierError):
            together.append(both.wait())
        start("200 OK", [])
        return [b"{}"]

    front = front_of(behind)
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "wsgi.input": BytesIO()}
    calls = [threading.Thread(target=front, args=(dict(environ), lambda *_: None)) for _ in range(2)]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    assert not together, "one call changes what the other goes through, and a rehearsal fails now and then"
