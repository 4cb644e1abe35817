"""A failed run, told so that one can act on it: rules, objects and their events, then the engine's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.kube import ApiError

if TYPE_CHECKING:
    from cli.engine.events import Report
    from cli.engine.run import Outcome
    from local.kube import KubeApi

_EVENTS_SHOWN = 6
_SUMMARY_ENDINGS = ("preview failed", "update failed", "resource registration failed")


def failure(outcome: Outcome, api: KubeApi | None) -> str:
    """Return what stopped a run. ``api`` gives the events of the objects that failed, where there is one."""
    if outcome.killed:
        return (
            f"the engine was killed (signal {outcome.killed}). Nothing is lost: run the same command again, and it "
            f"goes on from what was done. The whole log: {outcome.log}"
        )
    report = outcome.report
    parts = [*_findings(report), *_errors(report)]
    for change in report.failed:
        parts += [f"{change.op} of {change.name} ({change.type}) failed", *_events(api, change.name, report)]
    if not parts:
        parts = [f"the engine ended with status {outcome.status}; its own words:", _tail(outcome)]
    return "\n".join([*parts, f"The whole log: {outcome.log}"])


def _findings(report: Report) -> list[str]:
    seen: dict[str, None] = {}
    for finding in report.findings:
        if finding.mandatory:
            name = finding.urn.rsplit("::", 1)[-1]
            seen[f"[{finding.rule}] {name}: {finding.message}"] = None
    return list(seen)


def _errors(report: Report) -> list[str]:
    seen: dict[str, None] = {}
    for urn, message in report.errors:
        if message.endswith(_SUMMARY_ENDINGS):
            continue
        name = urn.rsplit("::", 1)[-1] if urn else ""
        seen[f"{name}: {message}" if name and "pulumi:pulumi:Stack" not in urn else message] = None
    return list(seen)


def _events(api: KubeApi | None, name: str, report: Report) -> list[str]:
    """Return the last events of an object and of what was made from it, such as a Deployment's pods."""
    if api is None or name not in report.objects:
        return []
    namespace, _, object_name = report.objects[name]
    try:
        events = api.items(f"/api/v1/namespaces/{namespace}/events")
    except ApiError as error:
        return [f"  (its events could not be read: {error})"]
    own = [e for e in events if f"{e['involvedObject']['name']}-".startswith(f"{object_name}-")]
    own.sort(key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""))
    return [f"  {_event(event)}" for event in own[-_EVENTS_SHOWN:]] or ["  (no events)"]


def _event(event: dict[str, Any]) -> str:
    about = event["involvedObject"]
    return (
        f"{event.get('type')} {about['kind']} {about['name']}: {event.get('reason')}: {event.get('message')}"
    )


def _tail(outcome: Outcome) -> str:
    return "\n".join(outcome.log.read_text(errors="replace").splitlines()[-15:])
