"""Describe the product to other programs: its tables with their columns, and its files."""

from pathlib import Path

from cxrfactory.products.accounts import EXCLUDED, REJECTED
from cxrfactory.products.described import DescribedFiles, DescribedTable, Description
from cxrfactory.tables.parquet import stored_rows
from cxrfactory.tables.roots import (
    ROOT_LATERALS,
    ROOT_PICTURE_JPEGS,
    ROOT_PICTURE_MASKS,
    ROOT_PICTURES,
    ROOT_PLANTS,
    ROOT_ROW_EDGES,
    ROOT_ROW_NODES,
    ROOT_ROWS,
)

COLUMNS = {
    "image_id": "Plant at one time: PLATE/PLANT/PICTURE.",
    "picture_id": "Picture of a plate: PLATE/PICTURE.",
    "release": "Source of the plates.",
    "plate": "Plate.",
    "plant": "Plant of the plate, numbered from the left or named by the user.",
    "group": "Group of the plant; empty if none was given.",
    "frame": "Picture of the plate in the order of time, from 0.",
    "hours": "Hours since the plate's first picture.",
    "mm_per_pixel": "Scale; empty if it is unknown.",
    "main_length_px": "Length of the main root, pixels.",
    "laterals_length_px": "Length of all laterals together, pixels.",
    "total_length_px": "Length of all roots together, pixels.",
    "main_length_mm": "Length of the main root, mm; empty without a scale.",
    "laterals_length_mm": "Length of all laterals together, mm; empty without a scale.",
    "total_length_mm": "Length of all roots together, mm; empty without a scale.",
    "laterals": "Number of laterals.",
    "laterals_per_cm": "Laterals per cm of main root.",
    "main_share": "Length of the main root over that of all roots.",
    "hull_area_mm2": "Area of the convex hull of the root system, mm2.",
    "hull_width_mm": "Width of the root system, mm.",
    "hull_height_mm": "Height of the root system, mm.",
    "hull_aspect": "Height over width of the root system.",
    "laterals_per_hull_mm": "Length of the laterals over the area of the hull, mm/mm2.",
    "emergence_angle_deg": "Mean angle between laterals and main root at their bases, degrees.",
    "tip_angle_deg": "Mean angle of the line from base to tip of the laterals against straight down, degrees.",
    "flags": "Reasons to look at this plant at this time; empty for none.",
    "node": "Node of the graph; 0 is the seed.",
    "kind": "Kind of node: seed, bifurcation, main_tip or lateral_tip.",
    "root": "Name of the root: 1 is the main root, 1.1, 1.2, ... its laterals in the order of appearance.",
    "x": "Position, pixels from the left of the plate's first picture.",
    "y": "Position, pixels from the top of the plate's first picture.",
    "edge": "Piece of root between two nodes.",
    "start": "Node nearer to the seed.",
    "end": "Node nearer to the tip.",
    "length_px": "Length of the piece, pixels.",
    "points": "Points x0, y0, x1, y1, ... from start to end, pixels of the plate's first picture.",
    "emergence_frame": "First picture that shows the lateral.",
    "emergence_hours": "Hours of that picture since the plate's first one.",
    "base_px": "Length of the parent root from its start to the lateral's base, pixels.",
    "side": "Side of the parent on which the lateral grows, as the picture shows it.",
    "angle_deg": "Angle between lateral and parent at the base, degrees.",
    "last_length_px": "Length of the lateral in the last picture, pixels.",
    "seed_x": "Position of the seed, pixels from the left.",
    "seed_y": "Position of the seed, pixels from the top.",
    "left": "First column of the plant's region.",
    "top": "First row of the plant's region.",
    "right": "Column after the plant's region.",
    "bottom": "Row after the plant's region.",
    "source": "Whether the plant was given or found.",
    "time_source": "Where the time comes from: name of the file, exif, or interval between pictures.",
    "scale_source": "Where the scale comes from: given, qr, ruler or none.",
    "height": "Rows of the picture.",
    "width": "Columns of the picture.",
    "shift_x": "Pixels by which the picture is moved to the right to lie over the plate's first one.",
    "shift_y": "Pixels by which the picture is moved down to lie over the plate's first one.",
    "notes": "What was noticed about the picture.",
    "file": "Name of the picture's file.",
    "rle": "Mask of all roots: pairs of start and length, pixels counted from 1 row by row.",
    "jpeg": "Picture in the frame of the plate's first picture, as JPEG.",
}


def describe(folder: Path, title: str) -> Description:
    """Return the description of the product.

    Parameters
    ----------
    folder
        The product with its tables.
    title
        Heading of the card.
    """

    def table(name: str, purpose: str, schema: object) -> DescribedTable:
        path = f"{name}.parquet"
        return DescribedTable(name, purpose, {"train": path}, schema, stored_rows(folder / path))  # type: ignore[arg-type]

    files = [
        DescribedFiles("rsml", "Root systems as RSML, by time and over time.", ["rsml/*/*.rsml", "rsml/*/*/*.rsml"],
                       "application/xml"),
        DescribedFiles("graphml", "Root systems as GraphML.", ["graphml/*/*.graphml"], "application/xml"),
        DescribedFiles("growth", "Growth over time and comparison of groups.", ["growth/*.csv"], "text/csv"),
        DescribedFiles("left-out", "Pictures that are not here, and why.", [EXCLUDED, REJECTED], "text/csv"),
    ]  # fmt: skip
    present = [each for each in files if any(any(folder.glob(pattern)) for pattern in each.includes)]
    return Description(
        title=title,
        summary="Root systems of plants on plates over time: labelled graphs of main roots and laterals, traits, "
        "masks, RSML, growth and comparison of groups.",
        kind="roots",
        configs=[table("traits", "one plant at one time a row: lengths, laterals, hull, angles, flags.", ROOT_ROWS)],
        columns=COLUMNS,
        tables=[
            table("nodes", "one node of a plant's graph at one time a row.", ROOT_ROW_NODES),
            table("edges", "one piece of root at one time a row.", ROOT_ROW_EDGES),
            table("laterals", "one lateral over all its pictures a row.", ROOT_LATERALS),
            table("plants", "one plant a row.", ROOT_PLANTS),
            table("frames", "one picture of a plate a row.", ROOT_PICTURES),
            table("masks", "the roots of one picture a row.", ROOT_PICTURE_MASKS),
            table("pictures", "one picture of a plate a row, as JPEG.", ROOT_PICTURE_JPEGS),
        ],
        files=present,
        tags=("plant-roots", "phenotyping", "time-series", "graph", "segmentation"),
    )
