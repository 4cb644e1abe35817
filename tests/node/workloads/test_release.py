"""A release through Argo CD with a gate, on pods that run: real errors, a verdict of Prometheus, and the way back."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from rich.console import Console

from components.plan import plan_environment
from local.progress import Progress
from local.prometheus import start_prometheus
from release.gates.definition import SAMPLES, SETTLE
from release.pointers import pointer_file
from spec.naming import tenant_namespace
from tests.integration.delivered import BASE
from tests.integration.releasing import MANAGER, Releasing, stored
from tests.node.workloads.delivered import CANARY, CELL, NEXT, begin
from tests.node.workloads.edge import started
from tests.node.workloads.figures import record
from tests.node.workloads.platform import eventually
from tests.node.workloads.scraping import of_pods, of_process, of_state, state_metrics
from tests.node.workloads.visitors import Visitors

pytestmark = pytest.mark.integration
BAD = "18.0.2"
SECONDS = 30
"""Between two scrapes, and two evaluations of the rules: production's pace."""
MANY, QUIET = 20, 15
"""Orders that must be taken, and seconds after the way back in which one may still end that was begun before it."""
NOTES = (
    "One order in two fails in the bad version, whose probes and pages are well. `storefleet release resume` "
    "moved ring 0; called again, it asked a Prometheus that scrapes Traefik, PostgreSQL, the pooler and Argo CD "
    "every 30 s by the plan's own monitors and rules, and committed the way back by itself. The commit of the "
    "move is dated back by the half hour after which the command judges a wave, so that half hour is not in the "
    "times. Not real: the rehearsal's pod (kwok's), the checkpoint (of a database of this machine), and a "
    "stand-in in the place of kube-state-metrics, which asks the API server. Checks without a source here "
    "(certificates, the page for signing in) hold, so no release could have passed."
)
UNMEASURED = {"certificate_days", "login", "synthetic_order"}
"""Checks without a source here (cert-manager, a prober, a job that speaks to an Odoo): they hold, and none passes."""


def host(tenant):
    return f"{tenant.removeprefix('solvane-')}.solvane.example"


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    made = begin(tmp_path_factory.mktemp("release"), Progress(Console(force_terminal=False)))
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def edge(stage):
    made = started(stage.platform)
    for name in (CANARY, NEXT):
        stage.platform.api.apply(made.authority.secret("odoo-tls", tenant_namespace(name), [host(name)]))
    return made


@contextmanager
def measured(stage, folder):
    """Run Prometheus with the plan's own rules, over what the plan's own monitors name."""
    planned = [one.manifest for one in plan_environment(stage.delivery.fleet).objects()]
    groups = [
        group for each in planned if each["kind"] == "PrometheusRule" for group in each["spec"]["groups"]
    ]
    monitors = {
        each["metadata"]["name"]: each
        for each in planned
        if each["kind"] == "PodMonitor" and each["metadata"]["name"] != "storefleet-certificates"
    }
    ports = json.loads((stage.project.state.control_plane / "ports.json").read_text())
    argocd = of_process(monitors.pop("storefleet-delivery"), f"127.0.0.1:{ports['application-controller']}")
    kubeconfig = str(stage.project.state.kubeconfig)
    with state_metrics(stage.platform.api) as state:
        jobs = [argocd, of_state(state), *(of_pods(each, kubeconfig) for each in monitors.values())]
        progress = Progress(Console(force_terminal=False))
        with start_prometheus(folder, groups, jobs, interval=SECONDS, progress=progress) as found:
            yield found


def figures(prometheus, tenant):
    """Return check -> (its figure, whether it is good) of a tenant, for those that have a figure."""
    values = prometheus.query(f'gate:value{{tenant="{tenant}"}}')
    good = prometheus.query(f'gate:check{{tenant="{tenant}"}}')
    judged = {labels["check"]: value == 1 for labels, value in good}
    return {labels["check"]: (value, judged.get(labels["check"])) for labels, value in values}


