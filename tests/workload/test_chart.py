"""The chart, rendered by the real Helm."""

import pytest

from tests.components.golden import check_golden
from tests.workload import rendering, samples

pytestmark = [pytest.mark.integration, pytest.mark.golden]
EACH = pytest.mark.parametrize("case", samples.CASES)


@EACH
def test_what_helm_renders_for_each_case_is_on_file(case, tmp_path):
    plan = samples.CASES[case]
    done = rendering.run(plan.values.document(), tmp_path)
    assert done.returncode == 0, done.stderr
    reasons = "".join(f"# {reason}\n" for reason in plan.reasons)
    check_golden(
        rendering.golden_name(case),
        reasons + done.stdout,
        "the next delivery would change what runs for every tenant like it.",
    )


@EACH
def test_helm_finds_nothing_wrong_with_the_chart(case, tmp_path):
    done = rendering.run(samples.CASES[case].values.document(), tmp_path, command="lint")
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout, done.stdout


def _without(document, *path):
    *above, last = path
    node = document
    for key in above:
        node = node[key]
    del node[last]


def _with(document, value, *path):
    *above, last = path
    node = document
    for key in above:
        node = node[key]
    node[last] = value


BROKEN = {
    "no tenant": (lambda d: _without(d, "tenant"), "missing property 'tenant'"),
    "a misspelt key": (
        lambda d: _with(d, 2, "web", "replica"),
        "additional properties 'replica' not allowed",
    ),
    "an image by tag": (
        lambda d: _with(d, "docker.io/library/odoo:19", "release", "image"),
        "/release/image",
    ),
    "a negative number of workers": (lambda d: _with(d, -1, "web", "odoo", "workers"), "/web/odoo/workers"),
    "workers as text": (lambda d: _with(d, "four", "web", "odoo", "workers"), "want integer"),
    "an unknown phase": (lambda d: _with(d, "open", "phase"), "/phase"),
    "another namespace": (lambda d: _with(d, "default", "namespace"), "/namespace"),
    "a migration without a checkpoint": (
        lambda d: _with(d, "migrate", "phase"),
        "missing property 'migration'",
    ),
    "a secret of another tenant's": (
        lambda d: _with(d, "storefleet/cells/eu-1/roles/acme", "secrets", "external", "key"),
        "/secrets/external/key",
    ),
    "no route": (lambda d: _with(d, [], "edge", "routes"), "/edge/routes"),
}


@pytest.mark.parametrize(("breaking", "message"), BROKEN.values(), ids=BROKEN)
def test_helm_refuses_values_that_no_plan_makes_and_says_where(breaking, message, tmp_path):
    document = samples.CASES["shared"].values.document()
    breaking(document)
    done = rendering.run(document, tmp_path)
    assert done.returncode != 0, "the cluster would have been the first to notice"
    assert message in done.stderr, f"who wrote it does not learn where: {done.stderr}"
    assert "values don't meet the specifications of the schema" in done.stderr


def test_without_values_nothing_is_rendered(tmp_path):
    done = rendering.run({}, tmp_path)
    assert done.returncode != 0, "the chart has defaults of its own, beside the plan's"
