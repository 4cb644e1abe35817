"""The programs of the image, importable as they are inside it."""

import sys

import pytest

from local.state import ROOT

IMAGE = ROOT / "gitops" / "image"


@pytest.fixture(autouse=True)
def image(monkeypatch):
    monkeypatch.syspath_prepend(str(IMAGE))
    monkeypatch.syspath_prepend(str(IMAGE / "addons"))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] in {"programs", "storefleet_sessions"}]:
        del sys.modules[name]