def unmeasured(prometheus):
    """Return what still lacks a figure, or is not good, for either tenant."""
    wanted = {labels["check"] for labels, _ in prometheus.query("gate:check")} - UNMEASURED
    wrong = {}
    for name in (CANARY, NEXT):
        found = figures(prometheus, name)
        wrong |= {f"{name} {each}": found.get(each) for each in wanted if not found.get(each, (0, False))[1]}
    return wrong if wanted else {"gate:check": None}


@dataclass
class Watch:
    """When the pointer and the ready pods of a tenant said what, every quarter of a second."""

    stage: object
    tenant: str
    seen: list = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self):
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(60)

    def _watch(self):
        file = self.stage.project.root / pointer_file("local", CELL, self.tenant)
        while not self._stop.wait(0.25):
            try:
                pointer = yaml.safe_load(file.read_text())["release"]
                images = self.stage.ready_images(self.tenant)
            except Exception:  # noqa: BLE001, S112 - a server that did not answer: the next look counts
                continue
            if not self.seen or self.seen[-1][1:] != (pointer, images):
                self.seen.append((time.monotonic(), pointer, images))

    def first(self, since, said):
        """Return when something was so for the first time since a moment."""
        return next((each[0] for each in self.seen if each[0] >= since and said(each[1], each[2])), None)


def untouched(stage, tenant):
    """Return what a release must not change of a tenant: its Deployments, and which pods they have."""
    space = tenant_namespace(tenant)
    deployments = stage.platform.api.items(f"/apis/apps/v1/namespaces/{space}/deployments")
    return {
        **{
            each["metadata"]["name"]: (each["metadata"]["uid"], each["metadata"]["generation"])
            for each in deployments
        },
        **{each["metadata"]["name"]: each["metadata"]["uid"] for each in stage.platform.pods(space)},
        "said": json.dumps(stage.delivery.said([tenant]), sort_keys=True),
    }


def prepared(stage, manager):
    """Plan, approve and rehearse a release whose image fails; the rehearsal's pod is kwok's, and runs nothing."""
    key = manager.enrol()
    manager.storefleet("pointers")
    stage.delivery.release(BAD, lambda text: text.replace(stage.good, stage.bad))
    stage.delivery.commit(f"Release {BAD}")
    begins = f"{manager.moved - timedelta(hours=1):%Y-%m-%dT%H:%MZ}"
    manager.storefleet("plan", BAD, "--write", "--from", begins)
    stage.delivery.commit("The plan")
    manager.storefleet("approve", BAD, "--role", "release", "--by", MANAGER, "--key", str(key))
    stage.delivery.commit("Its approval")
    space = tenant_namespace(CANARY)
    secret = {"name": "odoo-rehearsal", "namespace": space}
    stage.platform.api.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": {"database-password": "x"}}
    )
    manager.storefleet("resume", BAD, status=3)

    def rehearsed():
        jobs = stage.platform.api.items(f"/apis/batch/v1/namespaces/{space}/jobs")
        return any(one["type"] == "Complete" for job in jobs for one in job["status"].get("conditions", []))

    eventually("the rehearsal", rehearsed)


def judged(prometheus, tenant):
    """Return the checks that said no at some look of the gate's last ones."""
    looks = SECONDS * (SAMPLES + 1)
    found = prometheus.query(f'min_over_time(gate:check{{tenant="{tenant}"}}[{looks}s])')
    return {labels["check"] for labels, value in found if value == 0}


def moved(stage, manager):
    """Have the command move ring 0, and stop where it asks for a Prometheus.

    The command judges a wave half an hour after its commit, when the rollout is long over. The commit is dated back by
    that, and the tests wait for the end of the rollout themselves.
    """
    manager.moved = datetime.now(UTC).replace(microsecond=0) - SETTLE - timedelta(minutes=1)
    with stored([CANARY]) as variables:
        manager.variables = variables
        said = manager.storefleet("resume", BAD, status=2)
    manager.variables = {}
    assert "wave 1 of local moves 1 tenant" in said
    assert "--prometheus: is not given" in said, "a gate that nobody can be asked about would pass"
    stage.delivery.pointers[CANARY] = BAD


