"""Describe the product to other programs: its tables with their columns, and its mesh files."""

from pathlib import Path

from cxrfactory.products.accounts import EXCLUDED, REJECTED
from cxrfactory.products.described import DescribedFiles, DescribedTable, Description
from cxrfactory.tables.hearts import HEART_MASKS, HEART_ROWS, HEART_SLICES
from cxrfactory.tables.parquet import stored_rows

_PARTS = {
    "lv": "the left ventricle's cavity",
    "lv_myocardium": "the left ventricle's wall",
    "rv": "the right ventricle's cavity",
    "la": "the left atrium",
    "ra": "the right atrium",
    "aorta": "the ascending aorta",
    "pulmonary_artery": "the pulmonary trunk",
}
COLUMNS = {
    "case_id": "Case.",
    "patient_id": "Patient; a patient may have several cases.",
    "release": "Source of the cases.",
    "frame": "Time of the cardiac cycle: ED (end-diastole), ES (end-systole), or the number of the frame from 0.",
    "views": "Views that the case has: sax (short axis), 2ch, 3ch, 4ch.",
    "slices": "Number of short-axis slices.",
    "vertices": "Nodes x0, y0, z0, x1, ... in mm, patient coordinates of DICOM; the nodes of template.npz.",
    "std_mm": "Standard deviation of each node over latent samples, mm: root of the sum of the three variances.",
    "mean_std_mm": "Mean of std_mm over the nodes.",
    **{f"{name}_ml": f"Volume within the closed surface of {text}, ml." for name, text in _PARTS.items()},
    "lv_mass_g": "Mass of the left ventricle's wall: its volume times 1.05 g/ml.",
    **{
        f"{side}_{name}": f"{text} of the {where} ventricle; empty if the case lacks the frame ED or ES."
        for side, where in (("lv", "left"), ("rv", "right"))
        for name, text in (
            ("edv_ml", "End-diastolic volume in ml"),
            ("esv_ml", "End-systolic volume in ml"),
            ("ef_percent", "Ejection fraction in percent"),
        )
    },
    "smallest_jacobian": "Smallest scaled Jacobian of the tetrahedra: 1 if regular, 0 or less if flat or turned.",
    "mean_jacobian": "Mean scaled Jacobian of the tetrahedra.",
    "flipped_tetrahedra": "Number of tetrahedra whose volume is not positive.",
    "flags": "Reasons to look at the mesh: flipped, uncertain, few_slices, no_long_axis, ef_implausible.",
    "slice": "Short-axis slice from 0 at the base to the apex; 0 for other views.",
    "part": "Part of the heart.",
    "view": "View of the slice: sax, 2ch, 3ch or 4ch.",
    "height": "Rows of the slice.",
    "width": "Columns of the slice.",
    "rle": "Mask: pairs of start and length, pixels counted from 1 row by row.",
    "area_mm2": "Area of the mask.",
    "origin_mm": "Position (x, y, z) of the centre of pixel [0, 0], mm.",
    "across": "Unit vector along increasing columns.",
    "down": "Unit vector along increasing rows.",
    "spacing_mm": "Distance of neighbouring pixels along a row and along a column, mm.",
    "thickness_mm": "Thickness of the slice, mm.",
    "png": "Grey values as 8-bit PNG, stretched to the slice's own percentiles 1 and 99.",
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
    purpose = "one case at one time of the cycle a row: mesh, volumes, quality."
    config = DescribedTable(
        "hearts", purpose, {"train": "hearts.parquet"}, HEART_ROWS, stored_rows(folder / "hearts.parquet")
    )
    tables = [
        DescribedTable(name, f"{text}.", {"train": f"{name}.parquet"}, schema, stored_rows(folder / f"{name}.parquet"))
        for name, text, schema in (
            ("masks", "one part in one slice a row", HEART_MASKS),
            ("slices", "one image plane of a case a row, with its place in the patient", HEART_SLICES),
        )
    ]
    files = [
        DescribedFiles("surfaces", "Surfaces for VTK and ParaView.", ["meshes/vtp/*.vtp"], "application/xml"),
        DescribedFiles("tetrahedra", "Tetrahedral meshes for simulation.", ["meshes/vtu/*.vtu"], "application/xml"),
        DescribedFiles("objects", "Surfaces as Wavefront OBJ, one group a part.", ["meshes/obj/*.obj"], "model/obj"),
        DescribedFiles("left-out", "Cases that are not here, and why.", [EXCLUDED, REJECTED], "text/csv"),
    ]
    return Description(
        title=title,
        summary="Meshes of hearts found in cardiac MR: four chambers, left ventricular wall and great vessels at "
        "end-diastole and end-systole, with volumes, masks and the uncertainty of every node.",
        kind="hearts",
        configs=[config],
        columns=COLUMNS,
        tables=tables,
        files=files,
        tags=("medical", "cardiac-mr", "mesh", "anatomy", "segmentation"),
    )
