"""Argo CD in `up` and `status`: started where there is something to read, followed, and told about by tenant."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from rich.table import Table

from components.delivery.projects import DELIVERED, calendars_in_use
from components.delivery.settings import controller_settings
from local.delivery import bootstrap, control
from local.kube import ApiError
from local.state import ROOT
from local.toolchain.build import ensure
from local.trouble import EnvironmentTrouble
from release.pointers import read_pointers
from release.repository import Repository
from spec.problems import SpecError
from spec.tiers import NodePool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from local.delivery.control import Delivered
    from local.kube import KubeApi
    from local.progress import Progress
    from local.state import State
    from spec.fleet import Fleet

_FOLLOW_SECONDS: Final = 600.0
_STILL_SECONDS: Final = 120.0
"""After which a delivery in which nothing moves any more is told about rather than waited for."""
_TICK: Final = 2.0


def start(current: State, fleet: Fleet, api: KubeApi, progress: Progress) -> bool:
    """Start Argo CD where the stack delivers and there is a commit to read; tell whether it runs.

    Raises EnvironmentTrouble with the process that would not come up.
    """
    if fleet.environment.delivery is None:
        return False
    prepare(fleet, api)
    if not _has_commits():
        progress.say("  this folder is no git repository, so Argo CD has nothing to read and is not started")
        return False
    control.start(current, ensure(progress), progress)
    return True


def prepare(fleet: Fleet, api: KubeApi) -> None:
    """Bring to the cluster what Argo CD finds there: its settings and rights, and nodes for who has some alone."""
    alone = [each.id for each in fleet.tenants if each.preset.node_pool is NodePool.DEDICATED]
    bootstrap.apply(api, controller_settings(calendars_in_use(fleet)), DELIVERED, alone)


def follow(fleet: Fleet, api: KubeApi, progress: Progress) -> None:
    """Wait until every tenant with a pointer is synced and healthy, or nothing moves any more; never an error.

    A frozen tenant and a bad release stay as they are on purpose: `status` says so.
    """
    wanted = {each.tenant: each for each in read_pointers(ROOT, fleet.environment.name.value).values()}
    if not wanted:
        progress.say("  no tenant has a pointer yet: `storefleet release pointers` writes them")
        return
    with progress.step("delivery by Argo CD") as step:
        last: Counter[str] = Counter()
        moved = begun = time.monotonic()
        while True:
            try:
                found = [each for each in control.applications(api) if each.tenant in wanted]
            except ApiError as error:
                if error.status:
                    raise
                found = []  # a busy server left this look without an answer: the next one counts
            well = sum(each.well and each.release == wanted[each.tenant].release for each in found)
            step.note = f"{well} of {len(wanted)} tenants synced and healthy"
            now = time.monotonic()
            counts = Counter(f"{each.tenant} {each.sync} {each.health}" for each in found)
            moved = now if counts != last else moved
            last = counts
            if well == len(wanted) or now - moved > _STILL_SECONDS or now - begun > _FOLLOW_SECONDS:
                break
            time.sleep(_TICK)
        step.result, step.note = step.note, ""
    if well < len(wanted):
        progress.say("  the others are as `storefleet status` says; Argo CD goes on with them by itself")


def show(found: Sequence[Delivered], console: Console) -> None:
    """Print how far each tenant's delivery is: the ones that are not well first, and why."""
    if not found:
        return
    table = Table("tenant", "release", "sync", "health", "", box=None)
    for each in sorted(found, key=lambda one: (one.well, one.tenant)):
        table.add_row(each.tenant, each.release, each.sync, each.health, each.message)
    well = sum(each.well for each in found)
    console.print(
        f"\n{well} of {len(found)} tenants are as Git says, and healthy (nothing runs in their pods)."
    )
    console.print(table)


def _has_commits() -> bool:
    try:
        Repository(ROOT).head()
    except (EnvironmentTrouble, SpecError):
        return False
    return True