def decided(stage, manager, prometheus):
    """Resume the release once its errors alone are bad; returns when they were bad first, and when it was resumed."""
    eventually("errors in Prometheus", lambda: figures(prometheus, CANARY)["http_errors"][1] is False)
    seen = time.monotonic()
    eventually("the end of the rollout", lambda: not stage.delivery.unwell([CANARY]))
    eventually(
        "looks at which the errors alone are bad",
        lambda: judged(prometheus, CANARY) - UNMEASURED == {"http_errors"},
    )
    assert not judged(prometheus, NEXT) - UNMEASURED
    asked, said = time.monotonic(), manager.storefleet("resume", BAD, prometheus=prometheus.url, status=1)
    assert "gate of wave 1: fail" in said
    assert f"{CANARY}: application/http_errors" in said, (
        f"it failed for another reason than the errors: {said}"
    )
    assert "Roll back" in said
    assert "halted" in said, "another wave could go on"
    stage.delivery.pointers[CANARY] = BASE
    return seen, asked


def timed(stage, watch, visits, begun, times):
    """Return the measured figures, once the old version alone serves again; fails where somebody else was hit."""
    seen, asked = times
    begun = watch.first(begun, lambda pointer, _: pointer == BAD)
    serving = watch.first(begun, lambda _, images: stage.bad in images)
    back = watch.first(begun, lambda pointer, _: pointer == BASE)
    old = eventually("the old version", lambda: watch.first(back, lambda _, images: images == {stage.good}))
    eventually("orders after the way back", lambda: visits[CANARY].taken(old + QUIET) >= MANY)
    wrong = visits[CANARY].failed(begun)
    assert wrong, "nobody was hit, so nothing was shown"
    assert max(wrong) < old + QUIET, "errors after the way back"
    assert not visits[NEXT].failed(begun), "ring 1 had errors"
    taken = {name: each.taken(begun) - each.taken(old) for name, each in visits.items()}
    return {
        "seconds from the commit of the pointer to a ready pod of the bad version": f"{serving - begun:.1f}",
        "seconds from the first error until Prometheus called the errors bad": f"{seen - min(wrong):.1f}",
        "seconds from the first error until the gate was asked: the rollout was over, the errors alone were bad": (
            f"{asked - min(wrong):.1f}"
        ),
        "seconds from the question to the verdict and the commit of the way back": f"{back - asked:.1f}",
        "seconds from that commit until the old version alone was ready": f"{old - back:.1f}",
        "seconds from the first error to the last": f"{max(wrong) - min(wrong):.1f}",
        "orders of ring 0 that were refused, and taken meanwhile": f"{len(wrong)}, {taken[CANARY]}",
        "orders of ring 1 that were refused, and taken meanwhile": (
            f"{len(visits[NEXT].failed(begun))}, {taken[NEXT]}"
        ),
    }


def test_errors_of_a_bad_release_send_ring_0_back_and_ring_1_never_changes(stage, edge, tmp_path):
    manager = Releasing(stage.delivery, tmp_path)
    with ExitStack() as stack:
        prometheus = stack.enter_context(measured(stage, tmp_path / "prometheus"))
        visits = {name: stack.enter_context(Visitors(edge, host(name))) for name in (CANARY, NEXT)}
        prepared(stage, manager)
        eventually("good figures of every check that has a source", lambda: not unmeasured(prometheus))
        before, begun = untouched(stage, NEXT), time.monotonic()
        watch = stack.enter_context(Watch(stage, CANARY))
        moved(stage, manager)
        found = timed(stage, watch, visits, begun, decided(stage, manager, prometheus))
    after = untouched(stage, NEXT)
    changed = sorted(each for each in before | after if before.get(each) != after.get(each))
    assert not changed, "the release touched ring 1"
    found["Deployments and pods of ring 1 that changed"] = str(len(changed))
    record("A bad release is taken back by its gate", "tests/node/workloads/test_release.py", found, NOTES)
