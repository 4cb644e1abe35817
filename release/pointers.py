"""Pointers: which release each tenant runs. Argo CD reads them; what is not a pointer comes from the tenant's file."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from spec.fleet import Fleet
from spec.loader import located, named
from spec.model import SpecModel
from spec.problems import Problem, SpecError, shown
from spec.releases import ReleaseVersion
from spec.tenant import TenantSpec
from spec.vocabulary import CellId, RingNumber, Slug, TenantId
from spec.yaml_text import read_text

ENVIRONMENTS_FOLDER: Final = "gitops/environments"
HEADER: Final = (
    "# Written by `storefleet release`. It decides release and attempt; the rest is in the tenant's file.\n"
)
FACTS: Final = ("ring", "segment", "calendar")
"""What a pointer repeats of the tenant's file, because Argo CD reads nothing else."""


class PointerFile(SpecModel):
    """What ``gitops/environments/<environment>/<cell>/<tenant>.yaml`` contains."""

    release: ReleaseVersion
    """The release that the tenant runs."""
    attempt: Annotated[int, Field(strict=True, ge=1)] = 1
    """Which try of it this is: Argo CD does not try the same thing twice."""
    ring: RingNumber
    """As in the tenant's file."""
    segment: Slug
    """The group and the country of the tenant: what goes back together."""
    calendar: Slug | None = None
    """As in the tenant's file."""


class Pointer(PointerFile):
    """A pointer: its file's content, the tenant and its cell."""

    tenant: TenantId
    """The name of the pointer's file, without ``.yaml``."""
    cell: CellId = "none"
    """The folder that the file is in."""

    @property
    def text(self) -> str:
        """The file's text."""
        calendar = "" if self.calendar is None else f"calendar: {self.calendar}\n"
        return (
            f"{HEADER}tenant: {self.tenant}\nrelease: {self.release}\nattempt: {self.attempt}\n"
            f"ring: {int(self.ring)}\nsegment: {self.segment}\n{calendar}"
        )


def segment_of(tenant: TenantSpec) -> str:
    """Return the segment of a tenant: its group and its country, such as ``solvane-fr``."""
    return f"{tenant.group}-{tenant.country.lower()}"[:40].rstrip("-")


def pointer_file(environment: str, cell: str, tenant_id: str) -> str:
    """Return the path of a pointer, relative to the project."""
    return f"{ENVIRONMENTS_FOLDER}/{environment}/{cell}/{tenant_id}.yaml"


def pointer_for(tenant: TenantSpec, release: str, attempt: int = 1) -> Pointer:
    """Return a tenant's pointer to a release, with the facts of its file."""
    return Pointer(
        tenant=tenant.id,
        cell=tenant.cell,
        release=release,
        attempt=attempt,
        ring=tenant.ring,
        segment=segment_of(tenant),
        calendar=tenant.calendar,
    )


def parse_pointer(text: str, file: str) -> Pointer:
    """Return the pointer that a text holds; the path says whose it is.

    Raises:
        SpecError: what is wrong with it.

    """
    path = Path(file)
    found = named(_Written, text, path.stem, file, given="id")
    if found.tenant != path.stem:
        problem = Problem(
            file=file,
            field="tenant",
            value=shown(found.tenant),
            message="is not the tenant that the file is named after",
            fix=f"write tenant: {path.stem}",
        )
        raise SpecError([problem])
    return Pointer(**found.model_dump(exclude={"id"}), cell=path.parent.name)


class _Written(PointerFile):
    id: TenantId
    tenant: TenantId


def read_pointers(root: Path, environment: str) -> dict[str, Pointer]:
    """Return the pointers of an environment by tenant.

    Raises:
        SpecError: what is wrong with any of them, or two for one tenant.

    """
    pointers: dict[str, Pointer] = {}
    problems: list[Problem] = []
    for path in sorted((root / ENVIRONMENTS_FOLDER / environment).glob("*/*.yaml")):
        file = path.relative_to(root).as_posix()
        try:
            pointer = parse_pointer(read_text(path, file), file)
        except SpecError as error:
            problems += error.problems
            continue
        other = pointers.setdefault(pointer.tenant, pointer)
        if other is not pointer:
            message = f"the tenant has a pointer in the cell {other.cell} too"
            problems.append(
                Problem(file=file, message=message, fix="keep the one of the cell where its data stand")
            )
    if problems:
        raise SpecError(located(problems, root))
    return pointers


def check_facts(fleet: Fleet, pointers: Mapping[str, Pointer]) -> Iterator[Problem]:
    """Yield where a pointer says something else than the tenant's file, which is where those facts are decided."""
    environment = fleet.environment.name.value
    everyone = {each.id: each for each in (*fleet.tenants, *fleet.left_out)}
    for name, pointer in sorted(pointers.items()):
        file = pointer_file(environment, pointer.cell, name)
        tenant = everyone.get(name)
        if tenant is None:
            message = "is the pointer of a tenant that has no file"
            yield Problem(
                file=file, message=message, fix="bring the tenant's file back, or let it leave by its state"
            )
            continue
        wanted = pointer_for(tenant, pointer.release, pointer.attempt)
        for fact in (*FACTS, "cell"):
            if getattr(pointer, fact) != getattr(wanted, fact):
                yield Problem(
                    file=file,
                    field=fact,
                    value=shown(_plain(getattr(pointer, fact))),
                    message=f"is not what tenants/{name}.yaml says",
                    allowed=shown(_plain(getattr(wanted, fact))),
                    fix=f"storefleet release pointers --env {environment}",
                )


def refreshed(fleet: Fleet, pointers: Mapping[str, Pointer]) -> dict[str, Pointer]:
    """Return the pointers whose facts are not those of the tenants' files any more, as they should be."""
    found: dict[str, Pointer] = {}
    for tenant in fleet.tenants:
        pointer = pointers.get(tenant.id)
        if pointer is not None and pointer.cell == tenant.cell:
            wanted = pointer_for(tenant, pointer.release, pointer.attempt)
            if wanted != pointer:
                found[tenant.id] = wanted
    return found


def of_segment(pointers: Iterable[Pointer], segment: str) -> list[Pointer]:
    """Return the pointers of a segment."""
    return [each for each in pointers if each.segment == segment]


def _plain(value: Any) -> object:  # noqa: ANN401 - of any field
    return int(value) if isinstance(value, int) else value
