"""What masks are measured for: cut-points of the grades, intervals, limits of the flags, and what is read."""

import math
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cxrfactory.config.sections import LocalPath, Section

Cuts = Annotated[list[float], Field(min_length=3, max_length=3)]
KINDS = ("ctr", "cobb", "scd", "kyphosis")  # measurements that are graded; their keys and names begin with these


class MeasureConfig(Section):
    """Measurements of masks (results/measure): grades and their sources, intervals, limits of the flags."""

    ctr_cuts: Cuts = Field(
        [0.50, 0.55, 0.60],
        description="Cardiothoracic ratios from which a heart counts as mildly, moderately and severely enlarged.",
    )
    ctr_margin: float = Field(
        0.02, ge=0, description="A cardiothoracic ratio at most this far from a cut-point is marked near_cut."
    )
    ctr_source: str = Field(
        "0.50: Danzer 1919, and the CTR study of the CheXmask thesis. 0.55 and 0.60: equal steps, a convention.",
        description="Source of ctr_cuts, which is written beside the grades.",
    )
    cobb_cuts: Cuts = Field(
        [10.0, 25.0, 40.0],
        description="Cobb angles in degrees from which a scoliosis counts as mild, moderate and severe.",
    )
    cobb_margin: float = Field(
        3.0, ge=0, description="A Cobb angle at most this many degrees from a cut-point is marked near_cut."
    )
    cobb_source: str = Field(
        "10: the definition of scoliosis by the Scoliosis Research Society. 25 and 40: its range for bracing "
        "(Richards et al. 2005, Spine 30:2068).",
        description="Source of cobb_cuts, which is written beside the grades.",
    )
    scd_cuts: Cuts = Field(
        [5.0, 12.5, 20.0],
        description="Angles of deviation of the spine (SCD) in degrees from which a scoliosis counts as mild, moderate "
        "and severe.",
    )
    scd_margin: float = Field(
        1.5, ge=0, description="An SCD angle at most this many degrees from a cut-point is marked near_cut."
    )
    scd_source: str = Field(
        "Half of the cut-points of the Cobb angle: on a circular arc the deviation is half of the Cobb angle.",
        description="Source of scd_cuts, which is written beside the grades.",
    )
    kyphosis_cuts: Cuts = Field(
        [40.0, 55.0, 75.0],
        description="Thoracic kyphosis angles in degrees from which a kyphosis counts as mild, moderate and severe.",
    )
    kyphosis_margin: float = Field(
        3.0, ge=0, description="A kyphosis angle at most this many degrees from a cut-point is marked near_cut."
    )
    kyphosis_source: str = Field(
        "40: upper end of the usual range (Fon et al. 1980, AJR 134:979). 55 and 75: range for bracing in "
        "Scheuermann's kyphosis (Lowe and Line 2007, Spine 32:S115).",
        description="Source of kyphosis_cuts, which is written beside the grades.",
    )
    samples: int = Field(
        32,
        ge=0,
        le=1000,
        description="Number of random contours for the interval of each measurement, where the landmarks have a "
        "standard deviation; 0 gives no intervals.",
    )
    coverage: float = Field(0.9, gt=0, lt=1, description="Share of those contours that lies within the interval.")
    largest_asymmetry: float = Field(
        0.33,
        ge=0,
        description="An image is flagged as rotated if its symmetry of the clavicles differs from 0 by more than this; "
        "at 0.33 one clavicle is twice as far from the spine as the other.",
    )
    least_ribs: int = Field(
        8,
        ge=0,
        description="An image is flagged for poor inspiration if fewer posterior ribs lie above the right diaphragm.",
    )
    least_contact: float = Field(
        0.02,
        ge=0,
        description="An image is flagged as clipped if more of a lung lies on the border of the image than this share "
        "of the square root of its area.",
    )
    csv: bool = Field(True, description="Also write the measurements as CSV.")

    @model_validator(mode="after")
    def _cuts_ascend(self) -> "MeasureConfig":
        for name in KINDS:
            cuts = getattr(self, f"{name}_cuts")
            if not all(map(math.isfinite, cuts)) or any(one >= other for one, other in pairwise(cuts)):
                raise ValueError(f"{name}_cuts are {cuts}; expected three numbers in ascending order")
        return self


class MeasureInputConfig(Section):
    """What is measured: where films are, and what files of masks do not say themselves."""

    roots: list[str] | None = Field(
        None,
        description="Folders of the radiographs, each NAME=FOLDER with the dataset's name in the config, separated by "
        "commas; by default the folders in the product's config.yaml. Headers of DICOM files there give the pixel "
        "size.",
    )
    manifests: LocalPath | None = Field(
        None,
        description="Folder of the manifests, which hold the path and view of each image; by default the one beside "
        "the product.",
    )
    view: Literal["frontal", "PA", "AP", "LL"] = Field(
        "frontal", description="View of files of masks and of tables, which do not state it."
    )
    pixel_mm: float | None = Field(
        None,
        gt=0,
        le=10,
        description="Side of a pixel in mm, for tables and files of masks that do not state it and of which you know "
        "it; by default their lengths stay in pixels.",
    )
    legend: LocalPath | None = Field(
        None,
        description="Table of names for masks of several structures in one file: CSV with the columns value and name, "
        "label descriptions of ITK-SNAP, a colour table of 3D Slicer, or JSON. A value is a number, a colour such as "
        "#ff0000, or the name that a file has for the label; the name 'ignore' leaves a label out.",
    )
    axes: Literal["header", "columns-first", "rows-first"] = Field(
        "header",
        description="How NIfTI, NRRD and MetaImage files hold the picture: as their header says, or with columns (from "
        "left to right) or rows (from top to bottom) as the first stored axis, for files whose header does not say it.",
    )
