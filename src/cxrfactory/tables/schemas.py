"""Arrow schemas of the tables that stages exchange.

Sizes and coordinates are pixels; points are (x, y) with integer coordinates at pixel centres.
"""

from typing import Any

import pyarrow as pa

MANIFEST = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),  # image id of the release
        pa.field("path", pa.string()),  # relative to the release's root
        pa.field("patient_id", pa.string()),
        pa.field("study_id", pa.string()),
        pa.field("view", pa.string()),  # PA, AP, LL, ...: the release's value, normalised
        pa.field("sex", pa.string()),  # F, M, O or null
        pa.field("age", pa.float64()),  # years
        pa.field("findings", pa.string()),  # "|"-separated
        pa.field("included", pa.bool_(), nullable=False),
        pa.field("exclusion_reason", pa.string()),  # null where included
    ]
)

GEOMETRY_FIELDS = [
    pa.field("original_height", pa.int32(), nullable=False),
    pa.field("original_width", pa.int32(), nullable=False),
    pa.field("crop_top", pa.int32(), nullable=False),
    pa.field("crop_left", pa.int32(), nullable=False),
    pa.field("crop_height", pa.int32(), nullable=False),
    pa.field("crop_width", pa.int32(), nullable=False),
    pa.field("size", pa.int32(), nullable=False),
    pa.field("orientation", pa.int8()),  # 1 where the original is stored as displayed, else 2 to 8 as in EXIF
]
# Drawn masks of an image: names of regions (anatomy/regions.py) with 8-bit PNGs of the image's size, 0 outside, 255
# inside and 127 where nothing is known. An empty mask says that the region is absent; a region that is not in the list
# is not annotated.
REGIONS = pa.list_(pa.struct([pa.field("name", pa.string()), pa.field("png", pa.binary())]))
# Agreement of an organ's landmarks with the other answers of the network, each in [0, 1] (models/evidence.py).
EVIDENCE = pa.list_(
    pa.struct(
        [
            pa.field("organ", pa.string()),  # an organ of the graph, or lungs: both together
            pa.field("dense_dice", pa.float64()),
            pa.field("soft_dice", pa.float64()),
            pa.field("start_dice", pa.float64()),
            pa.field("shape_dice", pa.float64()),
        ]
    )
)
# Columns that a table of an earlier version lacks, with the value of all of their cells then, and its type.
OPTIONAL_COLUMNS = {
    "orientation": (1, pa.int8()),
    "regions": (None, REGIONS),
    "evidence": (None, EVIDENCE),
    "latent_norm": (None, pa.float64()),
    "mirrored": (None, pa.float64()),
    "view": (None, pa.string()),
}

IMAGES = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("png", pa.binary(), nullable=False),  # 8-bit grey PNG, size x size
        *GEOMETRY_FIELDS,
    ]
)

REJECTED = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("path", pa.string()),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)

LANDMARKS = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        # float32 [nodes * 2], x0, y0, x1, ... in the preprocessed frame (size x size of the geometry)
        pa.field("landmarks", pa.list_(pa.float32()), nullable=False),
        pa.field("landmarks_mean", pa.list_(pa.float32()), nullable=False),  # mean over latent samples, same order
        pa.field("landmarks_std", pa.list_(pa.float32()), nullable=False),  # standard deviation, same order, pixels
        pa.field("latent", pa.list_(pa.float32()), nullable=False),  # latent mean [64]
        *GEOMETRY_FIELDS,
        pa.field("evidence", EVIDENCE),  # null for a network without a dense head
        pa.field("latent_norm", pa.float64()),  # mean square of the latent mean; null where evidence is
    ]
)

SCORE_FIELDS = [
    pa.field("dice_rca_mean", pa.float64(), nullable=False),
    pa.field("dice_rca_max", pa.float64(), nullable=False),
    pa.field("lungs_mean", pa.float64(), nullable=False),
    pa.field("lungs_max", pa.float64(), nullable=False),
    pa.field("heart_mean", pa.float64()),  # null if the graph has no heart
    pa.field("heart_max", pa.float64()),
    # deep RCA only: 1 for images like those of the training, smaller for unusual images; the scores include this factor
    pa.field("typicality", pa.float64()),
    # Probability that the film is mirrored; a heart that lies on the right looks the same.
    pa.field("mirrored", pa.float64()),
]

RCA = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        *SCORE_FIELDS,
        pa.field("references", pa.list_(pa.string()), nullable=False),
    ]
)

# What is known of the person of a labelled image; null where nothing is.
PERSON_FIELDS = [
    pa.field("sex", pa.string()),  # F, M, O
    pa.field("age", pa.float64()),  # years
    pa.field("condition", pa.string()),  # diagnosis or group in the words of the release
]

