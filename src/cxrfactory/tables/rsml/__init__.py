"""RSML, the exchange format of root systems: its content as objects, reading and writing, and GraphML beside it."""

from cxrfactory.tables.rsml.model import (
    PropertyDefinition,
    RootScene,
    RsmlAnnotation,
    RsmlFunction,
    RsmlImage,
    RsmlMetadata,
    RsmlPlant,
    RsmlRoot,
    TimeSequence,
    walk,
)
from cxrfactory.tables.rsml.read import read_rsml
from cxrfactory.tables.rsml.spline import spline_points
from cxrfactory.tables.rsml.units import mm_per_pixel
from cxrfactory.tables.rsml.write import rsml_text, write_rsml

__all__ = [
    "PropertyDefinition",
    "RootScene",
    "RsmlAnnotation",
    "RsmlFunction",
    "RsmlImage",
    "RsmlMetadata",
    "RsmlPlant",
    "RsmlRoot",
    "TimeSequence",
    "mm_per_pixel",
    "read_rsml",
    "rsml_text",
    "spline_points",
    "walk",
    "write_rsml",
]
