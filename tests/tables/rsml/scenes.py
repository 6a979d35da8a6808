"""A scene that uses all that the format has, and files as other programs write them."""

import numpy as np

from cxrfactory.tables.rsml import (
    PropertyDefinition,
    RootScene,
    RsmlAnnotation,
    RsmlFunction,
    RsmlImage,
    RsmlMetadata,
    RsmlPlant,
    RsmlRoot,
    TimeSequence,
)


def full_scene() -> RootScene:
    """Return two plants with laterals of laterals, awkward numbers and awkward texts."""
    rng = np.random.default_rng(3)
    tip = RsmlRoot("1.1.1", "third", rng.normal(size=(2, 2)) * 1e-7, parent="1.1", depths=np.array([0.1, 2 / 3]))
    side = RsmlRoot("1.1", "lateral", np.array([[0.1, 0.2], [1 / 3, 1e8], [5e-324, -0.0]]), parent="1", roots=(tip,))
    marks = (RsmlAnnotation("a <b> & \"c\" 'd'", rng.normal(size=(3, 2)), "line\nline & <more>", "x"),)
    functions = (
        RsmlFunction("diameter", "polyline", np.array([1.5, 2e-9, 3.0])),
        RsmlFunction("length", "time", np.array([0.0, 1 / 3]), np.array([0.25, 1e-5]), "tip"),
    )
    main = RsmlRoot(
        "1",
        "primary\ttab",
        rng.normal(size=(40, 2)) * 1000,
        roots=(side,),
        functions=functions,
        properties=(("parent-node", "3"), ("note", "ä ö 根")),
        annotations=marks,
        accession="PO:0020127",
    )
    plants = (
        RsmlPlant("1", "barley", (main, RsmlRoot("2", "", np.eye(2))), (("dead", "false"),), marks),
        RsmlPlant("2", "", (RsmlRoot("1", "primary", np.eye(2)),)),
    )
    metadata = RsmlMetadata(
        version="1",
        unit="mm",
        resolution=1 / 0.0474,
        last_modified="2020-01-02T03:04:05",
        software="made",
        user="",
        file_key="key",
        image=RsmlImage("a.png", "2020-01-01T00:00:00", "ab"),
        time_sequence=TimeSequence("plate", 7, True),
        definitions=(PropertyDefinition("parent-node", "integer"), PropertyDefinition("dead", "boolean", "-", "false")),
    )
    return RootScene(metadata, plants, (("hours", "1.5"),), marks)


def rsml(scene: str, metadata: str = "", head: str = '<?xml version="1.0"?>\n') -> str:
    """Return the text of a file with the content of its scene and metadata."""
    return f"{head}<rsml><metadata>{metadata}</metadata><scene>{scene}</scene></rsml>"


def line(*points: tuple[float, float]) -> str:
    """Return a geometry with a polyline."""
    return f"<geometry><polyline>{_points(points)}</polyline></geometry>"


def spline(*points: tuple[float, float], tension: str = 'tension="0.5"') -> str:
    """Return a geometry with control points of RootNav."""
    inner = f'<rootnavspline controlpointseparation="50" {tension}>{_points(points)}</rootnavspline>'
    return f"<geometry>{inner}</geometry>"


def _points(points: tuple[tuple[float, float], ...]) -> str:
    return "".join(f'<point x="{x}" y="{y}"/>' for x, y in points)
