"""What a cell bears and what its tenants take: tenants, storage and connections."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from spec.environment import CellSpec
from spec.quantity import memory_text, quantity_value
from spec.sizes import connections_of
from spec.tenant import TenantSpec
from spec.tiers import RESERVED_CONNECTIONS, TierPreset
from spec.vocabulary import TenantState


@dataclass(frozen=True, kw_only=True)
class Load:
    """Amounts of what a cell has: databases, bytes of databases, server connections."""

    tenants: int
    storage: Decimal
    connections: int

    def plus(self, other: "Load") -> "Load":
        """Return both together."""
        return Load(
            tenants=self.tenants + other.tenants,
            storage=self.storage + other.storage,
            connections=self.connections + other.connections,
        )

    def within(self, capacity: "Load") -> bool:
        """Say whether none of the amounts is above that of ``capacity``."""
        return not self.beyond(capacity)

    def beyond(self, capacity: "Load") -> tuple[str, ...]:
        """Return a clause with the numbers for each amount that is above that of ``capacity``."""
        clauses: list[str] = []
        if self.tenants > capacity.tenants:
            clauses.append(f"{self.tenants} tenants, and it holds {capacity.tenants}")
        if self.storage > capacity.storage:
            wanted, there = memory_text(self.storage), memory_text(capacity.storage)
            clauses.append(f"{wanted} of database storage, and it has {there}")
        if self.connections > capacity.connections:
            clauses.append(
                f"{self.connections} connections, and it has {capacity.connections} "
                f"({capacity.connections + RESERVED_CONNECTIONS} less {RESERVED_CONNECTIONS} kept back)"
            )
        return tuple(clauses)

    def share_of(self, capacity: "Load") -> Decimal:
        """Return the largest of the three amounts as a part of ``capacity``: 1 is full."""
        return max(
            Decimal(self.tenants) / capacity.tenants,
            self.storage / capacity.storage,
            Decimal(self.connections) / capacity.connections,
        )


NOTHING = Load(tenants=0, storage=Decimal(0), connections=0)


def capacity_of(cell: CellSpec) -> Load:
    """Return what a cell bears; connections without those that are kept back."""
    return Load(
        tenants=cell.max_tenants,
        storage=quantity_value(cell.storage),
        connections=cell.max_connections - RESERVED_CONNECTIONS,
    )


def load_of(tenant: TenantSpec, cell: CellSpec | None = None) -> Load:
    """Return what a tenant takes from its cell; without one, from a cell that states nothing of its own.

    A suspended or archived tenant takes as much as an active one: its data are there, and it may come back.
    A purged one takes nothing.
    """
    return NOTHING if tenant.state is TenantState.PURGED else preset_load(tenant.preset, cell)


def preset_load(preset: TierPreset, cell: CellSpec | None = None) -> Load:
    """Return what a tenant of these sizes takes from a cell."""
    storage = quantity_value(preset.database_storage)
    pool = 0 if cell is None else cell.web_pool
    return Load(tenants=1, storage=storage, connections=connections_of(preset.processes, pool))


def total(tenants: Sequence[TenantSpec], cell: CellSpec | None = None) -> Load:
    """Return what several tenants of a cell take together."""
    together = NOTHING
    for tenant in tenants:
        together = together.plus(load_of(tenant, cell))
    return together
