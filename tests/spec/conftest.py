from collections.abc import Callable
from pathlib import Path

import pytest

from spec.loader import load_tenant
from spec.tenant import TenantSpec
from tests.spec.cases import BASELINE, INVALID

GOOD = (INVALID / BASELINE / "tenants/corner.yaml").read_text(encoding="utf-8")


@pytest.fixture
def tenant(tmp_path: Path) -> Callable[..., TenantSpec]:
    """Load the baseline's tenant with some of its text replaced, and some added at the end."""

    def load(*replacements: tuple[str, str], add: str = "", name: str = "corner") -> TenantSpec:
        text = GOOD
        for old, new in replacements:
            assert old in text, f"the baseline has no {old!r} to replace: the test would prove nothing"
            text = text.replace(old, new)
        path = tmp_path / f"{name}.yaml"
        path.write_text(text + add, encoding="utf-8")
        return load_tenant(path)

    return load
