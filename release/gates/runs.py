"""Gates that the cluster decides: an AnalysisRun for each layer, created, waited for, and read as findings.

The controller asks Prometheus itself, so whoever starts a gate needs no way to Prometheus and cannot answer for it.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from components.monitoring.check import Layer
from components.operators.observability import PROMETHEUS
from local.kube import ApiError
from local.trouble import EnvironmentTrouble
from release.gates.definition import FRESH, IMPACTS, INTERVAL, SAMPLES
from release.gates.rendered import API, impact_name, run_of
from release.gates.verdict import Finding, Outcome
from spec.naming import MONITORING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from components.monitoring.check import Check
    from release.world import Moved

OUTCOMES: Final[Mapping[str, Outcome]] = {
    "Successful": Outcome.PASS,
    "Failed": Outcome.FAIL,
    "Inconclusive": Outcome.HOLD,
    "Error": Outcome.HOLD,
}
"""What the controller's word means for a wave. Any other one is not its last."""
GATE: Final = "gate"
"""The check of a finding that is about all checks of a layer."""
_PATIENCE: Final = timedelta(minutes=10)
"""Beyond what its looks take: a run that the controller has not ended then is not going to end."""
_TICK: Final = 1.0
_MOVE: Final = 12
_TENANTS: Final = 6
_COLLECTION: Final = f"/apis/{API}/namespaces/{MONITORING}/analysisruns"


class Cluster(Protocol):
    """The two calls that are made to an API server."""

    def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Return the items of a list, none where the kind is not served."""
        ...

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create something; raises ApiError."""
        ...


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Who has gates decided in a cluster."""

    cluster: Cluster
    environment: str
    checks: Sequence[Check]
    address: str = PROMETHEUS
    """Prometheus' address as the controller reaches it."""
    interval: timedelta = INTERVAL
    say: Callable[[str], None] = lambda _: None
    """Is told what is waited for."""

    def decide(self, moved: Sequence[Moved], at: datetime) -> tuple[Finding, ...]:
        """Return what the runs of a move say, one for each layer; those that are under way are waited for.

        A run that ended a moment ago is read and not repeated: the command may have been killed before it was noted.

        Raises:
            EnvironmentTrouble: the cluster does not know the kind, refused a run, or nobody carries it out.

        """
        if not moved:
            return ()
        created = [self._created(layer, moved, at) for layer in Layer if self._asks(layer)]
        names = [str(run["metadata"]["name"]) for run in created]
        ended = self._ended(names, _longest(created))
        return tuple(
            finding for run in created for finding in self._findings(ended[run["metadata"]["name"]], moved)
        )

    def _asks(self, layer: Layer) -> bool:
        return any(check.layer == layer for check in self.checks)

    def _created(self, layer: Layer, moved: Sequence[Moved], at: datetime) -> dict[str, Any]:
        move = _name(moved)
        before = self._known(layer, move)
        if before and (_outcome(before[-1]) is None or _just_ended(before[-1], at)):
            return before[-1]
        wanted = run_of(
            layer,
            {each.tenant: each.at for each in moved},
            self.checks,
            names=(self.environment, moved[0].release, move, str(len(before) + 1)),
            namespace=MONITORING,
            at=at,
            address=self.address,
            interval=self.interval,
        )
        try:
            return self.cluster.post(_COLLECTION, wanted)
        except ApiError as error:
            if error.status == HTTPStatus.CONFLICT:  # another command was quicker
                return self._known(layer, move)[-1]
            fix = "install Argo Rollouts, or measure from here without --in-cluster"
            raise EnvironmentTrouble(f"the gate of {layer} could not be created: {error}; {fix}") from error

    def _known(self, layer: Layer, move: str) -> list[dict[str, Any]]:
        """Return the runs of a move, oldest first."""
        labels = {
            "storefleet.dev/environment": self.environment,
            "storefleet.dev/move": move,
            "storefleet.dev/layer": layer.value,
        }
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        found = self.cluster.items(_COLLECTION, labelSelector=selector)
        return sorted(found, key=lambda run: int(run["metadata"]["labels"]["storefleet.dev/attempt"]))

    def _ended(self, names: Sequence[str], longest: timedelta) -> dict[str, dict[str, Any]]:
        deadline = time.monotonic() + longest.total_seconds()
        while True:
            found = {str(run["metadata"]["name"]): run for run in self.cluster.items(_COLLECTION)}
            waiting = [name for name in names if name not in found or _outcome(found[name]) is None]
            if not waiting:
                return found
            looks = sum(_looks(found[name]) for name in names if name in found)
            self.say(f"waiting for {', '.join(waiting)} ({looks} looks so far)")
            if time.monotonic() > deadline:
                raise EnvironmentTrouble(
                    f"{', '.join(waiting)} did not end within {longest}: is the controller of Argo Rollouts there? "
                    f"kubectl -n {MONITORING} describe analysisrun {waiting[0]}"
                )
            time.sleep(_TICK)

    def _findings(self, run: Mapping[str, Any], moved: Sequence[Moved]) -> Iterator[Finding]:
        """Yield a finding for each metric that was asked for; one that the controller says nothing of holds."""
        layer = str(run["metadata"]["labels"]["storefleet.dev/layer"])
        about = {each.tenant: (each.tenant, GATE) for each in moved}
        about |= {
            impact_name(impact, each.tenant): (each.tenant, impact.name)
            for impact in IMPACTS
            for each in moved
        }
        results = {str(each["name"]): each for each in _status(run).get("metricResults") or ()}
        for metric in run["spec"]["metrics"]:
            tenant, check = about[metric["name"]]
            result = results.get(metric["name"], {})
            phase = str(result.get("phase", "nothing"))
            looks = cast("list[dict[str, Any]]", result.get("measurements") or [])
            last = f", last {looks[-1].get('value', looks[-1].get('message', 'nothing'))}" if looks else ""
            why = str(result.get("message") or f"{phase} after {len(looks)} looks") + last
            yield Finding(
                tenant=tenant,
                layer=layer,
                check=check,
                outcome=OUTCOMES.get(phase, Outcome.HOLD),
                why=f"{run['metadata']['name']}: {why}",
                query=metric["provider"]["prometheus"]["query"],
            )


