"""The commands that say what is known of a release and what was: scorecard, evidence, verification, DORA figures."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import REFUSED, clear_errors, console
from cli.recovery_settings import Settings
from cli.release_facts import committed_facts, mistake, tell
from local.state import ROOT
from release.dora import DORA_WINDOW, dora
from release.driver import plan_of_version
from release.evidence import ROLE, evidence_file, evidence_folder, seal, statement
from release.page import scorecard_html
from release.records import read_emergencies
from release.repository import Repository
from release.retrospectives import Owed, retrospectives
from release.risk import Given, refused
from release.scorecard import scorecard
from release.signing import check_signer, load_key
from release.steps import Kind, next_step
from release.verify import refuse_unsound
from spec.releases import digest_of
from spec.roster import load_roster

if TYPE_CHECKING:
    from release.known import Facts
    from release.plan import Plan

Version = Annotated[str, typer.Argument(metavar="VERSION", help="the release, a folder of releases/")]
Environment = Annotated[str, typer.Option("--env", metavar="ENV", help="the environment")]

KEPT = timedelta(days=365 * 7)
"""How long evidence is locked in its bucket: auditors ask for years, and seven cover what tax law keeps."""


def now() -> datetime:
    """Return the current instant, in UTC."""
    return datetime.now(tz=UTC)


def register(app: typer.Typer) -> None:
    """Add the commands to the group of releases."""
    app.command(name="scorecard")(show_scorecard)
    app.command()(evidence)
    app.command()(verify)
    app.command(name="dora")(figures)
    app.command()(emergencies)


def show_scorecard(
    version: Version,
    *,
    env: Environment,
    as_json: Annotated[bool, typer.Option("--json", help="print it as JSON")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="write the page for people there")] = None,
) -> None:
    """Show what speaks for a release and against it: technical, business, tenants, way back."""
    with clear_errors():
        facts = committed_facts(ROOT, env, now(), committed=False)
        card = scorecard(facts, plan_of_version(facts, version))
        if html is not None:
            html.write_text(scorecard_html(card), encoding="utf-8")
            tell(f"Wrote {html}.")
        if as_json:
            console.print_json(json.dumps(card.record()))
        elif html is None:
            tell(f"{version} in {env}: {card.verdict}{' (simulated)' if card.simulated else ''}")
            for area in card.areas:
                score = "nothing known" if area.score is None else f"{area.score:g} of 100"
                tell(f"  {area.name}: {area.verdict}, {score}, {area.confidence:.0%} known")
                tell(
                    *(
                        f"    {each.state}: {each.name}: {each.why}"
                        for each in area.facts
                        if each.state != "good"
                    )
                )


def evidence(
    version: Version,
    *,
    env: Environment,
    by: Annotated[str, typer.Option("--by", metavar="EMAIL", help="who signs, as in gitops/approvers.yaml")],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="their Ed25519 private key in PEM")],
) -> None:
    """Sign the evidence of a release that is over, once; into the evidence bucket too, where one is named."""
    with clear_errors():
        facts = committed_facts(ROOT, env, now())
        plan = plan_of_version(facts, version)
        file = evidence_file(plan)
        repository = Repository(ROOT)
        if file in repository.files("HEAD", evidence_folder(plan)):
            tell(f"Nothing to do: {file} is there already, and is written once.")
            _store(plan)
            return
        following = next_step(facts, plan)
        if following.kind not in (Kind.DONE, Kind.HALTED):
            message = f"is not over; next is {following.kind}: {following.why}"
            raise mistake(
                "--env", f"the release {message}", f"storefleet release resume {version} --env {env}"
            )
        _check(plan, by)
        private = load_key(key)
        check_signer(load_roster(ROOT), by, ROLE, private)
        card = scorecard(facts, plan)
        folder = evidence_folder(plan)
        texts = {
            file: seal(statement(ROOT, facts, plan, following.kind.value), by, private),
            f"{folder}/scorecard.json": json.dumps(card.record(), indent=2) + "\n",
            f"{folder}/scorecard.html": scorecard_html(card),
        }
        commit = repository.write(texts, f"Evidence of {version} in {env}: {following.kind}\n")
        tell(f"Signed by {by}: {file}, with its scorecard beside it. Committed {commit[:12]}.")
        _store(plan)


def verify(version: Version, *, env: Environment) -> None:
    """Verify the evidence of a release, offline: signatures, plan, approvals, records and moves."""
    with clear_errors():
        facts, plan = _planned(version, env)
        refuse_unsound(ROOT, facts, plan)
        tell(f"The evidence of {version} in {env} holds: {evidence_file(plan)}, of the plan {plan.digest}.")


def figures(
    *,
    env: Environment,
    days: Annotated[int, typer.Option(min=1, max=3650, help="over how many days")] = DORA_WINDOW.days,
) -> None:
    """Print how often, how fast and how well the environment is released to (DORA), as JSON."""
    with clear_errors():
        facts = committed_facts(ROOT, env, now(), committed=False)
        found = dora(facts.moves, facts.releases, facts.at - timedelta(days=days), facts.at)
        console.print_json(json.dumps(asdict(found)))


def emergencies(*, env: Environment) -> None:
    """Show the emergencies of an environment, and whose retrospective is owed; 1 while one is overdue."""
    with clear_errors():
        found = retrospectives(ROOT, read_emergencies(ROOT, env), now())
        for each in found:
            one = each.emergency
            due = "" if each.owed is Owed.WRITTEN else f", due by {one.retrospective_due}"
            tell(
                f"{one.id}: {', '.join(one.tenants)} until {one.expires:%Y-%m-%d %H:%M} UTC, by {one.by}: {one.reason}"
            )
            tell(f"  retrospective {each.owed}{due}: {each.file}")
        if not found:
            tell(f"There was no emergency in {env}.")
        if any(each.owed is Owed.OVERDUE for each in found):
            raise typer.Exit(REFUSED)


def _planned(version: str, env: str) -> tuple[Facts, Plan]:
    facts = committed_facts(ROOT, env, now(), committed=False)
    return facts, plan_of_version(facts, version)


def _check(plan: Plan, by: str) -> None:
    why = refused(Given(role=ROLE, by=by), plan.builders)
    if why:
        raise mistake("--by", why, "have somebody else sign")


def _store(plan: Plan) -> None:
    """Send what was committed to the bucket of evidence: what is there stays, and is only compared."""
    store = Settings().evidence()
    if store is None:
        return
    folder = evidence_folder(plan)
    for name in ("evidence.intoto.json", "scorecard.json", "scorecard.html"):
        text = (ROOT / folder / name).read_text(encoding="utf-8")
        sha256 = digest_of(text).removeprefix("sha256:")
        key = f"{folder.removeprefix('gitops/')}/{name}"
        if store.find(key) is None:
            store.put(key, text.encode(), sha256=sha256, until=now() + KEPT)
        elif digest_of(store.bytes(key).decode()) != digest_of(text):
            raise mistake(
                f"{folder}/{name}", f"is not what {store.bucket} holds under {key}", "compare the two"
            )
    tell(f"In {store.bucket}, locked for {KEPT.days // 365} years where the bucket locks.")
