"""The addresses of a VPC's subnets: worked out from the VPC's alone, so that none ever moves.

The VPC is cut into eight equal blocks, one for each zone by its place in the region's list; the region with the
most zones has six. A zone's block is cut by the table below, in units of a thirty-second:

====================  =====  ================  =================================================
what                  units  in a /16          why so many
====================  =====  ================  =================================================
private               16     /20, 4,091 hosts  every pod has an address of its own
kept for more pods    8      /21               a second private tier, when the first is full
data                  2      /23, 507 hosts    caches, file systems, endpoints
public                2      /23, 507 hosts    load balancers and NAT gateways: few, but they grow
kept                  2 + 2  /23 each          tiers that nobody has thought of yet
====================  =====  ================  =================================================

A subnet's place depends on its tier and its zone and on nothing else: not on how many zones are in use, which
other tiers there are, or which pools. A tier added later takes a place that is kept, at the end of the table.
"""

import ipaddress
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

ZONE_BLOCKS: Final = 8
"""Blocks of a VPC: more than any region has zones."""
_ZONE_BITS: Final = 3
_UNIT_BITS: Final = 5


class SubnetTier(StrEnum):
    """What a subnet is for."""

    PRIVATE = "private"
    PODS = "pods"
    DATA = "data"
    PUBLIC = "public"


_PLACES: Final[Mapping[SubnetTier, tuple[int, int]]] = MappingProxyType(
    {
        SubnetTier.PRIVATE: (0, 16),
        SubnetTier.PODS: (16, 8),
        SubnetTier.DATA: (24, 2),
        SubnetTier.PUBLIC: (26, 2),
    }
)
"""Tier -> its first unit in the zone's block, and how many it has. Entries are added, never changed."""


def subnet_cidr(vpc: str, tier: SubnetTier, zone: int) -> str:
    """Return the addresses of one subnet.

    Args:
        vpc: the VPC's IPv4 range.
        tier: what the subnet is for.
        zone: the place of its zone in the region's list, from 0.

    Raises:
        ValueError: there is no block for the zone, or the VPC is too small to be cut.

    """
    network = ipaddress.IPv4Network(vpc)
    if not 0 <= zone < ZONE_BLOCKS:
        raise ValueError(f"a VPC has blocks for {ZONE_BLOCKS} zones, and none for number {zone}")
    unit_prefix = network.prefixlen + _ZONE_BITS + _UNIT_BITS
    if unit_prefix > 28:  # noqa: PLR2004 - AWS' smallest subnet
        raise ValueError(f"{vpc} is too small: its subnets would be smaller than AWS allows (/28)")
    first, units = _PLACES[tier]
    size = 2 ** (32 - unit_prefix)
    start = int(network.network_address) + (zone * 2**_UNIT_BITS + first) * size
    return str(ipaddress.IPv4Network((start, unit_prefix - (units.bit_length() - 1))))