def _name(moved: Sequence[Moved]) -> str:
    """Return what a move is called: its newest commit, and whom it is asked of."""
    newest = max(moved, key=lambda each: each.at)
    tenants = hashlib.sha256(" ".join(sorted(each.tenant for each in moved)).encode()).hexdigest()
    return f"{newest.commit[:_MOVE]}-{tenants[:_TENANTS]}"


def _status(run: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the controller has said of a run; nothing of one that it has not looked at."""
    return cast("Mapping[str, Any]", run.get("status") or {})


def _outcome(run: Mapping[str, Any]) -> Outcome | None:
    return OUTCOMES.get(str(_status(run).get("phase", "")))


def _just_ended(run: Mapping[str, Any], at: datetime) -> bool:
    """Say whether a run decided something a moment ago. One that held is tried again, whenever it was."""
    ended = _status(run).get("completedAt")
    decided = _outcome(run) in (Outcome.PASS, Outcome.FAIL)
    return decided and ended is not None and at - datetime.fromisoformat(str(ended)).astimezone(UTC) <= FRESH


def _looks(run: Mapping[str, Any]) -> int:
    results: list[dict[str, Any]] = _status(run).get("metricResults") or []
    return sum(int(each.get("count", 0)) for each in results)


def _longest(runs: Sequence[Mapping[str, Any]]) -> timedelta:
    """Return how long runs may take: the longest wait of a metric before its first look, its looks, and patience."""
    metrics = [metric for run in runs for metric in run["spec"]["metrics"]]
    wait = max((int(each.get("initialDelay", "0s")[:-1]) for each in metrics), default=0)
    looks = max((int(each["interval"][:-1]) for each in metrics), default=0) * SAMPLES
    return timedelta(seconds=wait + looks) + _PATIENCE
