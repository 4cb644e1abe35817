"""What operators of a cluster in AWS are told: images, nodes, volumes, secrets, and the way to the balancer."""

from datetime import date

import pytest

from components.extensions.files import CLAIM
from components.extensions.nodes import node_pools
from components.extensions.plan import plan_extensions
from components.extensions.signatures import image_policies
from components.extensions.store import ALERTMANAGER, GRAFANA
from components.files.plan import plan_files
from components.operators.catalogue import CATALOGUE
from components.operators.plan import inputs_of
from components.secrets.plan import plan_secrets
from components.storage.lifecycle import log_rules
from policy.image_lock import LockedImage
from tests.aws import samples
from tests.components.stacks import run_stack

pytestmark = pytest.mark.unit

PRODUCTION = samples.environment()
AWS = samples.aws_of(PRODUCTION)
TENANTS = samples.tenants()
DIGEST = "sha256:" + "a" * 64
LOCKED = (
    LockedImage(digest=DIGEST, image="ghcr.io/others/database", verified_at=date(2026, 11, 1), by="ops"),
)
HOURS = {"time_zone": "Europe/Paris"}


def planned(environment=PRODUCTION, tenants=TENANTS):
    aws = samples.aws_of(environment)
    return plan_extensions(environment, aws, tenants, plan_files(environment, aws, tenants))


def policies(environment=PRODUCTION, verified=()):
    found = image_policies(environment, samples.aws_of(environment), verified)
    return {each.meta.name: each.manifest["spec"] for each in found}


def nodes(environment=PRODUCTION):
    found = node_pools(environment, samples.aws_of(environment))
    return {(each.kind, each.meta.name): each.manifest["spec"] for each in found}


def test_only_what_the_environments_own_key_signed_runs_from_its_registry():
    spec = policies()["storefleet-signed"]
    assert spec["mode"] == "enforce"
    assert spec["images"] == [
        {"glob": "111122223333.dkr.ecr.eu-central-1.amazonaws.com/storefleet-production/**"}
    ]
    (authority,) = spec["authorities"]
    alias = "arn:aws:kms:eu-central-1:111122223333:alias/storefleet-production-signing"
    assert authority["key"]["kms"] == f"awskms:///{alias}"


def test_the_second_region_believes_the_signatures_of_production_with_the_key_that_is_there():
    spec = policies(samples.second())["storefleet-signed"]
    assert spec["images"][0]["glob"].endswith(".eu-west-1.amazonaws.com/storefleet-production/**")
    assert spec["authorities"][0]["key"]["kms"].endswith(
        ":kms:eu-west-1:111122223333:alias/storefleet-production-signing"
    ), "nothing could start after the loss of the first region"


def test_images_of_others_run_by_the_digests_that_were_verified_and_by_no_tag():
    spec = policies(verified=LOCKED)["storefleet-verified"]
    assert spec["images"] == [{"glob": f"ghcr.io/others/database@{DIGEST}"}]
    assert "storefleet-verified" not in policies(), "an empty policy is one that the operator refuses"


def test_in_dev_unsigned_builds_run_and_whoever_starts_them_is_told():
    dev = samples.environment("dev", dr_region=None, standby_host=None)
    assert policies(dev)["storefleet-signed"]["mode"] == "warn"


def test_karpenter_adds_nodes_of_the_pools_kind_up_to_the_number_that_the_stack_states():
    found = nodes()
    assert {name for _, name in found} == {"general", "spot", "dune"}, (
        "databases would follow nodes that move"
    )
    general = found["NodePool", "general"]
    assert general["limits"] == {"cpu": "16"}, "four nodes of four cores beside the two of the node group"
    requirements = {each["key"]: each["values"] for each in general["template"]["spec"]["requirements"]}
    assert requirements["node.kubernetes.io/instance-type"] == ["m7g.xlarge"]
    assert requirements["karpenter.sh/capacity-type"] == ["on-demand"]
    spot = found["NodePool", "spot"]["template"]["spec"]["requirements"]
    assert {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]} in spot


def test_nodes_for_one_tenant_keep_everybody_else_off_and_are_billed_to_it():
    found = nodes()
    template = found["NodePool", "dune"]["template"]
    assert template["spec"]["taints"] == [
        {"key": "storefleet.dev/pool", "value": "dedicated", "effect": "NoSchedule"}
    ]
    assert template["metadata"]["labels"]["storefleet.dev/tenant"] == "dune"
    assert found["EC2NodeClass", "dune"]["tags"]["storefleet.dev/tenant"] == "dune"


