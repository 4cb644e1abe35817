"""Fleets and releases at random for the planner."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from hypothesis import strategies as st

from release.freezes import HORIZON, Room, timeline
from spec.releases import ManifestSpec, Release
from spec.tenant import TenantSpec
from spec.vocabulary import EnvironmentName
from spec.yaml_text import parse
from tests.release.samples import calendars
from tests.spec.conftest import GOOD

DIGEST = "sha256:" + "a" * 64
BASE = parse(GOOD, "corner.yaml")


def tenant(name, *, ring=2, criticality="standard", calendar=None, **more):
    """Return a tenant with these facts; what contradicts them is not looked at here."""
    facts = {"ring": ring, "criticality": criticality, "calendar": calendar, "peaks": [], **more}
    return TenantSpec.model_validate({**BASE, **facts, "id": name})


def fleet(tenants, calendars=None):
    """Return what the planner reads of a fleet."""
    by_id = {each.id: each for each in tenants}
    return SimpleNamespace(
        environment=SimpleNamespace(name=EnvironmentName.PRODUCTION),
        tenants=tuple(sorted(tenants, key=lambda each: each.id)),
        left_out=(),
        calendars=calendars or {},
        tenant=by_id.__getitem__,
    )


def release(version="18.0.4", **changes):
    """Return a release that is right, with some of its declarations changed."""
    content = {
        "version": version,
        "summary": "The promotion engine counts each voucher once",
        "built_by": ["dev@solvane.example"],
        "built_at": "2026-11-20T10:00:00Z",
        "commit": "a" * 40,
        "bundle": DIGEST,
        "images": {"odoo": f"registry.example/odoo@{DIGEST}"},
        "migration": "none",
        "payment_related": False,
        "rollback": "pointer",
        "tests": [{"name": "unit", "result": "passed", "total": 10, "report": DIGEST}],
        **changes,
    }
    return Release(manifest=ManifestSpec.model_validate(content), digest=DIGEST)


BEGINS = datetime(2026, 3, 2, 9, tzinfo=UTC)


@st.composite
def fleets(draw, most=14):
    """Tenants, and calendars that leave some room in a year: what leaves none is refused, and tested by itself."""
    offered = {f"c{place}": draw(calendars(f"c{place}")) for place in range(draw(st.integers(0, 3)))}
    usable = {name: each for name, each in offered.items() if roomy(each)}
    names = st.sampled_from([None, *usable])
    count = draw(st.integers(0, most))
    tenants = [
        tenant(
            f"t{place:02}",
            ring=draw(st.integers(0, 3)),
            criticality=draw(st.sampled_from(["low", "standard", "high", "critical"])),
            calendar=draw(names),
        )
        for place in range(count)
    ]
    return tenants, usable


def roomy(calendar):
    """Say whether a calendar leaves room for the most demanding ring, early enough."""
    times = timeline(calendar, BEGINS, HORIZON)
    room = Room(change=timedelta(hours=2), calm=timedelta(hours=48))
    return all(times.opening(BEGINS + timedelta(days=days), room) is not None for days in range(0, 300, 50))
