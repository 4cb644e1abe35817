"""The world of a real release: Jobs and Applications in the cluster, checkpoints in the store, and Prometheus."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.recovery_settings import DATABASE, Settings
from cli.release_rehearsal import start_rehearsal
from components.monitoring.checks import checks_of
from local.delivery.control import APPLICATIONS
from local.kube import KubeApi
from local.state import state
from local.trouble import EnvironmentTrouble
from recovery import catalogue
from recovery.backup.run import Backup
from recovery.backup.stage import Order
from recovery.readback import read_back
from recovery.trouble import NotWhole, RecoveryFailed
from release.drift import drift
from release.gates.measure import Report, Watched, in_step, measure
from release.gates.prometheus import VARIABLE, Prometheus
from release.gates.runs import Runs
from release.gates.verdict import Finding, Outcome
from release.windows import application_name
from release.world import Moved, Taken
from spec.naming import ARGO_CD, tenant_namespace
from spec.problems import Problem, SpecError
from spec.tiers import RETENTION, TIERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.monitoring.check import Check
    from local.progress import Progress
    from recovery.manifest import Manifest
    from recovery.store.objects import Store
    from release.drift import Drift
    from release.repository import Repository
    from spec.fleet import Fleet


@dataclass(frozen=True, kw_only=True)
class RealWorld:
    """What there is, by way of a kubeconfig, an address of Prometheus and the settings of recovery."""

    fleet: Fleet
    repository: Repository
    prometheus: str | None
    applications: Path | None
    """A file with Applications as `kubectl get applications -A -o json` prints them, instead of the cluster's."""
    progress: Progress
    in_cluster: bool = False
    """Have gates decided by analysis runs in the cluster; what is measured from here is added where it can be."""
    again: frozenset[str] = frozenset()
    """The integrations of which somebody says that they talk to the tenants again."""
    simulated: bool = False

    def rehearse(self, tenant: str, release: str) -> Taken:
        """Return how the rehearsal Job of a tenant ended; started here where there is none for this release yet.

        Raises:
            EnvironmentTrouble: it still runs, was only started, or cannot be: there is no copy to run on.

        """
        cluster = _cluster()
        path = f"/apis/batch/v1/namespaces/{tenant_namespace(tenant)}/jobs"
        wanted = f"app.kubernetes.io/component=rehearsal,app.kubernetes.io/version={release}"
        jobs = cluster.items(path, labelSelector=wanted)
        ended = [
            (job, each)
            for job in jobs
            for each in job.get("status", {}).get("conditions", ())
            if _final(each)
        ]
        if not ended:
            job = (
                jobs[0]["metadata"]["name"]
                if jobs
                else start_rehearsal(cluster, self.fleet, tenant, release, self.progress)
            )
            what = "still runs" if jobs else "was started"
            raise EnvironmentTrouble(
                f"the rehearsal of {tenant} for {release} {what} (Job {job} in {tenant_namespace(tenant)}): "
                "run this again when it has ended"
            )
        job, condition = max(ended, key=lambda each: str(each[1].get("lastTransitionTime", "")))
        began, finished = _moment(job["status"]["startTime"]), _moment(condition["lastTransitionTime"])
        passed = condition["type"] == "Complete"
        seconds = round((finished - began).total_seconds())
        why = f"took {seconds} s on a copy" if passed else str(condition.get("message", "the Job failed"))
        return Taken(
            began=began,
            ended=finished,
            outcome=Outcome.PASS if passed else Outcome.FAIL,
            why=why,
            details={"job": job["metadata"]["name"], "uid": job["metadata"]["uid"], "seconds": seconds},
        )

    def checkpoint(self, tenant: str, release: str, not_before: datetime) -> Taken:
        """Return the checkpoint that was taken for a release, read back; taken here where it is not there yet.

        Raises:
            RecoveryFailed: there is none, and none could be taken.

        """
        settings = Settings()
        store = settings.store()
        began = datetime.now(UTC)
        found = _young(_bound(store, tenant, release), not_before)
        if found is None:
            if not settings.variables.get(DATABASE):
                raise RecoveryFailed(
                    f"there is no fresh checkpoint of {tenant} for {release}: run its backup Job, or "
                    f"storefleet checkpoint take {tenant} --release {release} where its database is reached"
                )
            tier = self.fleet.tenant(tenant).tier
            found = Backup(
                places=settings.places(jobs=2),
                order=Order(tenant=tenant, database=tenant, kind="checkpoint", release=release, image=None),
                kept=RETENTION[TIERS[tier].backup_class],
                progress=self.progress,
            ).run()
        seen = read_back(store, found)
        ended = datetime.now(UTC)
        return Taken(
            began=min(began, found.facts.snapshot_at),
            ended=found.finished_at if found.finished_at < began else ended,
            outcome=Outcome.PASS,
            why=f"{found.id} read back: {seen.objects} objects, {seen.size / 1024**2:.1f} MiB",
            details={
                "id": found.id,
                "digest": found.digest,
                "snapshot_at": found.facts.snapshot_at.isoformat(),
                "objects": seen.objects,
                "bytes": seen.size,
            },
        )

    def let_in(self, integration: str, tenants: Sequence[str]) -> bool:
        """Say whether somebody has let an integration in again: the platform does not own the other side."""
        del tenants
        return integration in self.again

    def measure(self, moved: Sequence[Moved], at: datetime) -> Report:
        """Measure and judge the gates of tenants."""
        address = self.prometheus or os.environ.get(VARIABLE, "")
        if not address and not self.in_cluster:
            problem = Problem(
                file="the command line",
                field="--prometheus",
                message="is not given, and a gate has nobody to ask",
                allowed="the address of Prometheus, such as http://127.0.0.1:9090",
                fix=f"kubectl -n monitoring port-forward svc/prometheus-operated 9090, or export {VARIABLE}=...; "
                "or have the cluster ask it: --in-cluster",
            )
            raise SpecError([problem])
        checks = checks_of(self.fleet.environment)
        decided = self._decided(moved, at, checks) if self.in_cluster else ()
        found = self._applications()
        watched = [
            Watched(
                tenant=each.tenant,
                moved=each.at,
                application=found.get(application_name(each.tenant)),
                holds_move=lambda revision, commit=each.commit: self.repository.holds(commit, revision),
            )
            for each in moved
        ]
        if not address:
            return Report(at=at, findings=(*decided, *in_step(watched)))
        report = measure(Prometheus(address), watched, at, checks)
        return replace(report, findings=(*decided, *report.findings))

    def _decided(self, moved: Sequence[Moved], at: datetime, checks: Sequence[Check]) -> tuple[Finding, ...]:
        with self.progress.step("gates in the cluster") as step:

            def say(what: str) -> None:
                step.note = what

            name = self.fleet.environment.name.value
            return Runs(cluster=_cluster(), environment=name, checks=checks, say=say).decide(moved, at)

    def drift(self, moved: Sequence[Moved], since: datetime, at: datetime) -> Drift | None:
        """Return what Argo CD put back; of a file of Applications only the last operation of each is known."""
        names = {application_name(each.tenant): each.tenant for each in moved}
        applications = {names[name]: found for name, found in self._applications().items() if name in names}
        events: dict[str, list[Mapping[str, Any]]] | None = None
        if self.applications is None:
            events = {}
            chosen = "involvedObject.kind=Application"
            for each in _cluster().items(f"/api/v1/namespaces/{ARGO_CD}/events", fieldSelector=chosen):
                events.setdefault(names.get(str(each["involvedObject"]["name"]), ""), []).append(each)
        return drift(applications, events, since, at)

    def _applications(self) -> dict[str, dict[str, Any]]:
        items = _cluster().items(APPLICATIONS) if self.applications is None else _items(self.applications)
        return {str(each["metadata"]["name"]): each for each in items}


def _bound(store: Store, tenant: str, release: str) -> Manifest | None:
    """Return the checkpoint that is bound to a release; None where there is none that counts."""
    try:
        return catalogue.checkpoint_of(store, tenant, release)
    except NotWhole:
        return None


def _young(found: Manifest | None, not_before: datetime) -> Manifest | None:
    return found if found is not None and found.facts.snapshot_at >= not_before else None


def _cluster() -> KubeApi:
    chosen = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return KubeApi(Path(chosen) if chosen else state().kubeconfig)


def _items(path: Path) -> list[dict[str, Any]]:
    try:
        return list(json.loads(path.read_text(encoding="utf-8"))["items"])
    except (OSError, ValueError, KeyError, TypeError):
        problem = Problem(
            file="the command line",
            field="--applications",
            value=str(path),
            message="holds no list of Applications",
            fix="kubectl get applications -A -o json > applications.json",
        )
        raise SpecError([problem]) from None


def _final(condition: dict[str, Any]) -> bool:
    return condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
