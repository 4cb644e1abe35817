"""The simulated AWS, called as its users call it: through boto3. `make test-aws` runs these.

They need the environment of the group `rehearsal`, which has moto; elsewhere they are skipped, by name.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

boto3 = pytest.importorskip("boto3", reason="moto has an environment of its own: make test-aws")
exceptions = pytest.importorskip("botocore.exceptions")
config = pytest.importorskip("botocore.config")
pytest.importorskip("moto")

ROOT = Path(__file__).parents[2]
ACCOUNT = "111122223333"
REGION, SECOND = "eu-west-3", "eu-central-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/nodes"
NETWORK = {
    "subnetIds": ["subnet-1", "subnet-2"],
    "endpointPublicAccess": False,
    "endpointPrivateAccess": True,
}


@pytest.fixture(scope="session")
def address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.rehearsal.simulated", str(port)],
        cwd=ROOT,
        env={**os.environ, "MOTO_ACCOUNT_ID": ACCOUNT},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert child.stdout.readline().startswith(f"the simulated AWS of account {ACCOUNT}")
        time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(10)
        child.stdout.close()


@pytest.fixture
def aws(address):
    def client(service, region=REGION):
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=address,
            aws_access_key_id="rehearsal",
            aws_secret_access_key="rehearsal",
            config=config.Config(retries={"max_attempts": 0}),
        )

    return client


@pytest.fixture
def cluster(aws, request):
    eks, name = aws("eks"), request.node.name[:40].replace("_", "-")
    eks.create_cluster(
        name=name,
        roleArn=ROLE,
        resourcesVpcConfig=NETWORK,
        accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
        kubernetesNetworkConfig={"serviceIpv4Cidr": "172.20.0.0/16"},
    )
    yield name
    eks.delete_cluster(name=name)


def test_the_account_is_the_one_that_the_stack_names(aws):
    assert aws("sts").get_caller_identity()["Account"] == ACCOUNT, (
        "a stack that refuses other accounts would refuse it"
    )


def test_a_cluster_gives_back_what_it_was_given(aws, cluster):
    found = aws("eks").describe_cluster(name=cluster)["cluster"]
    assert found["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": False,
    }, "a second up would want to change how the cluster is reached"
    assert found["resourcesVpcConfig"]["endpointPublicAccess"] is False
    assert found["resourcesVpcConfig"]["endpointPrivateAccess"] is True
    assert "publicAccessCidrs" not in found["resourcesVpcConfig"], "a private API has no public addresses"
    assert found["kubernetesNetworkConfig"]["serviceIpv4Cidr"] == "172.20.0.0/16"


def test_an_update_of_a_cluster_is_kept_and_done_at_once(aws, cluster):
    eks = aws("eks")
    change = eks.update_cluster_config(
        name=cluster, resourcesVpcConfig={"endpointPublicAccess": True, "publicAccessCidrs": ["192.0.2.0/24"]}
    )["update"]
    assert eks.describe_update(name=cluster, updateId=change["id"])["update"]["status"] == "Successful"
    network = eks.describe_cluster(name=cluster)["cluster"]["resourcesVpcConfig"]
    assert network["publicAccessCidrs"] == ["192.0.2.0/24"]
    assert network["endpointPrivateAccess"] is True, "what an update does not name stays"
    eks.update_cluster_version(name=cluster, version="1.34")
    assert eks.describe_cluster(name=cluster)["cluster"]["version"] == "1.34"


def test_an_add_on_lives_from_its_making_to_its_end(aws, cluster):
    eks = aws("eks")
    eks.create_addon(
        clusterName=cluster, addonName="vpc-cni", addonVersion="v1.20.0-eksbuild.1", configurationValues="{}"
    )
    found = eks.describe_addon(clusterName=cluster, addonName="vpc-cni")["addon"]
    assert (found["status"], found["addonVersion"]) == ("ACTIVE", "v1.20.0-eksbuild.1")
    eks.update_addon(clusterName=cluster, addonName="vpc-cni", addonVersion="v1.21.0-eksbuild.1")
    assert (
        eks.describe_addon(clusterName=cluster, addonName="vpc-cni")["addon"]["addonVersion"]
        == "v1.21.0-eksbuild.1"
    )
    assert eks.list_addons(clusterName=cluster)["addons"] == ["vpc-cni"]
    eks.delete_addon(clusterName=cluster, addonName="vpc-cni")
    with pytest.raises(eks.exceptions.ResourceNotFoundException):
        eks.describe_addon(clusterName=cluster, addonName="vpc-cni")


def test_an_add_on_of_no_cluster_is_refused(aws):
    eks = aws("eks")
    with pytest.raises(eks.exceptions.ResourceNotFoundException, match="No cluster"):
        eks.create_addon(clusterName="nowhere", addonName="vpc-cni")


def test_an_access_entry_with_its_policies(aws, cluster):
    eks, policy = aws("eks"), "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    who = {"clusterName": cluster, "principalArn": f"arn:aws:iam::{ACCOUNT}:role/team/auditors"}
    eks.create_access_entry(**who, kubernetesGroups=["auditors"])
    with pytest.raises(eks.exceptions.ResourceInUseException):
        eks.create_access_entry(**who)
    eks.associate_access_policy(**who, policyArn=policy, accessScope={"type": "cluster"})
    (found,) = eks.list_associated_access_policies(**who)["associatedAccessPolicies"]
    assert found["policyArn"] == policy
    eks.update_access_entry(**who, kubernetesGroups=["readers"])
    assert eks.describe_access_entry(**who)["accessEntry"]["kubernetesGroups"] == ["readers"]
    eks.disassociate_access_policy(**who, policyArn=policy)
    assert eks.list_associated_access_policies(**who)["associatedAccessPolicies"] == []
    eks.delete_access_entry(**who)
    with pytest.raises(eks.exceptions.ResourceNotFoundException):
        eks.describe_access_entry(**who)


def test_a_service_account_has_one_role_at_most(aws, cluster):
    eks = aws("eks")
    which = {"clusterName": cluster, "namespace": "shop", "serviceAccount": "odoo"}
    made = eks.create_pod_identity_association(**which, roleArn=ROLE)["association"]
    with pytest.raises(eks.exceptions.ResourceInUseException):
        eks.create_pod_identity_association(**which, roleArn=ROLE)
    one = {"clusterName": cluster, "associationId": made["associationId"]}
    eks.update_pod_identity_association(**one, roleArn=ROLE + "2")
    assert eks.describe_pod_identity_association(**one)["association"]["roleArn"] == ROLE + "2"
    assert len(eks.list_pod_identity_associations(clusterName=cluster, namespace="shop")["associations"]) == 1
    eks.delete_pod_identity_association(**one)
    with pytest.raises(eks.exceptions.ResourceNotFoundException):
        eks.describe_pod_identity_association(**one)


def test_a_replica_key_has_its_tags(aws):
    here, there = aws("kms"), aws("kms", SECOND)
    key = here.create_key(MultiRegion=True, Tags=[{"TagKey": "of", "TagValue": "first"}])["KeyMetadata"][
        "KeyId"
    ]
    here.replicate_key(KeyId=key, ReplicaRegion=SECOND, Tags=[{"TagKey": "of", "TagValue": "second"}])
    found = there.list_resource_tags(KeyId=key)["Tags"]
    assert found == [{"TagKey": "of", "TagValue": "second"}], "the provider would wait ten minutes for them"
    assert here.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "of", "TagValue": "first"}]


def test_a_budget_with_its_alerts(aws):
    budgets = aws("budgets", "us-east-1")
    budget = {
        "BudgetName": "storefleet-dev",
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": "400", "Unit": "USD"},
    }
    notice = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
    who = [{"SubscriptionType": "EMAIL", "Address": "ops@storefleet.example"}]
    whose = {"AccountId": ACCOUNT, "BudgetName": "storefleet-dev"}
    budgets.create_budget(
        AccountId=ACCOUNT, Budget=budget, ResourceTags=[{"Key": "environment", "Value": "dev"}]
    )
    budgets.create_notification(**whose, Notification=notice, Subscribers=who)
    assert budgets.describe_budget(**whose)["Budget"]["BudgetLimit"]["Amount"] == "400"
    (found,) = budgets.describe_notifications_for_budget(**whose)["Notifications"]
    assert found["Threshold"] == 80.0
    assert budgets.describe_subscribers_for_notification(**whose, Notification=notice)["Subscribers"] == who
    arn = f"arn:aws:budgets::{ACCOUNT}:budget/storefleet-dev"
    assert budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == [
        {"Key": "environment", "Value": "dev"}
    ]
    budgets.delete_budget(**whose)
    with pytest.raises(budgets.exceptions.NotFoundException):
        budgets.describe_budget(**whose)


def test_an_anomaly_alert(aws):
    ce = aws("ce", "us-east-1")
    monitor = ce.create_anomaly_monitor(
        AnomalyMonitor={"MonitorName": "dev", "MonitorType": "DIMENSIONAL", "MonitorDimension": "SERVICE"},
        ResourceTags=[{"Key": "environment", "Value": "dev"}],
    )["MonitorArn"]
    assert ce.get_anomaly_monitors(MonitorArnList=[monitor])["AnomalyMonitors"][0]["MonitorName"] == "dev"
    assert ce.list_tags_for_resource(ResourceArn=monitor)["ResourceTags"] == [
        {"Key": "environment", "Value": "dev"}
    ]
    subscription = {
        "SubscriptionName": "dev",
        "MonitorArnList": [monitor],
        "Frequency": "DAILY",
        "Subscribers": [{"Type": "EMAIL", "Address": "ops@storefleet.example"}],
    }
    made = ce.create_anomaly_subscription(AnomalySubscription=subscription)["SubscriptionArn"]
    ce.update_anomaly_subscription(SubscriptionArn=made, Frequency="WEEKLY")
    assert ce.get_anomaly_subscriptions()["AnomalySubscriptions"][0]["Frequency"] == "WEEKLY"
    ce.delete_anomaly_subscription(SubscriptionArn=made)
    ce.delete_anomaly_monitor(MonitorArn=monitor)
    with pytest.raises(ce.exceptions.UnknownMonitorException):
        ce.delete_anomaly_monitor(MonitorArn=monitor)


def test_a_backup_selection(aws):
    backup = aws("backup")
    rule = {"RuleName": "daily", "TargetBackupVaultName": "v"}
    plan = backup.create_backup_plan(BackupPlan={"BackupPlanName": "p", "Rules": [rule]})["BackupPlanId"]
    chosen = {"SelectionName": "data", "IamRoleArn": ROLE, "Resources": ["*"]}
    made = backup.create_backup_selection(BackupPlanId=plan, BackupSelection=chosen)["SelectionId"]
    found = backup.get_backup_selection(BackupPlanId=plan, SelectionId=made)
    assert found["BackupSelection"]["SelectionName"] == "data"
    assert len(backup.list_backup_selections(BackupPlanId=plan)["BackupSelectionsList"]) == 1
    backup.delete_backup_selection(BackupPlanId=plan, SelectionId=made)
    with pytest.raises(backup.exceptions.ResourceNotFoundException):
        backup.get_backup_selection(BackupPlanId=plan, SelectionId=made)


def test_a_vault_gives_its_tags_back(aws):
    backup = aws("backup")
    arn = backup.create_backup_vault(BackupVaultName="tagged", BackupVaultTags={"of": "data"})[
        "BackupVaultArn"
    ]
    assert backup.list_tags(ResourceArn=arn)["Tags"] == {"of": "data"}


def test_a_lost_region_answers_nothing_and_the_others_go_on(aws, address):
    def lose(region):
        with urllib.request.urlopen(f"{address}/_rehearsal/lost?region={region}", timeout=10) as answer:  # noqa: S310
            return json.load(answer)["lost"]

    assert lose(REGION) == [REGION]
    try:
        with pytest.raises(exceptions.ClientError, match="does not answer"):
            aws("eks").list_clusters()
        with pytest.raises(exceptions.ClientError):
            aws("s3").list_buckets()
        assert aws("eks", SECOND).list_clusters()["clusters"] == []
        assert aws("route53", "us-east-1").list_hosted_zones()["HostedZones"] == []
    finally:
        assert lose("") == []
    assert isinstance(aws("eks").list_clusters()["clusters"], list)


def test_what_nobody_could_answer_is_on_the_list(aws, address):
    with pytest.raises(exceptions.ClientError):
        aws("eks").describe_insight(clusterName="x", id="y")
    with pytest.raises(exceptions.ClientError):
        aws("glue").get_ml_task_runs(TransformId="x")
    with urllib.request.urlopen(f"{address}/_rehearsal/unknown", timeout=10) as answer:  # noqa: S310
        unknown = json.load(answer)["unknown"]
    assert any("glue" in call for call in unknown), "a rehearsal could skip a call in silence"


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


def test_a_policy_that_aws_publishes_can_be_given_to_a_role(aws):
    iam = aws("iam")
    iam.create_role(RoleName="drivers", AssumeRolePolicyDocument="{}")
    arn = "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
    iam.attach_role_policy(RoleName="drivers", PolicyArn=arn)
    (found,) = iam.list_attached_role_policies(RoleName="drivers")["AttachedPolicies"]
    assert found["PolicyArn"] == arn


def test_tags_of_a_vault_are_given_back_to_whoever_asks_without_a_slash_at_the_end(aws, address):
    backup = aws("backup")
    made = backup.create_backup_vault(BackupVaultName="tagged", BackupVaultTags={"owner": "ops"})
    place = f"{address}/tags/{made['BackupVaultArn']}"
    asked = urllib.request.Request(place)  # noqa: S310 - this machine's own
    scope = f"Credential=rehearsal/20261126/{REGION}/backup/aws4_request"
    asked.add_header("Authorization", f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(asked, timeout=10) as answer:
        assert json.load(answer) == {"Tags": {"owner": "ops"}}
