"""A public scanner over the renders: every finding is on the list in the documentation."""

import json
import re
import subprocess

import pytest
import yaml

from components.tenancy.plan import plan_tenant
from local.progress import Progress
from local.state import ROOT
from local.toolchain import catalog
from local.toolchain.build import ensure
from spec.naming import tenant_namespace
from tests.components import aws_samples, samples
from tests.workload import rendering
from tests.workload import samples as workloads

pytestmark = pytest.mark.integration

PAGE = ROOT / "docs" / "reference" / "workload.md"
_ROW = re.compile(r"^\| kube-score \| `([\w-]+)` \| (\w+) \| waived \| .+ \|$", re.MULTILINE)
BAD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "canary", "namespace": "t-acme"},
    "spec": {"containers": [{"name": "bad", "image": "odoo", "securityContext": {"privileged": True}}]},
}


def test_kube_score_finds_nothing_in_a_render_that_is_not_on_the_list(tmp_path):
    program = ensure(Progress(), [catalog.KUBE_SCORE])[catalog.KUBE_SCORE.name]
    found: set[tuple[str, str]] = set()
    for case in workloads.CASES:
        # With the network policies that the platform puts around it.
        tenant = samples.tenant(workloads.CASES[case].tenant)
        planned = plan_tenant(tenant, aws_samples.environment()).objects
        around = [dict(one.manifest) for one in planned if one.meta.namespace == tenant_namespace(tenant.id)]
        file = tmp_path / f"{case}.yaml"
        file.write_text(yaml.safe_dump_all([*around, *rendering.golden(case), BAD]))
        command = [
            str(program),
            "score",
            "--output-format",
            "json",
            "--kubernetes-version",
            "v1.37",
            str(file),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        failed = {
            (check["check"]["id"], scored["type_meta"]["kind"], scored["object_meta"]["name"])
            for scored in json.loads(done.stdout)
            for check in scored["checks"] or ()
            if not check["skipped"] and check["grade"] < 10
        }
        assert len([name for _, _, name in failed if name == "canary"]) >= 5, "it passes a privileged pod"
        found |= {(check, kind) for check, kind, name in failed if name != "canary"}
    listed = set(_ROW.findall(PAGE.read_text(encoding="utf-8")))
    assert found - listed == set(), f"fix these, or waive them with a reason in {PAGE.name}"
    assert listed - found == set(), f"{PAGE.name} waives what is found no more"
