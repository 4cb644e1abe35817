"""A public scanner over what production is made of in AWS: every finding is on the list in the documentation."""

import json
import re
import subprocess
from collections import Counter

import pytest
from uv import find_uv_bin

from local.state import ROOT
from tests.aws.terraform import snake, terraform_type, written
from tests.components.stacks import run_stack
from tests.isolation.test_scanners import CHECKOV, CHECKOV_DAY
from tests.policy.harness import TODAY

PAGE = ROOT / "docs" / "reference" / "security.md"
_ROW = re.compile(r"^\| checkov on AWS \| `(\w+)` \| (\w+) \| (\d+) \| (.+) \|$", re.MULTILINE)
CANARY = "scanner_canary"
BAD = {
    "aws_db_instance": {
        CANARY: {"publicly_accessible": True, "storage_encrypted": False, "engine": "postgres"}
    },
    "aws_ebs_volume": {CANARY: {"availability_zone": "eu-central-1a", "size": 1, "encrypted": False}},
}


@pytest.mark.unit
@pytest.mark.parametrize(
    ("token", "name"),
    [
        ("aws:s3/bucket:Bucket", "aws_s3_bucket"),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", "aws_vpc_endpoint"),
        ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws_vpc_security_group_ingress_rule"),
        ("aws:costexplorer/anomalyMonitor:AnomalyMonitor", "aws_ce_anomaly_monitor"),
        ("aws:cloudtrail/trail:Trail", "aws_cloudtrail"),
    ],
)
def test_types_have_the_names_that_scanners_know(token, name):
    assert terraform_type(token) == name


@pytest.mark.unit
def test_properties_have_the_names_that_scanners_know():
    assert [snake(name) for name in ("kmsKeyId", "cidrIpv4", "tags")] == ["kms_key_id", "cidr_ipv4", "tags"]


def listed():
    return {(check, kind): int(number) for check, kind, number, _ in _ROW.findall(PAGE.read_text("utf-8"))}


@pytest.mark.integration
def test_checkov_finds_nothing_in_aws_that_is_not_on_the_list(tmp_path, monkeypatch):
    monkeypatch.setattr("spec.fleet.current_day", lambda: TODAY)
    monkeypatch.delenv("STOREFLEET_KUBECONFIG", raising=False)
    content = written(run_stack("production").registered)
    assert sum(len(each) for each in content["resource"].values()) > 700, "most of production is not scanned"
    content["resource"] |= BAD
    (tmp_path / "main.tf.json").write_text(json.dumps(content))
    pinned = ["--exclude-newer", CHECKOV_DAY, "--from", f"checkov=={CHECKOV}"]
    run = [find_uv_bin(), "tool", "run", *pinned, "checkov"]
    got = subprocess.run([*run, "--version"], capture_output=True, text=True, check=False, timeout=300)
    if got.returncode != 0:
        pytest.skip(f"checkov {CHECKOV} cannot be had here: {got.stderr.strip()[-300:]}")
    command = [*run, "--directory", str(tmp_path), "--framework", "terraform_json", "--output", "json"]
    done = subprocess.run(
        [*command, "--quiet", "--compact", "--skip-download"],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0, "what cannot be read is not scanned"
    kinds = {label: kind for kind, each in content["resource"].items() for label in each}
    failed = [
        # `aws_lb.<label>` or `resource.<label>`, as the check likes.
        (one["check_id"], one["resource"].rpartition(".")[2])
        for one in report["results"]["failed_checks"]
    ]
    canaries = [check for check, label in failed if label == CANARY]
    assert len(canaries) >= 2, "the scanner passes a public database without encryption"
    found = Counter((check, kinds[label]) for check, label in failed if label != CANARY)
    page = PAGE.relative_to(ROOT)
    assert dict(found) == listed(), f"fix what is new, or waive it with a reason in {page}"
