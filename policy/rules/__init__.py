"""The rules of the pack, one module each. A new rule is a module with a `RULE` and a line in `RULES`."""

from typing import Final

from policy.frame import AnyRule
from policy.rules import (
    explicit_provider,
    image_digest,
    no_plaintext_secret,
    required_labels,
    resources_set,
    tenant_isolation,
)

RULES: Final[tuple[AnyRule, ...]] = (
    tenant_isolation.RULE,
    resources_set.RULE,
    image_digest.RULE,
    no_plaintext_secret.RULE,
    explicit_provider.RULE,
    required_labels.RULE,
)
