"""The facts of a new tenant: how they are asked for, what is offered, and what is said about a wrong answer."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import typer
from pydantic import ValidationError

from spec.explain import problems_of
from spec.iso import EEA
from spec.problems import Problem, SpecError
from spec.tenant import TenantSpec
from spec.vocabulary import Jurisdiction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from spec.fleet import Fleet

_COMMAND_LINE: Final = "the command line"
_LISTS: Final = frozenset({"domains", "integrations"})
_CONTACTS: Final = frozenset({"business", "technical"})
_NUMBER: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_OUTSIDE_EEA: Final = {"GB": Jurisdiction.UK, "CH": Jurisdiction.CH}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One fact: its option, what is asked, and an offer. An offer that is a guess is only made to people."""

    flag: str
    ask: str
    offer: str | None = None
    optional: bool = False


ANSWERS: Final[Mapping[str, Answer]] = {
    "display_name": Answer(flag="--name", ask="name of the shop"),
    "group": Answer(flag="--group", ask="retail group that it belongs to"),
    "country": Answer(flag="--country", ask="country where it trades, such as FR"),
    "residency": Answer(flag="--residency", ask="where its data must stay: eu, uk or ch"),
    "time_zone": Answer(flag="--time-zone", ask="time zone, such as Europe/Paris"),
    "currency": Answer(flag="--currency", ask="currency, such as EUR"),
    "domains": Answer(flag="--domain", ask="host names, the main one first"),
    "business": Answer(flag="--business", ask="e-mail of who decides about freezes and risk"),
    "technical": Answer(flag="--technical", ask="e-mail of who is told about incidents"),
    "criticality": Answer(
        flag="--criticality", ask="criticality: low, standard, high or critical", offer="standard"
    ),
    "data_sensitivity": Answer(
        flag="--sensitivity", ask="most sensitive data: internal, personal or regulated", offer="personal"
    ),
    "customisation": Answer(flag="--customisation", ask="customisation: none, light or deep", offer="light"),
    "release_tolerance": Answer(
        flag="--tolerance", ask="appetite for releases: eager, normal or cautious", offer="normal"
    ),
    "orders_per_day": Answer(flag="--orders", ask="orders on an ordinary day"),
    "integrations": Answer(
        flag="--integration", ask="systems outside that it calls (peers of the environment)", optional=True
    ),
}
"""The facts in the order in which they are asked for, by the fields of the file (contacts by their own)."""


class Answers:
    """The facts of one new tenant, beside the fleet that it joins."""

    def __init__(self, fleet: Fleet, tenant_id: str) -> None:
        self._fleet = fleet
        self._tenant_id = tenant_id

    def check_id(self) -> None:
        """Refuse an id that could not be the name of a tenant's file; raises SpecError."""
        _check("id", {"id": self._tenant_id}, "ID")

    def collect(self, given: Mapping[str, str | list[str] | None], *, interactive: bool) -> dict[str, Any]:
        """Return the facts as a file states them, from the options and, for the rest, by asking.

        Raises:
            SpecError: an option is wrong or, where nobody can be asked, missing; all of them in one.

        """
        found: dict[str, Any] = {}
        problems: list[Problem] = []
        for field, answer in ANSWERS.items():
            value = given.get(field)
            derived = self._derived(field, found)
            try:
                if value:
                    found[field] = self._checked(field, value)
                elif interactive:
                    found[field] = self._ask(field, answer, derived)
                elif derived or answer.optional:
                    found[field] = self._checked(field, derived) if derived else []
                else:
                    problems.append(
                        Problem(
                            file=_COMMAND_LINE, field=answer.flag, message="is missing", allowed=answer.ask
                        )
                    )
            except SpecError as error:
                problems += error.problems
        if problems:
            raise SpecError(problems)
        contacts = {field: found.pop(field) for field in sorted(_CONTACTS)}
        return {**found, "contacts": contacts}

    def _derived(self, field: str, found: Mapping[str, Any]) -> str | None:
        """Return what follows from earlier answers and from the other tenants; None when nothing does."""
        country = found.get("country")
        if field == "residency":
            known = _OUTSIDE_EEA.get(str(country), Jurisdiction.EU if country in EEA else None)
            return known.value if known else None
        everyone = (*self._fleet.tenants, *self._fleet.left_out)
        neighbours = [tenant for tenant in everyone if tenant.country == country]
        if field in {"currency", "time_zone"} and neighbours:
            most = Counter(str(getattr(tenant, field)) for tenant in neighbours).most_common(1)
            return most[0][0]
        if field == "technical":
            same = [t.contacts.technical for t in everyone if t.group == found.get("group")]
            return same[0] if same else None
        return None

    def _ask(self, field: str, answer: Answer, derived: str | None) -> object:
        offer = derived or answer.offer or ("" if answer.optional else None)
        many = " (several with spaces between)" if field in _LISTS else ""
        if field == "integrations" and self._fleet.environment.peers:
            many = f" ({', '.join(sorted(self._fleet.environment.peers))})"

        def read(text: str) -> object:
            try:
                return self._checked(field, text)
            except SpecError as error:
                problem = error.problems[0]
                more = "; ".join(part for part in (problem.allowed, problem.fix) if part)
                raise typer.BadParameter(f"{problem.message}{f' ({more})' if more else ''}") from None

        return typer.prompt(f"{answer.ask}{many}", default=offer, value_proc=read, show_default=bool(offer))

    def _checked(self, field: str, value: str | list[str]) -> object:
        """Return an answer as the file states it: plain text, a number or a list."""
        plain = _plain(field, value)
        _check(
            field, {"contacts": {field: plain}} if field in _CONTACTS else {field: plain}, ANSWERS[field].flag
        )
        if field == "integrations":
            self._known(plain)
        return plain

    def _known(self, names: Iterable[str]) -> None:
        peers = self._fleet.environment.peers
        for name in names:
            if name not in peers:
                raise SpecError(
                    [
                        Problem(
                            file=_COMMAND_LINE,
                            field=ANSWERS["integrations"].flag,
                            value=name,
                            message=f"the environment {self._fleet.environment.name} has no peer of this name",
                            allowed=", ".join(sorted(peers)) or "none yet",
                        )
                    ]
                )


def _plain(field: str, value: str | list[str]) -> Any:  # noqa: ANN401 - what a file may hold
    if field in _LISTS:
        return value.replace(",", " ").split() if isinstance(value, str) else list(value)
    text = (value if isinstance(value, str) else value[-1]).strip()
    return int(text) if field == "orders_per_day" and _NUMBER.fullmatch(text) else text


def _check(field: str, data: Mapping[str, Any], flag: str) -> None:
    """Refuse what a file could not hold in one field; what is not there yet is not looked at.

    Raises:
        SpecError: what is wrong, under the name of the option.

    """
    try:
        TenantSpec.model_validate(data)
    except ValidationError as error:
        problems = problems_of(error, TenantSpec, data, _COMMAND_LINE, lines={}, given="")
        place = f"contacts.{field}" if field in _CONTACTS else field
        wrong = [each for each in problems if each.field.partition("[")[0] == place]
        if wrong:
            raise SpecError(replace(each, field=flag) for each in wrong) from None
