"""What of a release is planned at all, and what people should know of the plan. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from release.plan import LeftOut, Wave
from release.pointers import Pointer
from spec.fleet import Fleet
from spec.peaks import Peak, comes_every_year
from spec.problems import Problem, SpecError, shown
from spec.releases import Migration, Release
from spec.tenant import TenantSpec
from spec.vocabulary import TenantState


def left_out(
    tenants: Iterable[TenantSpec], release: Release, pointers: Mapping[str, Pointer]
) -> Iterator[LeftOut]:
    """Yield the tenants that a plan leaves out, each with the reason."""
    for tenant in tenants:
        pointer = pointers.get(tenant.id)
        if tenant.state is not TenantState.ACTIVE:
            yield LeftOut(tenant=tenant.id, why=f"It is {tenant.state}: nothing of it runs.")
        elif pointer is not None and pointer.release == release.manifest.version:
            yield LeftOut(tenant=tenant.id, why="It runs this release already.")


def refuse_unfit(release: Release, pointers: Mapping[str, Pointer]) -> None:
    """Refuse a release that nobody should get.

    Raises:
        SpecError: a test of it failed, or its migration is not what another series of Odoo needs.

    """
    manifest = release.manifest
    file = f"releases/{manifest.version}/release.yaml"
    problems = [
        Problem(
            file=file,
            field=f"tests[{place}].result",
            value=shown(each.result),
            message=f"the suite {each.name} failed, so the release is not planned",
            fix="build a release that passes: this one is immutable",
        )
        for place, each in enumerate(manifest.tests)
        if each.result == "failed"
    ]
    other = sorted({each.release for each in pointers.values() if _series(each.release) != manifest.series})
    if other and manifest.migration is not Migration.BREAKING:
        problems.append(
            Problem(
                file=file,
                field="migration",
                value=shown(manifest.migration.value),
                message=f"tenants run {', '.join(other)}, and another Odoo series changes every table",
                allowed="breaking",
                fix="build a release that declares it: this one is immutable",
            )
        )
    if problems:
        raise SpecError(problems)


def _series(version: str) -> str:
    return ".".join(version.split(".")[:2])


def warnings(fleet: Fleet, waves: Sequence[Wave]) -> Iterator[str]:
    """Yield what a plan does not stop at and people should see: a tenant without a calendar, a wave in a peak."""
    for wave in waves:
        for placement in wave.tenants:
            tenant = fleet.tenant(placement.tenant)
            if tenant.calendar is None:
                yield f"{tenant.id} has no calendar: nothing says when it must not be touched."
            for peak in tenant.peaks:
                if _in_peak(peak, wave.starts):
                    yield (
                        f"Wave {wave.number} starts while {tenant.id} has its peak {peak.name} ({peak.factor:g} times "
                        f"its orders), which its calendar leaves open."
                    )


def _in_peak(peak: Peak, at: datetime) -> bool:
    if not comes_every_year(peak.starts):
        return peak.starts <= at.date().isoformat() <= peak.ends
    day = at.strftime("%m-%d")
    if peak.starts <= peak.ends:
        return peak.starts <= day <= peak.ends
    return day >= peak.starts or day <= peak.ends
