"""The evidence of a release: one in-toto statement, signed in a DSSE envelope, that names everything by its digest.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md and https://github.com/secure-systems-lab/dsse
say what the two look like. What is named is in the repository; the statement is what makes a change of it show.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, cast

from release.dora import DORA_WINDOW, dora
from release.ledger import LOOKS
from release.manifests import signature_file
from release.records import approval_file, emergency_file, plan_file, read_emergencies
from release.retrospectives import retrospectives
from release.scorecard import scorecard
from release.signing import sign_bytes
from release.turns import progress
from spec.releases import digest_of, manifest_file
from spec.roster import Role

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from release.known import Facts
    from release.plan import Plan

EVIDENCE_FOLDER: Final = "gitops/evidence"
STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://storefleet.dev/release-evidence/v1"
PAYLOAD: Final = "application/vnd.in-toto+json"
ROLE: Final = Role.RELEASE
"""In which role evidence is signed."""


def evidence_file(plan: Plan) -> str:
    """Return the path of the evidence of a plan, relative to the project."""
    return f"{evidence_folder(plan)}/evidence.intoto.json"


def evidence_folder(plan: Plan) -> str:
    """Return the folder of a plan's evidence and scorecard: one for each plan of a release."""
    return f"{EVIDENCE_FOLDER}/{plan.environment}/{plan.release}-{_hex(plan.digest)[:8]}"


def statement(root: Path, facts: Facts, plan: Plan, outcome: str) -> dict[str, Any]:
    """Return what is signed about a release that is over.

    Args:
        root: the project.
        facts: what is known, with the records of the release.
        plan: its plan.
        outcome: how it ended: done or halted.

    """
    manifest = facts.releases[plan.release].manifest
    subject = [{"name": f"release/{plan.release}", "digest": {"sha256": _hex(manifest.bundle)}}]
    subject += [
        {"name": image.partition("@")[0], "digest": {"sha256": _hex(image.partition("@")[2])}}
        for _, image in sorted(manifest.images.items())
    ]
    approved = facts.plans[plan.release]
    return {
        "_type": STATEMENT,
        "subject": subject,
        "predicateType": PREDICATE,
        "predicate": {
            "environment": plan.environment,
            "release": plan.release,
            "outcome": outcome,
            "at": facts.at.isoformat(),
            "changed": {
                "summary": manifest.summary,
                "commit": manifest.commit,
                "builtBy": list(manifest.built_by),
                "modules": [each.model_dump() for each in manifest.modules],
                "migration": manifest.migration.value,
                "integrations": list(manifest.integrations),
                "manifest": _named(root, manifest_file(plan.release)),
                **_signed(root, facts, plan.release),
            },
            "plan": {**_named(root, plan_file(plan.environment, plan.release)), "plan": plan.digest},
            "approvals": [
                {
                    "role": each.role.value,
                    "by": each.by,
                    "at": each.at.isoformat(),
                    **_named(root, approval_file(each)),
                }
                for each in approved.approvals
                if each.plan == plan.digest
            ],
            "tested": [each.model_dump() for each in manifest.tests],
            "records": [
                {
                    "step": each.step.value,
                    "wave": each.wave,
                    "tenant": each.tenant,
                    "outcome": each.outcome.value,
                    "simulated": each.simulated,
                    **_named(root, each.file),
                }
                for each in facts.records
                if each.release == plan.release
            ],
            "tenants": _tenants(facts, plan),
            "moves": recorded_moves(facts, plan),
            "drift": {"pointers": _corrected(facts, plan), **_drift(facts, plan)},
            "wayBack": {"class": plan.rollback, "checkpoints": _checkpoints(facts, plan)},
            "emergencies": [
                {
                    "by": each.emergency.by,
                    "tenants": list(each.emergency.tenants),
                    "retrospective": each.owed.value,
                    **_named(root, emergency_file(plan.environment, each.emergency.id)),
                }
                for each in retrospectives(root, read_emergencies(root, plan.environment), facts.at)
                if each.emergency.release == plan.release
            ],
            "scorecard": scorecard(facts, plan).record(),
            "dora": asdict(dora(facts.moves, facts.releases, facts.at - DORA_WINDOW, facts.at)),
        },
    }


