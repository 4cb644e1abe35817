"""The commands with which people put their name to something: an approval, an emergency."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from cli.output import clear_errors, console
from cli.release_facts import Environment  # noqa: TC001 - typer reads it at run time
from cli.tenant_file import write_new
from local.state import ROOT
from release.facts import load_plan
from release.manifests import ManifestSignature, signature_file
from release.records import (
    Approval,
    Emergency,
    approval_file,
    emergency_file,
    overdue,
    read_emergencies,
    retrospective_file,
    signed,
    text_of,
)
from release.risk import Given, refused
from release.signing import check_signer, load_key
from spec.explain import problems_of
from spec.fleet import load_fleet
from spec.problems import Problem, SpecError, either, shown, suggestion
from spec.releases import load_release
from spec.roster import Role, load_roster

_COMMAND_LINE = "the command line"
_UNSIGNED = "unsigned"

By = Annotated[str, typer.Option("--by", metavar="EMAIL", help="who signs, as in gitops/approvers.yaml")]
Key = Annotated[Path, typer.Option("--key", metavar="FILE", help="their Ed25519 private key in PEM")]


def now() -> datetime:
    """Return the current instant, in UTC, to the second."""
    return datetime.now(tz=UTC).replace(microsecond=0)


def approve(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="the release")],
    *,
    env: Environment,
    role: Annotated[
        str, typer.Option(metavar="ROLE", help="release, database, payments, business or restore")
    ],
    by: By,
    key: Key,
) -> None:
    """Approve a plan in a role: writes a signed record, to be committed. Who builds cannot approve."""
    with clear_errors():
        chosen = _role(role)
        plan = load_plan(ROOT, env, version)
        why = refused(Given(role=chosen, by=by), plan.builders)
        if why:
            message = f"{why}"
            raise SpecError(
                [Problem(file=_COMMAND_LINE, field="--by", message=message, fix="ask somebody else")]
            )
        private = load_key(key)
        check_signer(load_roster(ROOT), by, chosen, private)
        record = Approval(
            environment=load_fleet(ROOT, env).environment.name,
            release=plan.release,
            plan=plan.digest,
            role=chosen,
            by=by,
            at=now(),
            signature=_UNSIGNED,
        )
        record = signed(record, private)
        file = approval_file(record)
        if (ROOT / file).exists():
            _tell(f"Nothing to do: {file} is there already.")
            return
        (ROOT / file).parent.mkdir(parents=True, exist_ok=True)
        write_new(ROOT / file, text_of(record), file)
        _tell(f"{by} approves {version} for {env} in the role {chosen}, as planned in {plan.digest[:19]}.")
        _tell(f"Wrote {file}. Commit it: it counts from then on.")


def sign(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="the release")], *, by: By, key: Key
) -> None:
    """Sign the manifest of a release as who built it: writes the signature beside it, to be committed with it."""
    with clear_errors():
        release = load_release(ROOT, version)
        if by not in release.manifest.built_by:
            builders = either(release.manifest.built_by)
            problem = Problem(
                file=_COMMAND_LINE,
                field="--by",
                value=shown(by),
                message=f"did not build {version}",
                allowed=builders,
            )
            raise SpecError([problem])
        private = load_key(key)
        check_signer(load_roster(ROOT), by, Role.BUILD, private)
        file = signature_file(version)
        if (ROOT / file).exists():
            _tell(f"Nothing to do: {file} is there already.")
            return
        record = ManifestSignature(
            release=version, manifest=release.digest, by=by, at=now(), signature=_UNSIGNED
        )
        write_new(ROOT / file, text_of(signed(record, private)), file)
        _tell(f"{by} signs {version}: {release.digest}.")
        _tell(f"Wrote {file}. Commit it with the manifest: both are immutable from then on.")


def emergency(
    record: Annotated[str, typer.Argument(metavar="ID", help="a name for it, such as voucher-crash")],
    *,
    env: Environment,
    tenant: Annotated[list[str], typer.Option(metavar="ID", help="for whom; may be given more than once")],
    reason: Annotated[str, typer.Option(help="why it cannot wait, in a sentence")],
    ticket: Annotated[str, typer.Option(help="where the incident is recorded")],
    hours: Annotated[int, typer.Option(metavar="N", help="for how long, at most 24")],
    by: By,
    key: Key,
    release: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="a release that they may be moved to outside any plan"),
    ] = None,
) -> None:
    """Open a freeze for named tenants, for hours: writes a signed record, to be committed. It ends by itself."""
    with clear_errors():
        fleet = load_fleet(ROOT, env)
        names = [fleet.tenant(each).id for each in tenant]
        if release is not None:
            load_release(ROOT, release)
        late = overdue(ROOT, read_emergencies(ROOT, env), now())
        if late:
            message = (
                f"is missing since {late[0].retrospective_due}, and nobody opens the next emergency before it"
            )
            fix = "write down what happened, why, and what prevents it, in a few sentences"
            raise SpecError([Problem(file=retrospective_file(env, late[0].id), message=message, fix=fix)])
        # Whole minutes: sync windows know no seconds.
        begins = now().replace(second=0)
        expires = begins + timedelta(hours=hours)
        private = load_key(key)
        check_signer(load_roster(ROOT), by, Role.EMERGENCY, private)
        content: dict[str, Any] = {
            "id": record,
            "environment": env,
            "tenants": list(dict.fromkeys(names)),
            "release": release,
            "reason": reason,
            "ticket": ticket,
            "by": by,
            "begins": begins,
            "expires": expires,
            "retrospective_due": (expires + timedelta(days=7)).date(),
            "signature": _UNSIGNED,
        }
        written = signed(_emergency(content), private)
        file = emergency_file(env, record)
        (ROOT / file).parent.mkdir(parents=True, exist_ok=True)
        write_new(ROOT / file, text_of(written), file)
        _tell(
            f"Open for {', '.join(written.tenants)} until {written.expires:%Y-%m-%d %H:%M} UTC, and not longer."
        )
        _tell(f"Wrote {file}. Commit it: it counts from then on.")
        _tell(f"By {written.retrospective_due}, write {retrospective_file(env, record)}.")


def _emergency(content: dict[str, Any]) -> Emergency:
    try:
        return Emergency.model_validate(content)
    except ValidationError as error:
        flags = {"id": "ID", "expires": "--hours", "tenants": "--tenant", "by": "--by", "reason": "--reason"}
        problems = problems_of(error, Emergency, content, _COMMAND_LINE, lines={}, given="")
        raise SpecError(
            Problem(
                file=each.file,
                field=flags.get(each.field.partition("[")[0], f"--{each.field}"),
                message=each.message,
                value="" if each.field == "expires" else each.value,
                allowed=each.allowed,
                fix=each.fix,
            )
            for each in problems
        ) from None


def _role(text: str) -> Role:
    names = [each.value for each in Role if each not in (Role.EMERGENCY, Role.BUILD)]
    if text not in names:
        problem = Problem(
            file=_COMMAND_LINE,
            field="--role",
            value=shown(text),
            message="is not a role",
            allowed=either(names),
            fix=suggestion(text, names),
        )
        raise SpecError([problem])
    return Role(text)


def _tell(line: str) -> None:
    console.print(line, markup=False, soft_wrap=True)
