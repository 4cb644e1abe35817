"""Images of the real node, made by one builder from one table, and named by digest."""

from local.node.images import table
from local.node.images.build import Built, build
from local.node.images.table import ANSWER, IMAGES, PAUSE, Image

__all__ = ["ANSWER", "IMAGES", "PAUSE", "Built", "Image", "build", "table"]
