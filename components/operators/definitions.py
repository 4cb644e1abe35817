"""Where an operator's definitions (CRDs) come from: each way, and what it means for an upgrade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True)
class ModuleCrds:
    """Definitions from an operator's Go module, the very ones that the embedded environment is given."""

    module: str
    """Name in `local.toolchain.published.CRDS`."""


@dataclass(frozen=True, kw_only=True)
class ChartCrds:
    """Definitions from a chart that holds nothing else."""

    chart: str
    version: str
    repository: str


@dataclass(frozen=True, kw_only=True)
class FolderCrds:
    """Definitions from the chart's folder `crds`: Helm writes them at the first install and never again.

    An upgrade of such a chart therefore begins with its definitions, by hand; the runbook of the chart says how.
    """


@dataclass(frozen=True, kw_only=True)
class RenderedCrds:
    """Definitions that the chart renders beside everything else, whatever it is told.

    They are upgraded with it and go with it, which only a chart may do whose kinds hold no data.
    """


Crds: TypeAlias = ModuleCrds | ChartCrds | FolderCrds | RenderedCrds | None
