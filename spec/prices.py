"""Price files: what a region of AWS charges, figure by figure: where it is published, its date, if it was checked."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from spec.explain import problems_of
from spec.loader import name_of
from spec.model import SpecModel
from spec.problems import Problem, SpecError, either, refusal, shown, suggestion
from spec.regions import RegionName
from spec.vocabulary import Day, Slug, Title
from spec.yaml_text import line_numbers, parse, read_text

FOLDER: Final = "prices"


class Service(StrEnum):
    """What is charged for, beside nodes and caches; the unit is part of the name."""

    CLUSTER_HOUR = "cluster-hour"
    NAT_HOUR = "nat-hour"
    ENDPOINT_HOUR = "endpoint-hour"
    BALANCER_HOUR = "balancer-hour"
    BALANCER_UNIT_HOUR = "balancer-unit-hour"
    ADDRESS_HOUR = "address-hour"
    EGRESS_GB = "egress-gb"
    OTHER_REGION_GB = "other-region-gb"
    DISK_GB_MONTH = "disk-gb-month"
    FILES_GB_MONTH = "files-gb-month"
    OBJECTS_GB_MONTH = "objects-gb-month"
    BACKUP_GB_MONTH = "backup-gb-month"
    LOG_GB = "log-gb"
    KEY_MONTH = "key-month"
    SECRET_MONTH = "secret-month"  # noqa: S105 - a unit
    ZONE_MONTH = "zone-month"
    HEALTH_CHECK_MONTH = "health-check-month"


class Price(SpecModel):
    """One figure."""

    usd: Annotated[float, Field(ge=0, le=10_000)]
    """US dollars, without tax."""
    source: Slug
    """Where AWS publishes it, to compare it with: a name under sources."""
    dated: Day
    """The day on which it was entered."""
    verified: bool = False
    """Whether somebody read it there on that day. Otherwise it was entered by hand, from general knowledge."""

    @property
    def amount(self) -> Decimal:
        """The figure, without what binary fractions would add to it."""
        return Decimal(str(self.usd))


class PriceFile(SpecModel):
    """What ``prices/<region>.yaml`` contains."""

    region: RegionName
    """The region; it is also the name of the file."""
    kind: Literal["list"] = "list"
    """list: on-demand list prices, before any discount, savings plan, credit or tax."""
    note: Title
    """What a reader of an estimate has to know about the figures."""
    sources: Annotated[dict[Slug, Title], Field(min_length=1)]
    """Addresses of the pages on which AWS publishes the figures, by name."""
    services: dict[Service, Price]
    """Every service."""
    nodes: Annotated[dict[str, Price], Field(min_length=1)]
    """An hour of a node, by type of instance."""
    caches: dict[str, Price] = Field(default_factory=dict)
    """An hour of a node of a cache (Valkey), by type."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := [each.value for each in Service if each not in self.services]:
            message = f"lacks the figures {', '.join(missing)}: an estimate without them would be too low"
            raise refusal(message, at=("services",), fix="add them, each with usd, source and dated")
        for place, figures in (
            ("services", self.services),
            ("nodes", self.nodes),
            ("caches", self.caches),
        ):
            for name, price in figures.items():
                if price.source not in self.sources:
                    fix = suggestion(price.source, self.sources, "add it under sources")
                    at = (place, str(name), "source")
                    raise refusal("is not one of the sources", at=at, allowed=either(self.sources), fix=fix)
        return self

    @property
    def oldest(self) -> date:
        """The day of the oldest figure: what an estimate is as good as."""
        return min(price.dated for price in self._figures())

    @property
    def unverified(self) -> int:
        """How many figures nobody compared with what AWS publishes."""
        return sum(not price.verified for price in self._figures())

    def _figures(self) -> list[Price]:
        return [*self.services.values(), *self.nodes.values(), *self.caches.values()]

    def of(self, service: Service) -> Decimal:
        """Return what one unit of a service costs."""
        return self.services[service].amount

    def node(self, instance_type: str) -> Decimal:
        """Return what an hour of a node costs; raises `SpecError` for a type without a figure."""
        return self._named("nodes", self.nodes, instance_type)

    def cache(self, node_type: str) -> Decimal:
        """Return what an hour of a node of a cache costs; raises `SpecError` for a type without a figure."""
        return self._named("caches", self.caches, node_type)

    def _named(self, place: str, figures: dict[str, Price], name: str) -> Decimal:
        if name in figures:
            return figures[name].amount
        problem = Problem(
            file=f"{FOLDER}/{self.region}.yaml",
            field=place,
            value=shown(name),
            message="has no price here",
            fix=f"add it from the price list: {name}: {{usd: ..., source: ..., dated: ...}}",
        )
        raise SpecError([problem])


def load_prices(root: Path, region: str) -> PriceFile:
    """Load what a region charges, from ``prices/<region>.yaml`` of the project.

    Raises:
        SpecError: there is no such file, or everything that is wrong with it.

    """
    path = root / FOLDER / f"{region}.yaml"
    file = name_of(path, root)
    hint = f"copy another region's file in {FOLDER}/ and enter the figures of {region}"
    text = read_text(path, file, hint=hint)
    data = parse(text, file)
    try:
        prices = PriceFile.model_validate(data)
    except ValidationError as error:
        lines = line_numbers(text, file)
        raise SpecError(problems_of(error, PriceFile, data, file, lines=lines, given="")) from None
    if prices.region != region:
        message = f"the file is named after {region} and states another region"
        problem = Problem(file=file, field="region", value=shown(prices.region), message=message)
        raise SpecError([problem])
    return prices
