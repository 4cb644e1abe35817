"""A world for the steps of a release: it counts what it is asked to do, and keeps what it did, as the real one does."""

from collections import Counter

from cli.release_facts import committed_facts, discard_unfinished
from components.monitoring.checks import CHECKS
from release.drift import drift
from release.driver import Driver
from release.gates.measure import Watched, measure
from release.gates.verdict import Outcome
from release.repository import Repository
from release.steps import Kind
from release.world import Taken
from tests.release.recorded import Well, an_application


class CountingWorld:
    simulated = True

    def __init__(self, project):
        self._project = project
        self.prometheus = Well()
        self.done = Counter()
        """How often each effect happened; asked again, it is looked up."""
        self.kept = {}
        self.outcomes = {}
        self.applications = {}
        """By tenant, what Argo CD says of its last operation."""

    def rehearse(self, tenant, release):
        return self._once("rehearsal", tenant, release)

    def checkpoint(self, tenant, release, not_before):
        found = self.kept.get(("checkpoint", tenant, release))
        if found and found.began < not_before:
            del self.kept["checkpoint", tenant, release]
        return self._once("checkpoint", tenant, release)

    def let_in(self, integration, tenants):
        self.done["let in", integration, tenants] += 1
        return True

    def measure(self, moved, at):
        watched = [
            Watched(
                tenant=each.tenant,
                moved=each.at,
                application=an_application(each.commit, at=at),
                holds_move=lambda revision, commit=each.commit: revision == commit,
            )
            for each in moved
        ]
        return measure(self.prometheus, watched, at, CHECKS)

    def drift(self, moved, since, at):
        return drift({each.tenant: self.applications.get(each.tenant, {}) for each in moved}, {}, since, at)

    def _once(self, step, tenant, release):
        key = (step, tenant, release)
        if key not in self.kept:
            self.done[key] += 1
            at = self._project.at
            outcome = self.outcomes.get((step, tenant), Outcome.PASS)
            self.kept[key] = Taken(
                began=at, ended=at, outcome=outcome, why="as it went", details={"id": f"{step}-{tenant}"}
            )
        return self.kept[key]


def driver(project, world, version="18.0.4", boundary=lambda _: None):
    discard_unfinished(project.root, "local")
    return Driver(
        version=version,
        repository=Repository(project.root),
        world=world,
        load=lambda: committed_facts(project.root, "local", project.at),
        boundary=boundary,
    )


def run_through(project, world, version="18.0.4", boundary=lambda _: None):
    """Carry a release out to its end, waiting where it waits, and return the steps that were taken."""
    taken = []
    for _ in range(100):
        for done in driver(project, world, version, boundary).resume():
            taken.append((done.next.kind, done.next.wave and done.next.wave.number))
            last = done
        if last.next.kind is not Kind.WAIT:
            return taken, last
        project.clock(last.next.until)
    raise AssertionError("the release never ends")
