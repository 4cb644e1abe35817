"""The policy pack, as the engine starts it: `pulumi up --policy-pack policy`.

`PolicyPack` serves until the engine ends it, so nothing follows it, and nothing may import this module.
"""

import sys
from pathlib import Path

# The engine runs the pack from its own folder; rules are imported by the names the rest of the project uses.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pulumi_policy import EnforcementLevel, PolicyPack

from policy.adapter import policies
from policy.rules import RULES

PolicyPack(
    name="storefleet",
    policies=policies(RULES),
    # The SDK's default is advisory: a rule that forgot its level would stop nothing.
    enforcement_level=EnforcementLevel.MANDATORY,
)
