"""The recorder itself: a test that cannot fail proves nothing."""

import pulumi
import pytest

from tests.components.recorder import record

pytestmark = pytest.mark.unit


def test_an_assertion_inside_apply_fails_the_test():
    def program() -> None:
        def check(value: int) -> None:
            assert value == 2, "the canary sings"

        pulumi.Output.from_input(1).apply(check)

    with pytest.raises(AssertionError, match="the canary sings"):
        record(program)


def test_a_resource_that_is_registered_twice_is_reported():
    def program() -> None:
        for _ in range(2):
            pulumi.ComponentResource("storefleet:tests:Twin", "twin").register_outputs({})

    assert record(program).duplicates() == ["urn:pulumi:local::storefleet::storefleet:tests:Twin::twin"]


def test_a_programs_exception_comes_through():
    def program() -> None:
        raise pulumi.RunError("no")

    with pytest.raises(pulumi.RunError, match="no"):
        record(program)


def test_grandparents_stay_in_the_urn():
    def program() -> None:
        top = pulumi.ComponentResource("a:b:C", "top")
        middle = pulumi.ComponentResource("a:b:D", "middle", opts=pulumi.ResourceOptions(parent=top))
        pulumi.ComponentResource("a:b:E", "low", opts=pulumi.ResourceOptions(parent=middle))

    assert record(program).named("low").urn == "urn:pulumi:local::storefleet::a:b:C$a:b:D$a:b:E::low"
