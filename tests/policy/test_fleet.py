"""The pack on what the project itself plans: every object of the local environment."""

from pathlib import Path

import pytest

from components.plan import plan_environment
from spec.fleet import load_fleet
from tests.policy.harness import judge
from tests.policy.parts import Manifest, Stack

pytestmark = pytest.mark.policy

ROOT = Path(__file__).resolve().parents[2]


def names(manifest: Manifest) -> str:
    metadata = manifest["metadata"]
    return f"{metadata.get('namespace', '')}/{manifest['kind']}/{metadata['name']}"


@pytest.fixture(scope="module")
def planned() -> Stack:
    """Return what `pulumi up -s local` would declare."""
    stack = Stack()
    for planned_object in plan_environment(load_fleet(ROOT, "local")).objects():
        manifest = dict(planned_object.manifest)
        assert names(manifest) not in stack.objects, (
            "two objects of one name: one of them would not be judged"
        )
        stack.add(names(manifest), manifest, protect=planned_object.protect)
    return stack


def test_what_is_planned_for_the_example_tenants_breaks_no_rule(planned):
    namespaces = [key for key in planned.objects if "/Namespace/t-" in key]
    assert namespaces, "there is no tenant to judge"
    judgement = judge(planned)
    assert not judgement.breaches, "the project's own stack would be refused"
    assert not judgement.skipped


def test_each_part_of_a_tenants_wall_is_needed(planned):
    namespace = next(key for key in planned.objects if "/Namespace/t-" in key).rpartition("/")[2]
    parts = [
        key
        for key in planned.objects
        if key.startswith(f"{namespace}/")
        and key.split("/")[1] in {"ResourceQuota", "LimitRange", "NetworkPolicy"}
        # These only open: without them a tenant reaches less.
        and not key.endswith(("/NetworkPolicy/integrations", "/NetworkPolicy/to-object-store"))
    ]
    assert len(parts) >= 3
    own = {
        key: declared
        for key, declared in planned.objects.items()
        if key.startswith(f"{namespace}/") or key.endswith(f"/{namespace}")
    }
    for part in parts:
        judgement = judge(Stack({key: declared for key, declared in own.items() if key != part}))
        assert judgement.rules == {"tenant-isolation"}, f"{part} can be left out and nobody says so"
        assert all(namespace in message for message in judgement.messages)
