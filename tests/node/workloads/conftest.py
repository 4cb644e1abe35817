"""The platform on the one real node of these tests, put there once."""

from __future__ import annotations

import os

import pytest
from rich.console import Console

from local.node import images
from local.node.images import table
from local.progress import Progress
from tests.node.workloads import objects
from tests.node.workloads.platform import Platform, built, references

HERE = os.path.dirname(__file__)  # noqa: PTH120 - compared as text


def pytest_collection_modifyitems(items):
    if os.environ.get("STOREFLEET_NODE") == "real":
        return
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker(pytest.mark.skip(reason="STOREFLEET_NODE is not real: nothing runs in pods"))


@pytest.fixture(scope="session")
def shop(world, tmp_path_factory):
    """The operator, a cell with two instances, its cache and its pooler, and a tenant's processes."""
    progress = Progress(Console(force_terminal=False))
    made = built(progress)
    world.node.start(progress)  # another test may have ended it
    with progress.step("images into the node"):
        world.node.load(*made)
    platform = Platform(world.api, references(made), tmp_path_factory.mktemp("platform"))
    for title, step in (
        ("CloudNativePG's operator", platform.operator),
        ("a cell of two instances, its pooler and its cache", platform.start_cell),
        ("a tenant's processes", platform.start_tenant),
    ):
        with progress.step(title):
            step()
    return platform


@pytest.fixture(scope="session")
def store(shop, world):
    """An S3 store where the plans look for it, and the image of the jobs that use it."""
    progress = Progress(Console(force_terminal=False))
    for image in (table.STORE, table.RECOVERY):
        with progress.step(f"image {image.name}"):
            made = images.build(image, progress)
        world.node.load(made)
        shop.references[image.name] = made.reference
    with progress.step("an S3 store"):
        return objects.started(shop)
