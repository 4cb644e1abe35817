"""The simulated AWS, called as its users call it: through boto3. `make test-aws` runs these.

They need the environment of the group `rehearsal`, which has moto; elsewhere they are skipped, by name.
"""

import json
import urllib.request

import pytest

pytest.importorskip("boto3", reason="moto has an environment of its own: make test-aws")
exceptions = pytest.importorskip("botocore.exceptions")
pytest.importorskip("moto")

ACCOUNT = "111122223333"
REGION, SECOND = "eu-west-3", "eu-central-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/nodes"


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


def test_credentials_expire_after_so_many_calls_in_the_words_of_every_protocol(aws, address):
    def expire(after):
        with urllib.request.urlopen(f"{address}/_rehearsal/expire?after={after}", timeout=10) as answer:  # noqa: S310
            json.load(answer)

    calls = {
        "eks": lambda each: each.list_clusters(),
        "kms": lambda each: each.list_keys(),
        "ec2": lambda each: each.describe_vpcs(),
        "iam": lambda each: each.list_roles(),
        "s3": lambda each: each.list_buckets(),
        "route53": lambda each: each.list_hosted_zones(),
    }
    expire(1)
    try:
        aws("sts").get_caller_identity()
        for service, call in calls.items():
            with pytest.raises(exceptions.ClientError) as refused:
                call(aws(service))
            assert refused.value.response["Error"]["Code"].startswith("ExpiredToken"), service
    finally:
        expire("")
    aws("kms").list_keys()


def test_what_nobody_could_answer_is_on_the_list(aws, address):
    with pytest.raises(exceptions.ClientError):
        aws("eks").describe_insight(clusterName="x", id="y")
    with pytest.raises(exceptions.ClientError):
        aws("glue").get_ml_task_runs(TransformId="x")
    with urllib.request.urlopen(f"{address}/_rehearsal/unknown", timeout=10) as answer:  # noqa: S310
        unknown = json.load(answer)["unknown"]
    assert any("glue" in call for call in unknown), "a rehearsal could skip a call in silence"
