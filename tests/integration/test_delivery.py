"""The real Argo CD on the examples: waves, their reverts, bad releases, freezes, drift and slips.

The repository is a real one of the tests' own; pods are kwok's, so that healthy means: scheduled and said to be ready.
`STOREFLEET_TEST_TENANTS=all` takes all of `tenants/` instead of some of each ring.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from local.delivery.control import APPLICATIONS
from local.kube import ApiError
from release.pointers import pointer_file
from release.windows import Exemption
from spec.calendar_files import Calendar
from spec.calendars import Season
from spec.delivery import DeliverySpec
from spec.naming import tenant_namespace
from spec.releases import load_release
from tests.integration.delivered import BASE, Delivery, deliver, eventually
from tests.integration.project import copy
from tests.integration.releasing import MANAGER, Releasing, stored

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from spec.fleet import Fleet

pytestmark = pytest.mark.integration

CANARY, EARLY = 0, 1
EMERGENCY = timedelta(minutes=3)
"""How long the emergency of a test holds: a busy machine moves a tenant within it."""
TENANTS = (
    "atelier-sorel",
    "kaufwerk",
    "solvane-edinburgh",
    "solvane-gdansk",
    "solvane-geneva",
    "solvane-ghent",
    "solvane-lille",
    "solvane-london",
    "solvane-lyon",
)
"""Some of each ring, of each tier, and several in one cell."""


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Generator[Delivery]:
    from local.state import ROOT  # noqa: PLC0415

    everybody = tuple(path.stem for path in (ROOT / "tenants").glob("*.yaml"))
    wanted = everybody if os.environ.get("STOREFLEET_TEST_TENANTS") == "all" else TENANTS
    project = copy(tmp_path_factory.mktemp("delivery"), wanted)
    try:
        yield deliver(project)
    finally:
        project.stop()


@pytest.fixture(scope="module")
def synced(delivery: Delivery) -> Delivery:
    """Everybody is on the first release."""
    eventually("the first delivery of all examples", delivery.unwell)
    return delivery


@pytest.fixture(scope="module")
def released(synced: Delivery) -> Delivery:
    """The second release is there, and nobody has it."""
    synced.release("18.0.2", lambda text: text.replace("odoo@sha256:4f8e", "odoo@sha256:2222"))
    synced.commit("Release 18.0.2")
    return synced


def test_all_tenants_are_synced_and_healthy_from_an_empty_cluster(synced: Delivery):
    found = synced.applications()
    assert set(found) == {tenant.id for tenant in synced.fleet.tenants}
    assert len(found) >= len(TENANTS)
    for name, each in found.items():
        assert each["spec"]["project"] == each["spec"]["destination"]["namespace"] == tenant_namespace(name)


def test_a_wave_moves_exactly_its_tenants_and_its_revert_brings_exactly_them_back(released: Delivery):
    wave = released.ring(EARLY)
    others = [tenant.id for tenant in released.fleet.tenants if tenant.id not in wave]
    assert wave
    assert others
    before, own = released.snapshot(others), released.snapshot(wave)
    assert len(before) > 10 * len(others), "there is nothing to compare"
    old = {name: released.image_of(name) for name in wave}

    released.point(wave, "18.0.2")
    released.commit("A wave")
    eventually("the wave", lambda: released.unwell(wave))
    assert all("sha256:2222" in released.image_of(name) for name in wave)
    assert released.snapshot(others) == before, "a wave touched tenants that are not in it"
    assert released.snapshot(wave) != own

    released.git("revert", "--no-edit", "HEAD")
    released.pointers.update(dict.fromkeys(wave, BASE))
    eventually("the way back", lambda: released.unwell(wave))
    assert {name: released.image_of(name) for name in wave} == old
    assert released.snapshot(others) == before, "a revert touched tenants that are not in it"


def _nowhere(text: str) -> str:
    """Let pods wait for a node that there is not: kwok says of every pod that has one that it is ready."""
    return text.replace("nodeSelector:\n", "nodeSelector:\n  storefleet.dev/nowhere: 'true'\n")


def test_a_bad_release_stops_at_its_ring_and_the_old_one_goes_on_serving(released: Delivery):
    ring = released.ring(CANARY)
    others = [tenant.id for tenant in released.fleet.tenants if tenant.id not in ring]
    before = released.snapshot(others)
    released.release("18.0.3", lambda text: _nowhere(text.replace("odoo@sha256:4f8e", "odoo@sha256:3333")))
    released.release("18.0.4")
    broken = released.project.root / "releases/18.0.4/chart/templates/services.yaml"
    broken.write_text('{{ fail "a template that nobody tried" }}\n')
    # A migration whose checkpoint nobody took.
    released.release("18.0.5", lambda text: text.replace("phase: serve", "phase: migrate"))
    # An image of which the cluster was told nothing: values that name another than the manifest.
    released.release("18.0.6", lambda text: text.replace("odoo@sha256:4f8e", "odoo@sha256:6666"), told=False)
    bad = {
        "18.0.3": "Progressing",
        "18.0.4": "nobody tried",
        "18.0.5": "migration",
        "18.0.6": "policy/image-lock.yaml, and apply the platform",
    }
    for version, said in bad.items():
        serving = {name: released.image_of(name) for name in ring}
        released.point(ring, version)
        released.commit(f"A bad release, {version}")

        def not_yet(version: str = version, said: str = said) -> str:
            found = released.unwell(ring)
            return "" if version in found and said in found else f"not told yet: {found}"

        eventually(f"the trouble of {version}", not_yet)
        if version != "18.0.3":
            assert {name: released.image_of(name) for name in ring} == serving, (
                "half of a release was applied"
            )
        for name in ring:
            path = f"/apis/apps/v1/namespaces/{tenant_namespace(name)}/deployments/odoo"
            status = (released.api.get(path) or {})["status"]
            assert status.get("readyReplicas", 0) >= 1, (
                "the shop is closed by a release that never became ready"
            )
        assert released.snapshot(others) == before, f"{version} went past its ring"
        released.point(ring, BASE)
        released.commit("Back")
        eventually("the way back", lambda: released.unwell(ring))


def _with_a_freeze(delivery: Delivery, tenant: str) -> Fleet:
    """Return the fleet with one tenant under a calendar that is closed all year, and nobody else under any."""
    quarters = (("01-01", "03-31"), ("04-01", "06-30"), ("07-01", "09-30"), ("10-01", "12-31"))
    closed = Calendar(
        id="stocktaking",
        title="Closed all year",
        owner="tests",
        time_zone="Europe/Paris",
        freezes=tuple(
            ("stocktaking", Season(kind="season", name="Stocktaking", starts=starts, ends=ends))
            for starts, ends in quarters
        ),
    )
    fleet = delivery.fleet
    return replace(
        fleet,
        environment=fleet.environment.model_copy(update={"delivery": DeliverySpec()}),
        tenants=tuple(
            each.model_copy(update={"calendar": "stocktaking" if each.id == tenant else None})
            for each in fleet.tenants
        ),
        calendars={"stocktaking": closed},
    )


def _by_hand(delivery: Delivery, tenant: str) -> None:
    path = f"{APPLICATIONS}/odoo-{tenant}"
    delivery.api.merge(
        path, {"operation": {"initiatedBy": {"username": "somebody"}, "sync": {"prune": True}}}
    )


def _stays_where_it_is(delivery: Delivery, frozen: str, free: str, release: str) -> None:
    """Point both to a release, ask by hand for the frozen one as well, and show that only the free one moved."""
    before = delivery.said([frozen])
    delivery.point([frozen, free], release)
    delivery.commit(f"A wave to {release} with somebody frozen in it")
    eventually("the one that is free", lambda: delivery.unwell([free]))

    def seen() -> str:
        each = delivery.applications()[frozen]
        moved = each["metadata"]["labels"]["storefleet.dev/release"] == release
        return "" if moved and each["status"]["sync"]["status"] == "OutOfSync" else "not compared yet"

    eventually("the comparison of the frozen one", seen)
    _by_hand(delivery, frozen)
    # What is free moves there and back meanwhile: Argo CD has had the time to move the frozen one as well.
    other = BASE if release != BASE else "18.0.2"
    delivery.point([free], other)
    delivery.commit("The free one moves on")
    eventually("the free one's next move", lambda: delivery.unwell([free]))
    assert delivery.said([frozen]) == before, "a freeze was passed by"
    assert delivery.applications()[frozen]["status"]["sync"]["status"] == "OutOfSync"


@pytest.fixture
def thawed(released: Delivery) -> Generator[None]:
    """Whatever a test freezes is free again after it, also when it fails."""
    yield
    released.tell(released.fleet)


@pytest.mark.usefixtures("thawed")
def test_a_frozen_tenant_moves_by_hand_under_an_emergency_until_it_expires_and_never_otherwise(
    released: Delivery,
):
    frozen, free = released.ring(EARLY)[:2]
    fleet = _with_a_freeze(released, frozen)
    released.tell(fleet)
    _stays_where_it_is(released, frozen, free, "18.0.2")

    now = datetime.now(tz=UTC).replace(second=0, microsecond=0)
    # What moves was begun under the emergency for certain: a later one must not be taken for it.
    begins, ends = now - timedelta(hours=1), now + EMERGENCY
    released.tell(
        fleet, exemptions=[Exemption(record="e-1", tenants=frozenset({frozen}), begins=begins, ends=ends)]
    )
    _by_hand(released, frozen)
    eventually("the move by hand under the emergency", lambda: released.unwell([frozen]))

    # Nothing is told to Argo CD any more: the record expires by itself.
    eventually("the end of the emergency", lambda: "" if datetime.now(tz=UTC) > ends else "it still holds")
    _stays_where_it_is(released, frozen, free, BASE)

    released.tell(released.fleet)
    eventually("the end of the freeze", lambda: released.unwell([frozen]))
    released.point([free], BASE)
    released.commit("Back")
    eventually("the way back", lambda: released.unwell([free]))


def _ports(delivery: Delivery, service: str) -> list[dict[str, Any]]:
    return (delivery.api.get(service) or {})["spec"]["ports"]


def test_drift_is_corrected_and_a_foreign_object_is_reported(
    synced: Delivery, record_property: pytest.RecordProperty
):
    tenant = synced.ring(EARLY)[0]
    namespace = tenant_namespace(tenant)
    service = f"/api/v1/namespaces/{namespace}/services/odoo"
    deployment = f"/apis/apps/v1/namespaces/{namespace}/deployments/odoo"
    right = _ports(synced, service), synced.image_of(tenant)
    elsewhere = [{**each, "targetPort": 1234} for each in right[0]]
    synced.api.merge(service, {"spec": {"ports": elsewhere}})
    pod = (synced.api.get(deployment) or {})["spec"]["template"]["spec"]
    pod["containers"][0]["image"] = "somebody.example/odoo@sha256:" + "6" * 64
    with pytest.raises(ApiError, match="storefleet-image-signed-known"):
        synced.api.merge(deployment, {"spec": {"template": {"spec": {"containers": pod["containers"]}}}})
    tools = load_release(synced.project.root, BASE).manifest.images["tools"]
    pod["containers"][0]["image"] = tools
    synced.api.merge(deployment, {"spec": {"template": {"spec": {"containers": pod["containers"]}}}})
    assert _ports(synced, service) == elsewhere
    assert synced.image_of(tenant) != right[1]

    def wrong() -> str:
        found = _ports(synced, service), synced.image_of(tenant)
        return "" if found == right else f"still {found}"

    seconds = eventually("the correction of a change by hand", wrong)
    record_property("seconds until drift was corrected", round(seconds, 1))

    foreign = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "left-here", "namespace": namespace},
    }
    synced.api.apply(foreign)

    def reported() -> str:
        conditions = synced.applications()[tenant]["status"].get("conditions") or []
        return "" if any(each["type"] == "OrphanedResourceWarning" for each in conditions) else "no warning"

    eventually("the report of a foreign object", reported)
    synced.api.delete(f"/api/v1/namespaces/{namespace}/configmaps/left-here")
    eventually("the end of the report", lambda: "" if reported() else "still a warning")


def _rehearsed(delivery: Delivery, tenant: str) -> str:
    jobs = delivery.api.items(f"/apis/batch/v1/namespaces/{tenant_namespace(tenant)}/jobs")
    ended = [each for job in jobs for each in job.get("status", {}).get("conditions", ())]
    return "" if any(each["type"] == "Complete" for each in ended) else "the Job has not ended"


def test_the_commands_of_a_release_rehearse_back_up_and_move_a_real_wave(released: Delivery, tmp_path: Path):
    """Argo CD, the API server, PostgreSQL and the store are real; the rehearsal's pod is kwok's, and runs nothing."""
    version, wave = "18.0.7", released.ring(CANARY)
    others = [tenant.id for tenant in released.fleet.tenants if tenant.id not in wave]
    before = {name: released.image_of(name) for name in others}
    manager = Releasing(released, tmp_path)
    key = manager.enrol()
    manager.storefleet("pointers")
    released.release(version, lambda text: text.replace("odoo@sha256:4f8e", "odoo@sha256:7777"))
    released.commit(f"Release {version}")
    manager.storefleet(
        "plan", version, "--write", "--from", f"{manager.moved - timedelta(hours=1):%Y-%m-%dT%H:%MZ}"
    )
    released.commit("The plan")
    manager.storefleet("approve", version, "--role", "release", "--by", MANAGER, "--key", str(key))
    released.commit("Its approval")

    first = wave[0]
    assert f"there is no copy of {first}" in manager.storefleet("resume", version, status=3)
    secret = {"name": "odoo-rehearsal", "namespace": tenant_namespace(first)}
    released.api.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": {"database-password": "x"}}
    )
    assert "was started (Job rehearse-18-0-7-1" in manager.storefleet("resume", version, status=3)
    eventually("the rehearsal", lambda: _rehearsed(released, first))
    with stored(wave) as variables:
        manager.variables = variables
        said = manager.storefleet("resume", version, status=2)
    manager.variables = {}
    assert f"rehearsal of {first}: pass" in said
    for name in wave:
        assert f"checkpoint of {name}: pass" in said
    assert f"wave 1 of local moves {len(wave)} tenant" in said
    assert "--prometheus: is not given" in said, "a gate that nobody can be asked about would pass"

    released.pointers.update(dict.fromkeys(wave, version))
    eventually("the wave", lambda: released.unwell(wave))
    assert all("sha256:7777" in released.image_of(name) for name in wave)
    assert {name: released.image_of(name) for name in others} == before, (
        "the release moved others than its wave"
    )

    released.git("revert", "--no-edit", "HEAD")
    released.pointers.update(dict.fromkeys(wave, BASE))
    eventually("the way back", lambda: released.unwell(wave))
    assert not any("sha256:7777" in released.image_of(name) for name in wave)


def test_the_removal_of_a_pointer_deletes_nothing(released: Delivery):
    gone, witness = [tenant.id for tenant in released.fleet.in_cell("eu-1")][:2]
    before = released.snapshot([gone])
    uid = released.applications()[gone]["metadata"]["uid"]
    cell = released.fleet.tenant(gone).cell
    (released.project.root / pointer_file(released.fleet.environment.name.value, cell, gone)).unlink()
    released.point([witness], "18.0.2")
    released.commit("A pointer is removed by a slip, and another one of its cell moves")
    eventually("the other one's move", lambda: released.unwell([witness]))
    assert released.applications()[gone]["metadata"]["uid"] == uid, "the slip removed the Application"
    assert released.snapshot([gone]) == before, "the slip touched the shop"
