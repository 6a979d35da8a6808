"""Schemas of the tables that ``segment --anatomy`` writes: the films, and the masks of their structures.

Sizes and coordinates are pixels of the original image; points are (x, y) with integer coordinates at pixel centres.
"""

import pyarrow as pa

from cxrfactory.tables.schemas import MASKS

FILMS_FILE, MASKS_FILE = "films.parquet", "masks.parquet"
RELEASE = "films"  # the release that all films of a run belong to

FILMS = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("picture", pa.string(), nullable=False),  # 8-bit PNG of the film, relative to the folder
        pa.field("view", pa.string(), nullable=False),  # PA (all frontal films) or LL
        pa.field("view_from", pa.string(), nullable=False),  # given, stated, found or assumed
        pa.field("stated_view", pa.string()),  # view that the file states; null for none
        pa.field("height", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("row_mm", pa.float64()),  # distance of two rows and of two columns, mm; null where not stated
        pa.field("column_mm", pa.float64()),
        pa.field("structures", pa.int32(), nullable=False),  # masks that are not empty
        pa.field("trusted", pa.int32(), nullable=False),  # those of at least the confidence that counts as trusted
        pa.field("confidence", pa.float64()),  # mean over the masks that are outputs of the network; null for none
        pa.field("group", pa.int32(), nullable=False),  # row group of the film's masks; -1 for a film without any
        pa.field("notes", pa.string()),  # faults of the file that were tolerated; null for none
    ]
)

FILM_MASKS = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("view", pa.string(), nullable=False),
        pa.field("class_id", pa.int32()),  # class of the taxonomy; null for a structure outside it
        pa.field("name", pa.string(), nullable=False),
        pa.field("class_name", pa.string()),  # canonical name; null outside the taxonomy
        pa.field("system", pa.string()),
        pa.field("panel", pa.string(), nullable=False),  # overlay on which the structure is drawn
        pa.field("origin", pa.string(), nullable=False),  # "label" or "union"
        pa.field("score", pa.float64()),  # raw score, 0 to 1; null for an empty mask
        pa.field("confidence", pa.float64()),  # expected Dice; null for an empty mask
        pa.field("trusted", pa.bool_(), nullable=False),
        pa.field("validated", pa.string()),  # truth or plausible; null for a structure that is not validated
        *(MASKS.field(name) for name in MASKS.names[6:-1]),  # height to touches_border
    ]
)