def test_nodes_that_are_added_are_as_closed_as_those_of_the_groups():
    spec = nodes()["EC2NodeClass", "general"]
    assert spec["metadataOptions"]["httpTokens"] == "required"
    assert spec["metadataOptions"]["httpPutResponseHopLimit"] == 1, (
        "a pod could borrow the node's credentials"
    )
    (disk,) = spec["blockDeviceMappings"]
    assert disk["ebs"]["encrypted"] is True
    assert disk["ebs"]["kmsKeyID"].endswith(":alias/storefleet-production-eks")


def test_where_nodes_are_switched_off_at_night_none_is_left_that_nobody_could_switch_off():
    assert nodes(samples.environment("dev", dr_region=None, standby_host=None, hours=HOURS)) == {}


def test_each_tenant_has_a_volume_that_is_kept_for_its_claim_alone():
    volumes = planned().volumes
    assert set(volumes) == {tenant.id for tenant in TENANTS}
    spec = volumes["acme"].manifest["spec"]
    assert spec["claimRef"] == {"namespace": "t-acme", "name": CLAIM}, "another tenant's claim could take it"
    assert spec["persistentVolumeReclaimPolicy"] == "Retain"


def test_a_volumes_handle_and_the_targets_of_the_balancer_are_what_aws_made():
    recorded = run_stack("dev")
    volume = recorded.named("extensions/files-solvane-paris").inputs
    assert volume["spec"]["csi"]["volumeHandle"] == "files/eu-1-id::files/point-solvane-paris-id"
    binding = recorded.named("extensions/balancer").inputs["spec"]
    assert binding["targetGroupARN"].endswith(":edge/balancer/targets")
    (rule,) = binding["networking"]["ingress"]
    assert rule["from"] == [{"securityGroup": {"groupID": "edge/balancer/group-id"}}], (
        "pods would take connections from anybody in the network"
    )


def test_operators_are_there_before_what_they_are_told_and_go_after_it_and_before_their_nodes():
    recorded = run_stack("dev")
    releases = {one.urn for one in recorded.registered if one.type.startswith("kubernetes:helm")}
    assert releases, "this test would be of nothing"
    assert releases <= set(recorded.named("extensions/balancer").depends_on), (
        "its kind would not be there yet, and nobody would take its targets away at the end"
    )
    groups = {one.urn for one in recorded.registered if one.type == "aws:eks/nodeGroup:NodeGroup"}
    assert groups <= set(recorded.named("operators/karpenter").depends_on), "it would have no node to run on"


def test_the_secrets_that_charts_name_are_brought_from_the_platforms_part_of_the_store():
    made = {each.name: each for each in plan_secrets(PRODUCTION, AWS, ()).secrets}
    found = {each.meta.name: each for each in planned().objects if each.kind == "ExternalSecret"}
    (stack,) = [each for each in CATALOGUE if each.name == "kube-prometheus-stack"]
    values = stack.values(inputs_of(PRODUCTION))
    assert values["grafana"]["admin"]["existingSecret"] == GRAFANA
    assert values["alertmanager"]["alertmanagerSpec"]["configSecret"] == ALERTMANAGER
    for name in (GRAFANA, ALERTMANAGER):
        for item in found[name].manifest["spec"]["data"]:
            entry = made[item["remoteRef"]["key"]]
            assert item["remoteRef"]["property"] in {*entry.fields, *entry.texts}, f"{name} would stay empty"


def test_whom_alerts_go_to_is_written_by_people_and_never_changed_back():
    secret = next(each for each in plan_secrets(PRODUCTION, AWS, ()).secrets if each.by_hand)
    assert secret.name == "storefleet/platform/alertmanager"


def test_where_a_region_stands_by_nothing_is_told_to_operators_that_are_not_there():
    assert planned(samples.second()) is None


def test_the_stack_file_moves_the_lifecycle_of_logs_and_nothing_else():
    longer = samples.environment(log_days=500)
    usual, moved = ({each.key: each for each in log_rules(env)} for env in (PRODUCTION, longer))
    assert (usual["audit"].expire_days, moved["audit"].expire_days) == (400, 500)
    assert usual["tidy"] == moved["tidy"]
