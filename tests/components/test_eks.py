"""The cluster in AWS: closed, audited, its versions pinned, its nodes by purpose."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.eks.addons import VERSIONS, plan_addons
from components.eks.component import Eks, EksArgs
from components.eks.kubeconfig import kubeconfig
from components.eks.plan import plan_eks
from components.eks.storage import storage_classes
from spec.kubernetes import HumanRole, KubernetesSpec
from spec.labels import POOL, TENANT
from tests.components import aws_samples
from tests.components.recorder import record

pytestmark = pytest.mark.unit

ZONES = ("eu-central-1a", "eu-central-1b", "eu-central-1c")


def planned(name="production", **changes):
    environment = aws_samples.environment(name, **changes)
    return plan_eks(environment, environment.aws)


def built(name="production", **changes):
    plan = planned(name, **changes)
    args = EksArgs(
        plan=plan,
        subnet_ids=["subnet-a", "subnet-b", "subnet-c"],
        zones=ZONES,
        secrets_key_arn="arn:aws:kms:x:1:key/eks",
        logs_key_arn="arn:aws:kms:x:1:key/logs",
        people={role: f"arn:aws:iam::1:role/{role.value}" for role in HumanRole},
    )
    return record(lambda: Eks("eks", args), stack=name)


@pytest.fixture(scope="module")
def cluster():
    return built()


def of_type(recorder, kind):
    return [one for one in recorder.registered if one.type == f"aws:eks/{kind}"]


def test_the_api_is_private_unless_addresses_are_named(cluster):
    network = cluster.named("eks/cluster").inputs["vpcConfig"]
    assert network["endpointPrivateAccess"] is True
    assert network["endpointPublicAccess"] is False
    office = aws_samples.kubernetes(private=False, allowed_cidrs=["203.0.113.0/28"])
    network = built(kubernetes=office).named("eks/cluster").inputs["vpcConfig"]
    assert network["publicAccessCidrs"] == ["203.0.113.0/28"]
    assert network["endpointPrivateAccess"] is True, "the nodes would reach the API over the internet"


def test_whoever_creates_the_cluster_gets_no_rights_by_it(cluster):
    access = cluster.named("eks/cluster").inputs["accessConfig"]
    assert access == {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}


def test_everything_that_the_control_plane_does_is_recorded(cluster):
    logs = cluster.named("eks/cluster").inputs["enabledClusterLogTypes"]
    assert sorted(logs) == ["api", "audit", "authenticator", "controllerManager", "scheduler"]
    assert cluster.named("eks/log").inputs["retentionInDays"] == 365
    assert cluster.named("eks/log").urn in cluster.named("eks/cluster").depends_on, (
        "EKS would make the group itself, without key and for ever"
    )


def test_secrets_are_encrypted_with_our_key_and_the_cluster_is_protected(cluster):
    one = cluster.named("eks/cluster")
    assert one.inputs["encryptionConfig"]["resources"] == ["secrets"]
    assert one.protect


def test_network_policies_hold_from_the_first_second():
    (network,) = [addon for addon in plan_addons("1.35", nodes=True) if addon.name == "vpc-cni"]
    values = json.loads(network.values)
    assert values["enableNetworkPolicy"] == "true"
    assert values["env"]["NETWORK_POLICY_ENFORCING_MODE"] == "strict"


def test_every_version_of_kubernetes_has_every_addon_pinned():
    offered = KubernetesSpec.model_fields["version"].annotation.__args__
    assert set(offered) == set(VERSIONS), "a version could be chosen that cannot be planned"
    names = {frozenset(versions) for versions in VERSIONS.values()}
    assert len(names) == 1, "an upgrade would lose an add-on"
    for kubernetes, versions in VERSIONS.items():
        assert versions["kube-proxy"].startswith(f"v{kubernetes}."), "it must be of the cluster's own version"


def test_addons_that_need_nodes_wait_for_them_and_the_network_comes_before_them(cluster):
    groups = {one.urn for one in of_type(cluster, "nodeGroup:NodeGroup")}
    assert groups <= set(cluster.named("eks/addon-coredns").depends_on), (
        "the engine would wait in vain for DNS"
    )
    for group in of_type(cluster, "nodeGroup:NodeGroup"):
        assert cluster.named("eks/addon-vpc-cni").urn in group.depends_on, (
            "the nodes would never become ready"
        )


def test_addons_have_identities_of_their_own_and_the_nodes_none_of_their_rights(cluster):
    names = {one.name for one in cluster.registered}
    assert "eks/vpc-cni-role" in names
    arns = [one.inputs["policyArn"] for one in cluster.registered if one.name.startswith("eks/node-Amazon")]
    assert len(arns) == 3
    assert not any("CNI" in arn for arn in arns), "every pod could borrow the network's rights from its node"


def test_pods_do_not_reach_the_credentials_of_their_node(cluster):
    templates = [one for one in cluster.registered if one.type == "aws:ec2/launchTemplate:LaunchTemplate"]
    assert len(templates) == 5
    for template in templates:
        options = template.inputs["metadataOptions"]
        assert (options["httpTokens"], options["httpPutResponseHopLimit"]) == ("required", 1)


def test_a_dedicated_pool_is_its_tenants_alone():
    (group,) = [group for group in planned().groups if group.pool == "dune"]
    assert group.labels == {POOL: "dedicated", TENANT: "dune"}
    assert group.taint == "dedicated"
    assert group.tags["storefleet.dev/tenant"] == "dune", "nobody would be billed for it"


def test_databases_have_a_group_in_each_zone_and_general_nodes_one_over_all():
    groups = {group.key: group for group in planned().groups}
    assert [groups[f"data-{letter}"].zones for letter in "abc"] == [(zone,) for zone in ZONES], (
        "a new node could come up where the volume is not"
    )
    assert groups["general"].zones == ZONES


@given(st.integers(0, 9), st.integers(0, 9))
def test_the_groups_of_a_pool_have_together_at_least_what_was_asked_for(least, more):
    pools = aws_samples.POOLS | {"data": aws_samples.POOLS["data"] | {"min": least, "max": least + more + 1}}
    groups = [
        group
        for group in planned(kubernetes=aws_samples.kubernetes(pools=pools)).groups
        if group.pool == "data"
    ]
    assert sum(group.smallest for group in groups) >= least
    assert all(group.smallest <= group.largest for group in groups)
    assert all(group.largest >= 1 for group in groups), "EKS refuses a group that may have no node"


def test_a_pool_more_touches_no_other():
    spot = {"tier": "general", "spot": True, "instance_types": ["m7g.large"], "min": 0, "max": 4}
    more = planned(kubernetes=aws_samples.kubernetes(pools=aws_samples.POOLS | {"spot": spot}))
    before, after = ({group.key: group for group in plan.groups} for plan in (planned(), more))
    assert {key: after[key] for key in before} == before
    assert set(after) - set(before) == {"spot"}


def test_a_second_region_that_stands_by_has_a_cluster_without_nodes_or_none():
    asleep = planned("dr")
    assert all(group.smallest == 0 for group in asleep.groups)
    assert not any(addon.needs_nodes for addon in asleep.addons), "the engine would wait for them for ever"
    assert planned("dr", standby="absent") is None
    awake, production = planned("dr", standby="active"), planned()
    assert [group.smallest for group in awake.groups] == [group.smallest for group in production.groups]
    assert {addon.name for addon in awake.addons} == {addon.name for addon in production.addons}


def test_what_a_schedule_moves_is_left_to_it():
    hours = {"time_zone": "Europe/Paris"}
    assert planned("dev", hours=hours).scheduled
    assert not planned().scheduled


def test_people_come_in_by_access_entries_and_only_operators_administer(cluster):
    entries = of_type(cluster, "accessEntry:AccessEntry")
    assert len(entries) == len(HumanRole)
    rights = {
        one.name: one.inputs["policyArn"].rpartition("/")[2]
        for one in of_type(cluster, "accessPolicyAssociation:AccessPolicyAssociation")
    }
    strong = {name for name, policy in rights.items() if policy == "AmazonEKSClusterAdminPolicy"}
    assert strong == {"eks/access-operator-rights", "eks/access-break-glass-rights"}
    assert set(rights.values()) == {"AmazonEKSClusterAdminPolicy", "AmazonEKSViewPolicy"}, (
        "the view policy alone leaves Secrets out"
    )


def test_the_kubeconfig_says_how_to_get_credentials_and_holds_none():
    written = json.loads(kubeconfig(planned(), "https://api.example", "Y2E=", "arn:aws:iam::1:role/operator"))
    user = written["users"][0]["user"]
    assert set(user) == {"exec"}, "a credential would stand in the state"
    assert user["exec"]["args"][:4] == ["eks", "get-token", "--cluster-name", "storefleet-production"]
    assert "arn:aws:iam::1:role/operator" in user["exec"]["args"]


def test_volumes_are_kept_encrypted_and_made_where_their_pod_runs():
    environment = aws_samples.environment()
    database, *files = storage_classes(environment, environment.aws)
    assert all(each.manifest["reclaimPolicy"] == "Retain" for each in files)
    assert {each.manifest["provisioner"] for each in files} == {"kubernetes.io/no-provisioner"}, (
        "a claim that no volume was made for would get one that nobody planned"
    )
    assert database.manifest["reclaimPolicy"] == "Retain", "a deleted claim would take a database with it"
    assert database.manifest["volumeBindingMode"] == "WaitForFirstConsumer"
    assert database.manifest["parameters"]["kmsKeyId"].endswith(":alias/storefleet-production-data")