# The labelled training set, one row per image; images may have different sets of organs.
LABELLED = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),  # image file
        pa.field("patient_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),  # JSRT, Montgomery, Shenzhen, Padchest, Virtual
        pa.field("labels", pa.string(), nullable=False),  # L, LH, LHC, W, H or C: code of the graph (anatomy/graph.py)
        pa.field("split", pa.string(), nullable=False),  # train or val
        *PERSON_FIELDS,
        # float32 [nodes * 2] in pixels of the image file: 44 + 50 (L, W), + 26 (LH), + 23 + 23 (LHC); 26 (H); 46 (C)
        pa.field("landmarks", pa.list_(pa.float32()), nullable=False),
    ]
)

# The labelled set after preprocessing, as training and RCA read it.
LABELLED_IMAGES = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("png", pa.binary(), nullable=False),  # 8-bit grey PNG, size x size
        *GEOMETRY_FIELDS,
        pa.field("patient_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("labels", pa.string(), nullable=False),  # as above, or M: drawn masks without landmarks
        pa.field("split", pa.string(), nullable=False),
        # float32 [nodes * 2] in the preprocessed frame; empty for M
        pa.field("landmarks", pa.list_(pa.float32()), nullable=False),
        pa.field("regions", REGIONS),  # null where nothing was drawn
        *PERSON_FIELDS,
    ]
)

# Such columns of the preprocessed labelled set alone; in other tables, these columns must be there.
OPTIONAL_PERSON_COLUMNS = {field.name: (None, field.type) for field in PERSON_FIELDS}

# A labelled table whose images have different views.
LABELLED_VIEWS = pa.schema([*LABELLED_IMAGES, pa.field("view", pa.string())])  # PA, AP, LL, ...; null if unknown

# A release of chest CT, one row per study.
SCANS = pa.schema(
    [
        pa.field("study_id", pa.string(), nullable=False),
        pa.field("patient_id", pa.string(), nullable=False),
        pa.field("release", pa.string(), nullable=False),
        pa.field("ct", pa.string()),  # file or DICOM folder, relative to the release's root
        pa.field("labels", pa.string()),  # one volume, or a folder with one file per structure
        pa.field("included", pa.bool_(), nullable=False),
        pa.field("exclusion_reason", pa.string()),  # null where included
    ]
)

# Masks of projected structures, one row per structure and view.
MASKS = pa.schema(
    [
        pa.field("study_id", pa.string(), nullable=False),
        pa.field("view", pa.string(), nullable=False),  # PA or LL
        pa.field("source_id", pa.int32()),  # value in the label volume; null for folders of files and for unions
        pa.field("class_id", pa.int32()),  # class of the taxonomy; null for a label outside it
        pa.field("name", pa.string(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),  # "label" or "union"
        pa.field("height", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("rle", pa.string(), nullable=False),  # "start length ...", row by row, from 1; empty for an empty mask
        pa.field("area_px", pa.int64(), nullable=False),
        pa.field("bbox_x", pa.int32()),  # box: left column, top row, columns, rows; null for an empty mask
        pa.field("bbox_y", pa.int32()),
        pa.field("bbox_width", pa.int32()),
        pa.field("bbox_height", pa.int32()),
        pa.field("centroid_x", pa.float64()),  # pixel centres at integers; null for an empty mask
        pa.field("centroid_y", pa.float64()),
        pa.field("touches_border", pa.bool_(), nullable=False),  # border of the picture
        pa.field("cut_off", pa.bool_(), nullable=False),  # reaches the outermost voxels of the scan or the labels
    ]
)

PROJECTIONS = pa.schema(
    [
        pa.field("study_id", pa.string(), nullable=False),
        pa.field("view", pa.string(), nullable=False),
        pa.field("png8", pa.binary(), nullable=False),  # scaled by the image's minimum and maximum
        pa.field("png16", pa.binary(), nullable=False),  # path integral times counts_per_unit of the study
    ]
)

STUDIES = pa.schema(
    [
        pa.field("study_id", pa.string(), nullable=False),
        pa.field("patient_id", pa.string(), nullable=False),
        pa.field("release", pa.string(), nullable=False),
        pa.field("size", pa.int32(), nullable=False),  # side of both images, px
        pa.field("pixel_mm", pa.float64(), nullable=False),
        pa.field("counts_per_unit", pa.float64(), nullable=False),  # 16-bit counts of a path integral of 1
        pa.field("structures", pa.int32(), nullable=False),  # labels with at least one voxel
        pa.field("notes", pa.string()),  # changes to the volumes; null for none
    ]
)


def optional_columns(schema: pa.Schema | None) -> dict[str, tuple[Any, pa.DataType]]:
    """Return the columns that a table of an earlier version may lack, each with the value and type of its cells then.

    Parameters
    ----------
    schema
        Schema of the table; None where it is not known.
    """
    images = schema is not None and set(LABELLED_IMAGES.names) - set(OPTIONAL_COLUMNS) <= set(schema.names)
    return OPTIONAL_COLUMNS | (OPTIONAL_PERSON_COLUMNS if images else {})
