"""The committed stacks in AWS as the program declares them, with AWS and the cluster answering for themselves."""

import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from tests.components.recorder import Recorder, record

ROOT = Path(__file__).parents[2]
IN_AWS = ("dev", "staging", "production", "dr")


def answers_of(stack: str) -> Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]:
    """Return what AWS answers of a stack's account, where no cluster has been made yet."""
    content = yaml.safe_load((ROOT / f"stacks/Pulumi.{stack}.yaml").read_text(encoding="utf-8"))
    account = content["config"]["storefleet:environment"]["aws"]["account"]
    return {
        "aws:index/getCallerIdentity:getCallerIdentity": lambda args: {"accountId": account, "id": account},
        "aws:eks/getClusters:getClusters": lambda args: {"names": [], "id": "clusters"},
        "aws:secretsmanager/getSecretVersion:getSecretVersion": lambda args: {
            "secretString": '{"cache-password": "replicated"}'
        },
    }


def run_stack(stack: str, root: Path = ROOT) -> Recorder:
    """Run the program for a stack, on the project in `root`; no module is fetched for the charts of definitions."""
    with patch("components.operators.crds.prepare"):
        return record(
            lambda: runpy.run_path(str(root / "__main__.py")), stack=stack, answers=answers_of(stack)
        )
