"""A tenant, as its file states it: facts of the business, and where the platform has put it."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from spec.model import SpecModel
from spec.offboarding import FinalBackup, Leaving, refuse_disorder
from spec.overrides import Overrides, overridden, refuse_misfits
from spec.peaks import Peak
from spec.tiers import RETENTION, TIERS, TierPreset
from spec.vocabulary import (
    CellId,
    Count,
    CountryCode,
    Criticality,
    CurrencyCode,
    Customisation,
    Day,
    Email,
    Fqdn,
    Jurisdiction,
    ReleaseTolerance,
    RingNumber,
    Sensitivity,
    Slug,
    TenantId,
    TenantState,
    Tier,
    TimeZone,
    Title,
)


class Contacts(SpecModel):
    """Whom to ask, and whom to wake."""

    business: Email
    """Decides about freezes, maintenance windows and risk."""
    technical: Email
    """Is told about incidents and releases."""


class Waiver(SpecModel):
    """An exception to a rule: owned, reasoned and dated."""

    rule: Slug
    """Name of the rule that does not hold for this tenant."""
    owner: Email
    """Who answers for the exception."""
    reason: Title
    """Why it is needed, in a sentence."""
    expires: Day
    """Last day on which it holds."""


class TenantFile(SpecModel):
    """What ``tenants/<id>.yaml`` contains. The tenant's id is the name of the file."""

    display_name: Title
    """The name people know the shop by."""
    group: Slug
    """The retail group that the brand belongs to."""
    cost_centre: Slug = Field(default_factory=lambda data: data.get("group", ""))
    """Who is charged; the group unless stated."""
    country: CountryCode
    """Where the shop trades: two letters of ISO 3166-1."""
    residency: Jurisdiction
    """Where the data must stay: eu (the whole EEA), uk or ch."""
    time_zone: TimeZone
    """Of the shop's opening hours, such as Europe/Paris."""
    currency: CurrencyCode
    """Of the shop's prices: three letters of ISO 4217."""
    domains: Annotated[tuple[Fqdn, ...], Field(min_length=1, max_length=50)]
    """Host names that the shop is reached by, the main one first. Each belongs to one tenant."""
    contacts: Contacts
    """Whom to ask, and whom to wake."""
    catalogue: Slug | None = None
    """The product catalogue that the shop sells from; brands of one group may share one."""
    price_list: Slug | None = None
    """The shop's own prices on that catalogue."""

    criticality: Criticality
    """What an hour without the shop costs: low, standard, high or critical."""
    data_sensitivity: Sensitivity
    """The most sensitive data held: internal, personal or regulated."""
    customisation: Customisation
    """How far the modules depart from the standard product: none, light or deep."""
    release_tolerance: ReleaseTolerance
    """How early the tenant wants a new release: eager, normal or cautious."""
    orders_per_day: Count
    """Orders on an ordinary day, all channels together."""
    peaks: Annotated[tuple[Peak, ...], Field(max_length=50)] = ()
    """The tenant's busy seasons."""
    integrations: Annotated[tuple[Slug, ...], Field(max_length=50)] = ()
    """Systems outside that the shop calls, by the names that the environment gives them."""

    tier: Tier
    """How much is the tenant's own: shared, hybrid or dedicated."""
    cell: CellId
    """Where the tenant's database stands. It is chosen once; another cell means moving the data."""
    ring: RingNumber
    """When the tenant gets a release: 0 canary, 1 early, 2 general, 3 guarded."""
    calendar: Slug | None = None
    """The calendar that says when no release may start: the name of a file in calendars/."""
    state: TenantState = TenantState.ACTIVE
    """active, suspended, archived or purged."""
    final_backup: FinalBackup | None = None
    """The last backup of a tenant that leaves."""
    purge: Title | None = None
    """Confirms a purge: the tenant's id and the day on which it is applied."""
    overrides: Overrides = Overrides()
    """Departures from the tier's sizes."""
    waivers: Annotated[tuple[Waiver, ...], Field(max_length=50)] = ()
    """Exceptions to rules."""

    @property
    def preset(self) -> TierPreset:
        """The tier's preset with this tenant's overrides applied: the sizes that it really gets."""
        return overridden(TIERS[self.tier], self.overrides)

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.overrides.model_fields_set:
            refuse_misfits(self.preset)
        return self


class TenantSpec(TenantFile):
    """A tenant: its file's content and its id."""

    id: TenantId
    """The name of the tenant's file, without ``.yaml``."""

    @model_validator(mode="after")
    def _leaves_in_order(self) -> Self:
        if self.state is not TenantState.ACTIVE or self.final_backup or self.purge:
            refuse_disorder(
                Leaving(
                    tenant=self.id,
                    state=self.state,
                    final_backup=self.final_backup,
                    purge=self.purge,
                    retention=RETENTION[TIERS[self.tier].backup_class],
                )
            )
        return self
