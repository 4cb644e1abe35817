"""The controller of Argo Rollouts on this machine, with analyses alone, as the catalogue of operators has it."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from components.operators.delivery import ANALYSES_ONLY
from local.controlplane.ports import free_port
from spec.naming import MONITORING

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@contextmanager
def controller(program: Path, kubeconfig: Path, log: Path) -> Generator[subprocess.Popen[bytes]]:
    """Run the controller for a cluster, and end it when the block is left."""
    command = [
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--namespace={MONITORING}",
        *ANALYSES_ONLY,
        "--leader-elect=false",
        f"--metricsPort={free_port()}",
        f"--healthzPort={free_port()}",
    ]
    with log.open("ab") as output:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            yield child
        finally:
            child.terminate()
            child.wait(60)