def recorded_moves(facts: Facts, plan: Plan) -> list[dict[str, Any]]:
    """Return the moves of a release as evidence states them: to it and back, the oldest first."""
    return [
        {
            "tenant": move.tenant,
            "commit": move.commit,
            "at": move.at.isoformat(),
            "from": move.before,
            "to": move.after,
        }
        for move in reversed(facts.moves)
        if plan.release in (move.before, move.after) and move.at >= plan.begins
    ]


def seal(content: Mapping[str, Any], by: str, key: Ed25519PrivateKey) -> str:
    """Return a statement in a signed envelope, as its file holds it."""
    payload = json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
    envelope = {
        "payloadType": PAYLOAD,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": by, "sig": sign_bytes(authenticated(payload), key)}],
    }
    return json.dumps(envelope, indent=2) + "\n"


def opened(envelope: Mapping[str, Any]) -> tuple[bytes, dict[str, Any], str, str]:
    """Return the payload of an envelope, the statement in it, who is said to have signed it, and the signature.

    Raises:
        ValueError: it is none.

    """
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
        content = json.loads(payload)
        (signature,) = envelope["signatures"]
        by, sig = str(signature["keyid"]), str(signature["sig"])
    except (KeyError, TypeError, binascii.Error, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"no envelope with one signature ({type(error).__name__})") from None
    if envelope.get("payloadType") != PAYLOAD or not isinstance(content, dict):
        raise ValueError(f"no envelope of {PAYLOAD}")
    return payload, cast("dict[str, Any]", content), by, sig


def authenticated(payload: bytes) -> bytes:
    """Return what is signed: DSSE's encoding of the payload with its type, so that neither is taken for another."""
    kind = PAYLOAD.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _named(root: Path, file: str) -> dict[str, str]:
    return {"file": file, "digest": digest_of((root / file).read_text(encoding="utf-8"))}


def _signed(root: Path, facts: Facts, version: str) -> dict[str, Any]:
    found = facts.signatures.get(version)
    return {} if found is None else {"signedBy": found.by, "signature": _named(root, signature_file(version))}


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _tenants(facts: Facts, plan: Plan) -> dict[str, list[str]]:
    states = [progress(facts, plan, wave) for wave in plan.waves]
    return {
        "moved": sorted(name for each in states for name in each.done),
        "back": sorted(name for each in states for name in each.back),
        "neverMoved": sorted(name for each in states for name in each.waiting),
    }


def _checkpoints(facts: Facts, plan: Plan) -> dict[str, Any]:
    return {
        str(each.tenant): each.details.get("id")
        for each in facts.records
        if each.release == plan.release and each.step == "checkpoint" and each.outcome == "pass"
    }


def _drift(facts: Facts, plan: Plan) -> dict[str, Any]:
    """Return what Argo CD put back while the release was watched, and at which looks nobody could say."""
    looks = [each for each in facts.records if each.release == plan.release and each.step in LOOKS]
    return {
        "corrected": [
            one for each in looks for one in dict(each.details.get("drift", {})).get("corrected", ())
        ],
        "watched": [
            {
                "record": each.file,
                **{
                    key: value
                    for key, value in each.details["drift"].items()
                    if key in ("since", "until", "knownFrom")
                },
            }
            for each in looks
            if "drift" in each.details
        ],
        "unknown": [each.file for each in looks if "drift" not in each.details],
    }


def _corrected(facts: Facts, plan: Plan) -> list[str]:
    """Return the pointers that say something else now than the plan's facts did: what was brought in line meanwhile."""
    planned = {each.tenant: each for wave in plan.waves for each in wave.tenants}
    return sorted(
        name
        for name, pointer in facts.pointers.items()
        if name in planned
        and (int(pointer.ring), pointer.segment) != (planned[name].ring, planned[name].segment)
    )
