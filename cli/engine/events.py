"""What the engine reports while it runs, reduced to what a person wants to know."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pulumi.automation.events import DiagnosticEvent, EngineEvent, OpType, StepEventMetadata

if TYPE_CHECKING:
    from collections.abc import Iterable

_SAME = {OpType.SAME, OpType.READ}
_COLOUR = re.compile(r"<\{%.*?%\}>|\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Change:
    """One thing the engine did, or in a preview would do: the operation and the resource's URN."""

    op: str
    urn: str

    @property
    def name(self) -> str:
        """The resource's name, the last part of its URN."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def type(self) -> str:
        """The resource's own type, without its parents'."""
        return self.urn.split("::")[2].rsplit("$", 1)[-1]


@dataclass(frozen=True)
class Finding:
    """A rule of the policy pack that a resource broke."""

    rule: str
    mandatory: bool
    urn: str
    message: str


@dataclass
class Report:
    """What a run did; it fills while the run goes on.

    ``seen`` counts the resources that the engine has looked at, ``errors`` are (urn or "", message),
    ``objects`` give the namespace, kind and name in the cluster of a failed resource.
    """

    seen: int = 0
    current: str = ""
    changes: list[Change] = field(default_factory=list[Change])
    failed: list[Change] = field(default_factory=list[Change])
    errors: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    warnings: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    findings: list[Finding] = field(default_factory=list[Finding])
    objects: dict[str, tuple[str, str, str]] = field(default_factory=dict[str, tuple[str, str, str]])
    outputs_changed: bool = False
    finished: bool = False

    def add(self, lines: Iterable[str]) -> None:
        """Take in lines of the engine's event log."""
        for line in lines:
            self._add(_event(json.loads(line)))

    def counts(self) -> dict[str, int]:
        """Return how many resources each operation touched."""
        counts: dict[str, int] = {}
        for change in self.changes:
            counts[change.op] = counts.get(change.op, 0) + 1
        return counts

    def _add(self, event: EngineEvent) -> None:
        if event.resource_pre_event:
            self._before(event.resource_pre_event.metadata)
        elif event.res_outputs_event:
            self._after(event.res_outputs_event.metadata)
        elif event.res_op_failed_event:
            metadata = event.res_op_failed_event.metadata
            self.failed.append(Change(metadata.op.value, metadata.urn))
            self._object(metadata)
        elif event.diagnostic_event:
            self._said(event.diagnostic_event)
        elif event.policy_event:
            policy = event.policy_event
            mandatory = policy.enforcement_level == "mandatory"
            self.findings.append(
                Finding(policy.policy_name, mandatory, policy.resource_urn or "", plain(policy.message))
            )
        elif event.summary_event:
            self.finished = True

    def _before(self, metadata: StepEventMetadata) -> None:
        self.seen += 1
        change = Change(metadata.op.value, metadata.urn)
        self.current = change.name
        if metadata.op not in _SAME:
            self.changes.append(change)

    def _object(self, metadata: StepEventMetadata) -> None:
        state: Any = metadata.new or metadata.old
        inputs: dict[str, Any] = state.inputs or {}
        where: dict[str, Any] = inputs.get("metadata") or {}
        if inputs.get("kind") and where.get("name"):
            found = (str(where.get("namespace", "default")), str(inputs["kind"]), str(where["name"]))
            self.objects[Change("", metadata.urn).name] = found

    def _after(self, metadata: StepEventMetadata) -> None:
        if metadata.type == "pulumi:pulumi:Stack":  # its last event has the outputs of the whole program
            old = metadata.old.outputs if metadata.old else None
            self.outputs_changed = metadata.new is not None and old != metadata.new.outputs

    def _said(self, event: DiagnosticEvent) -> None:
        if event.ephemeral:
            return
        message = plain(event.message)
        if event.severity == "error":
            self.errors.append((event.urn or "", message))
        elif event.severity == "warning":
            self.warnings.append((event.urn or "", message))


def _event(data: dict[str, Any]) -> EngineEvent:
    read: Any = EngineEvent.from_json  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return read(data)


def plain(text: str) -> str:
    """Return a message without the engine's colour marks and the word that its severity repeats."""
    return re.sub(r"^(error|warning): ", "", _COLOUR.sub("", text).strip())
