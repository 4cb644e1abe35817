"""Loading the calendars, and what is right in each by itself and may still be wrong together."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from spec.calendars import CalendarSpec, Freeze, MaintenanceWindow
from spec.folders import files_in
from spec.loader import located, name_of, named
from spec.problems import Problem, SpecError, shown, suggestion
from spec.tenant import TenantSpec
from spec.vocabulary import EnvironmentName, TenantState
from spec.yaml_text import read_text

CALENDARS_FOLDER: Final = "calendars"


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """A calendar with the freezes of those that it extends, each beside the id of the calendar that states it."""

    id: str
    title: str
    owner: str
    time_zone: str
    freezes: tuple[tuple[str, Freeze], ...] = ()
    maintenance: tuple[MaintenanceWindow, ...] = ()


Calendars = Mapping[str, Calendar]
NO_CALENDARS: Final[Calendars] = MappingProxyType({})


@dataclass(frozen=True)
class CalendarReading:
    """What the folder of the calendars gave: those that are right, the ids of all, and what is wrong."""

    calendars: Calendars = field(default_factory=lambda: NO_CALENDARS)
    ids: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()


def load_calendars(root: Path) -> Calendars:
    """Load every file of ``calendars/``.

    Raises:
        SpecError: all that is wrong with the files, each by itself and between them.

    """
    reading = read_calendars(root)
    if reading.problems:
        raise SpecError(located(reading.problems, root))
    return reading.calendars


def read_calendars(root: Path) -> CalendarReading:
    """Read ``calendars/``. A project without the folder has none."""
    try:
        paths, overlooked = files_in(root, CALENDARS_FOLDER)
    except FileNotFoundError:
        return CalendarReading()
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        return CalendarReading(problems=(Problem(file=f"{CALENDARS_FOLDER}/", message=message),))
    specs: dict[str, CalendarSpec] = {}
    problems = list(overlooked)
    for path in paths:
        file = name_of(path, root)
        try:
            specs[path.stem] = named(CalendarSpec, read_text(path, file), path.stem, file)
        except SpecError as error:
            problems += error.problems
    ids = frozenset(path.stem for path in paths)
    problems += _unknown(specs, ids)
    circular = list(_circles(specs))
    resolved = {} if circular else {name: _resolved(spec, specs) for name, spec in specs.items()}
    return CalendarReading(resolved, ids, (*problems, *circular))


def check_references(
    tenants: Iterable[TenantSpec], known: Collection[str], environment: EnvironmentName | None = None
) -> Iterator[Problem]:
    """Yield the tenants whose calendar does not exist, and in production those that have none."""
    for tenant in tenants:
        file = f"tenants/{tenant.id}.yaml"
        if tenant.state is TenantState.PURGED:
            continue
        if tenant.calendar is not None and tenant.calendar not in known:
            yield Problem(
                file=file,
                field="calendar",
                value=shown(tenant.calendar),
                message="there is no calendar of this name",
                fix=suggestion(tenant.calendar, known, f"add {CALENDARS_FOLDER}/{tenant.calendar}.yaml"),
            )
        elif tenant.calendar is None and environment is EnvironmentName.PRODUCTION:
            message = "has no calendar, so a release could start at any hour of its busiest day"
            fix = f"add a line calendar: ... with the name of a file in {CALENDARS_FOLDER}/"
            yield Problem(file=file, field="calendar", message=message, fix=fix)


def _unknown(specs: Mapping[str, CalendarSpec], ids: Collection[str]) -> Iterator[Problem]:
    for name, spec in specs.items():
        for place, wanted in enumerate(spec.extends):
            if wanted not in ids:
                yield Problem(
                    file=f"{CALENDARS_FOLDER}/{name}.yaml",
                    field=f"extends[{place}]",
                    value=shown(wanted),
                    message="there is no calendar of this name",
                    fix=suggestion(wanted, ids, f"add {CALENDARS_FOLDER}/{wanted}.yaml or remove the line"),
                )


def _circles(specs: Mapping[str, CalendarSpec]) -> Iterator[Problem]:
    for name in specs:
        if name in _below(name, specs):
            yield Problem(
                file=f"{CALENDARS_FOLDER}/{name}.yaml",
                field="extends",
                message=f"leads back to {name} itself",
                fix="remove the line that closes the circle",
            )


def _below(name: str, specs: Mapping[str, CalendarSpec]) -> list[str]:
    """Return the calendars that one extends, near ones first, each once."""
    found: list[str] = []
    waiting = list(specs[name].extends)
    while waiting:
        following = waiting.pop(0)
        if following in specs and following not in found:
            found.append(following)
            waiting += specs[following].extends
    return found


def _resolved(spec: CalendarSpec, specs: Mapping[str, CalendarSpec]) -> Calendar:
    origins = (spec.id, *_below(spec.id, specs))
    return Calendar(
        id=spec.id,
        title=spec.title,
        owner=spec.owner,
        time_zone=spec.time_zone,
        freezes=tuple((origin, freeze) for origin in origins for freeze in specs[origin].freezes),
        maintenance=spec.maintenance,
    )
