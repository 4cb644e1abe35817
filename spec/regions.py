"""The regions of AWS in which tenants' data may lie, and the law that each is under."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import AfterValidator

from spec.problems import either, refusal, suggestion
from spec.vocabulary import Jurisdiction


@dataclass(frozen=True, kw_only=True)
class Region:
    """A region: whose law it is under, its zones in the order in which they are used, and where its prices stand."""

    name: str
    jurisdiction: Jurisdiction
    zones: tuple[str, ...]
    """Names of its availability zones. Their order never changes: subnets are numbered by it."""
    prices: str
    """The name by which price lists call the region, such as ``EUC1``: the prefix of its usage types."""


def _region(name: str, jurisdiction: Jurisdiction, prices: str) -> Region:
    zones = tuple(f"{name}{letter}" for letter in "abc")
    return Region(name=name, jurisdiction=jurisdiction, zones=zones, prices=prices)


# Zones a, b and c exist in each of these (AWS documentation, "AWS Regions and Availability Zones"). Regions of
# countries outside the three laws are left out on purpose: naming one is refused before anything is planned.
REGIONS: Final[Mapping[str, Region]] = MappingProxyType(
    {
        region.name: region
        for region in (
            _region("eu-central-1", Jurisdiction.EU, "EUC1"),  # Frankfurt
            _region("eu-central-2", Jurisdiction.CH, "EUC2"),  # Zurich
            _region("eu-north-1", Jurisdiction.EU, "EUN1"),  # Stockholm
            _region("eu-south-1", Jurisdiction.EU, "EUS1"),  # Milan
            _region("eu-south-2", Jurisdiction.EU, "EUS2"),  # Spain
            _region("eu-west-1", Jurisdiction.EU, "EU"),  # Ireland
            _region("eu-west-2", Jurisdiction.UK, "EUW2"),  # London
            _region("eu-west-3", Jurisdiction.EU, "EUW3"),  # Paris
        )
    }
)


def regions_of(jurisdiction: Jurisdiction) -> tuple[str, ...]:
    """Return the names of the regions under a law, in the order of the alphabet."""
    return tuple(sorted(name for name, region in REGIONS.items() if region.jurisdiction is jurisdiction))


def _region_name(text: str) -> str:
    if text not in REGIONS:
        fix = suggestion(text, REGIONS, "choose one whose law the tenants' residency allows")
        raise refusal("is not a region where tenants' data may lie", allowed=either(REGIONS), fix=fix)
    return text


RegionName = Annotated[str, AfterValidator(_region_name)]
