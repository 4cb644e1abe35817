"""The values of the chart: the schema is the models', and what does not hang together is refused."""

import copy
import json

import jsonschema
import pytest
from pydantic import ValidationError

from components.workload.schema import SCHEMA_PATH, schema_text, values_schema
from components.workload.values import WorkloadValues
from local.state import ROOT
from tests.workload import samples

pytestmark = pytest.mark.unit


def document():
    return copy.deepcopy(samples.CASES["shared"].values.document())


def test_the_schema_that_helm_reads_is_the_models():
    committed = (ROOT / SCHEMA_PATH).read_text(encoding="utf-8")
    assert committed == schema_text(), (
        "Helm would refuse what a plan writes, or take what it does not: python -m components.workload.schema"
    )


@pytest.mark.parametrize("case", samples.CASES)
def test_what_a_plan_writes_is_what_the_schema_and_the_models_take(case):
    written = samples.CASES[case].values.document()
    jsonschema.Draft202012Validator(values_schema()).validate(written)
    assert WorkloadValues.model_validate(json.loads(json.dumps(written))) == samples.CASES[case].values


def set_at(path, value):
    def change(content):
        *above, last = path.split(".")
        node = content
        for key in above:
            node = node[key]
        node[last] = value

    return change


REFUSED = {
    "memory that the kernel would not give": (
        set_at("web.odoo.memorySoft", 2**30),
        "2 workers and their parent take up to 2415919104 bytes, and the pod's limit is 1610612736",
    ),
    "a hard limit below the soft one": (set_at("web.odoo.memoryHard", 2**28), "is below memorySoft"),
    "a range that is none": (set_at("web.scaling.min", 9), "has a least of 9 pods and a most of"),
    "sleep without an alarm clock": (
        set_at("web.scaling", {"min": 0, "max": 2, "cpuPercent": 70}),
        "would sleep for good",
    ),
    "a migration without a way back": (set_at("phase", "migrate"), "is missing, and the phase is migrate"),
    "a rehearsal on the shop itself": (
        set_at("rehearsal", {**samples.REHEARSAL.model_dump(mode="json"), "database": "acme"}),
        "is the shop's own database",
    ),
    "a rehearsal with the shop's password": (
        set_at("rehearsal", {**samples.REHEARSAL.model_dump(mode="json"), "secret": "odoo"}),
        "is the shop's own Secret",
    ),
    "one host twice": (
        set_at("edge.routes", [{"name": name, "hosts": ["www.acme.example"]} for name in ("a", "b")]),
        "has www.acme.example more than once",
    ),
    "a host with a wildcard": (
        set_at("edge.routes", [{"name": "a", "hosts": ["*.acme.example"]}]),
        "would take host names of other tenants",
    ),
    "a key that nobody reads": (set_at("web.replica", 3), "Extra inputs are not permitted"),
    "an image by tag": (set_at("release.image", "docker.io/library/odoo:19"), "String should match pattern"),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED)
def test_values_that_do_not_hang_together_are_refused(change, message):
    content = document()
    change(content)
    with pytest.raises(ValidationError) as refused:
        WorkloadValues.model_validate(content)
    assert message in str(refused.value)
