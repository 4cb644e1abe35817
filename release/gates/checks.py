"""What a gate asks about a tenant, layer by layer. The rules that answer are those of the monitoring."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Layer(StrEnum):
    """What a check is about. A release is good when all three are."""

    PLATFORM = "platform"
    APPLICATION = "application"
    BUSINESS = "business"


@dataclass(frozen=True, kw_only=True)
class Check:
    """A question about one tenant, answered by the series ``gate:check{tenant,layer,check}``: 1 yes, 0 no."""

    name: str
    layer: Layer
    question: str


def _checks(layer: Layer, questions: Mapping[str, str]) -> tuple[Check, ...]:
    return tuple(Check(name=name, layer=layer, question=text) for name, text in questions.items())


CHECKS: Final = (
    *_checks(
        Layer.PLATFORM,
        {
            "pods_ready": "Do the tenant's pods run, and do they not restart?",
            "database_up": "Does the database of its cell answer, and do its copies keep up?",
            "database_locks": "Does nobody wait long for a lock?",
            "backup_fresh": "Is the write-ahead log archived, and the last backup recent?",
            "cache_up": "Does the cache answer, with memory left?",
        },
    ),
    *_checks(
        Layer.APPLICATION,
        {
            "http_errors": "Are answers with a server error rare?",
            "http_latency": "Are answers quick?",
            "worker_saturation": "Are workers free?",
            "login_probe": "Can one log in?",
            "cron_lag": "Are scheduled actions on time?",
            "modules_settled": "Is no module left halfway by an update?",
            "queue_age": "Is the oldest waiting job young?",
        },
    ),
    *_checks(
        Layer.BUSINESS,
        {
            "order_success": "Do orders that are begun become orders?",
            "order_rate": "Are there as many orders as on the same weekday and hour before?",
            "order_sync_latency": "Do orders reach the systems behind in time?",
            "inventory_sync_age": "Are stock levels recent?",
            "checkout_errors": "Do checkouts end without errors?",
            "synthetic_order": "Does the order that a probe places arrive?",
        },
    ),
)
"""Every check that a gate waits for; one that is not answered holds it."""

BY_LAYER: Final[Mapping[Layer, tuple[Check, ...]]] = MappingProxyType(
    {layer: tuple(each for each in CHECKS if each.layer is layer) for layer in Layer}
)
