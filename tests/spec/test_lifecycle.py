"""Tenants leave by known steps; between the steps nobody disappears."""

from datetime import timedelta
from pathlib import Path

import pytest

from spec.fleet import Fleet
from spec.lifecycle import STEPS, Applied, check_steps, deletion_confirmed, removed
from spec.problems import SpecError
from spec.tenant import TenantSpec
from spec.tiers import RETENTION, TIERS
from spec.vocabulary import TenantState, Tier
from tests.components.samples import environment, tenant
from tests.spec.cases import TODAY

pytestmark = pytest.mark.unit

BACKUP = {"at": "2026-01-01", "digest": "sha256:" + "0" * 64, "verified_by": "ops@acme.example"}
LEGAL = {
    ("active", "suspended"), ("suspended", "active"), ("suspended", "archived"), ("archived", "suspended"),
    ("archived", "purged"), ("purged", "archived"),
}  # fmt: skip


def in_state(state: TenantState, *, purge: str = f"acme {TODAY}") -> TenantSpec:
    records = {"final_backup": BACKUP} if state in {TenantState.ARCHIVED, TenantState.PURGED} else {}
    confirmed = {"purge": purge} if state is TenantState.PURGED else {}
    return tenant(state=state.value, **records, **confirmed)


def refused(asked: TenantSpec, before: Applied) -> str:
    try:
        check_steps(Fleet(environment(), (asked,)), {"acme": before}, TODAY, Path("none"))
    except SpecError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("before", TenantState)
@pytest.mark.parametrize("after", TenantState)
def test_a_tenant_takes_the_known_steps_and_no_other(before, after):
    message = refused(in_state(after), Applied(state=before, cell="shared"))
    may = before is after or (before.value, after.value) in LEGAL
    assert (message == "") == may, f"{before} -> {after}"
    if not may:
        assert "fix: write state: " in message, "the reader would not learn the next step"


def test_every_refused_step_names_a_first_step_that_is_allowed():
    for before in TenantState:
        for after in set(TenantState) - {before, *STEPS[before]}:
            message = refused(in_state(after), Applied(state=before, cell="shared"))
            first = TenantState(message.partition("write state: ")[2].partition(" ")[0])
            assert first in STEPS[before], f"{before} -> {after}: the advice would be refused as well"


@pytest.mark.parametrize("state", TenantState)
def test_a_cluster_that_was_lost_is_rebuilt_in_any_state(state):
    check_steps(Fleet(environment(), (in_state(state),)), {}, TODAY, Path("none"))


@pytest.mark.parametrize("days", [-1, 1])
def test_a_purge_that_names_another_day_is_not_applied(days):
    other = in_state(TenantState.PURGED, purge=f"acme {TODAY + timedelta(days=days)}")
    assert "does not name today" in refused(other, Applied(state=TenantState.ARCHIVED, cell="shared"))


def test_a_namespace_that_is_ending_needs_no_second_confirmation():
    yesterdays = in_state(TenantState.PURGED, purge=f"acme {TODAY - timedelta(days=1)}")
    before = Applied(state=TenantState.PURGED, cell="shared", ending=True)
    assert refused(yesterdays, before) == "", "a purge over midnight would never end"
    assert removed(yesterdays, {"acme": before})


def test_a_tenant_is_left_out_of_the_plan_only_when_its_purge_was_applied():
    purged = in_state(TenantState.PURGED)
    confirmed = f"t-acme {TODAY}"
    assert deletion_confirmed(purged) == confirmed
    for state in TenantState:
        plain = Applied(state=state, cell="shared")
        assert not removed(purged, {"acme": plain}), "the tenant would go without the first step"
    assert removed(purged, {"acme": Applied(state=TenantState.PURGED, cell="shared", confirmed=confirmed)})
    assert not removed(
        purged, {"acme": Applied(state=TenantState.PURGED, cell="shared", confirmed="t-acme 2026-11-01")}
    ), "the cluster's guard would refuse a confirmation of another day"
    assert removed(purged, {}), "the file of a purged tenant would bring it back"


@pytest.mark.parametrize("state", [TenantState.ACTIVE, TenantState.SUSPENDED, TenantState.ARCHIVED])
def test_only_a_purged_tenant_is_ever_left_out(state):
    assert not removed(in_state(state), {})
    assert not removed(in_state(state), {"acme": Applied(state=state, cell="shared", ending=True)})


@pytest.mark.parametrize("tier", Tier)
def test_the_retention_is_that_of_the_tiers_backup_class(tier):
    kept = RETENTION[TIERS[tier].backup_class]
    day = TODAY - kept
    records = {"final_backup": BACKUP | {"at": day.isoformat()}, "purge": f"acme {TODAY}"}
    assert tenant(tier=tier.value, state="purged", **records)
    late = {**records, "final_backup": BACKUP | {"at": (day + timedelta(days=1)).isoformat()}}
    with pytest.raises(ValueError, match="comes too early"):
        tenant(tier=tier.value, state="purged", **late)
