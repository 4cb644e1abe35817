"""The first process of a shop's container: what a pod that is told to end does before Odoo listens."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from local.state import ROOT

START = ROOT / "gitops" / "image" / "bin" / "storefleet-odoo"
OWN = ("unshare", "--user", "--map-root-user", "--pid", "--fork")
"""A namespace in which what is started is the first process, as in a container."""
SECONDS = 120


def possible():
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*OWN, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not possible(), reason="this machine gives nobody a namespace of processes")
def test_a_pod_that_is_told_to_end_while_python_starts_ends(tmp_path):
    started, python = tmp_path / "started", tmp_path / "python3"
    python.write_text(f"#!/bin/sh\ntouch {started}\nexec sleep {10 * SECONDS}\n")  # it has no handler yet
    python.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), str(Path(sys.executable).parent), os.environ["PATH"]])
    with subprocess.Popen([*OWN, str(START), "web"], env={"PATH": path}) as outside:
        try:
            until = time.monotonic() + SECONDS
            while not started.exists():
                assert time.monotonic() < until, "it did not start"
                time.sleep(0.05)
            (first,) = psutil.Process(outside.pid).children()
            first.send_signal(signal.SIGTERM)
            gone, _ = psutil.wait_procs([first], timeout=SECONDS)
            assert gone, (
                "the pod would be kept for the whole of its grace, and the way back would wait for it"
            )
        finally:
            for each in psutil.Process(outside.pid).children(recursive=True):
                each.kill()
