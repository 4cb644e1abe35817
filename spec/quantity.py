"""Kubernetes quantities: reading, comparing and adding them without losing a digit."""

import math
import re
from decimal import Decimal
from typing import Final

_SUFFIXES: Final = {
    "m": Decimal("0.001"),
    "": Decimal(1),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50,
}

# Kubernetes also takes exponents and signs; nobody needs them in a tenant's file.
QUANTITY_PATTERN: Final = r"^[0-9]{1,15}(\.[0-9]{1,9})?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"
_SHAPE: Final = re.compile(QUANTITY_PATTERN, re.ASCII)
_SPLIT: Final = re.compile(r"([0-9.]+)([A-Za-z]*)\Z", re.ASCII)


def is_quantity(text: str) -> bool:
    """Say whether ``text`` is a quantity above zero, such as ``250m``, ``1.5`` or ``640Mi``."""
    return not text.endswith("\n") and _SHAPE.match(text) is not None and quantity_value(text) > 0


def quantity_value(text: str) -> Decimal:
    """Return a quantity in its base unit: cores for CPU, bytes for memory and storage.

    Raises:
        ValueError: ``text`` is not a quantity.

    """
    match = _SPLIT.match(text)
    if match is None or match[2] not in _SUFFIXES:
        message = f"{text!r} is not a Kubernetes quantity"
        raise ValueError(message)
    return Decimal(match[1]) * _SUFFIXES[match[2]]


def cpu_text(cores: Decimal) -> str:
    """Write ``cores`` as a quantity, rounded up to a thousandth of a core."""
    millicores = math.ceil(cores * 1000)
    return f"{millicores}m" if millicores % 1000 else str(millicores // 1000)


def memory_text(size: Decimal) -> str:
    """Write ``size`` bytes as a quantity, rounded up to a whole mebibyte."""
    mebibytes = math.ceil(size / (1 << 20))
    return f"{mebibytes}Mi" if mebibytes % 1024 else f"{mebibytes // 1024}Gi"
