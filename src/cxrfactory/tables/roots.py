"""Arrow schemas of the root tables: pictures and plants of plates, masks, graphs of root systems, and traits.

A plate is photographed many times. Positions are pixels (x, y) of the plate's first picture, from its top left corner,
with the centre of the first pixel at (0, 0); a later picture is shifted by (``shift_x``, ``shift_y``) to lie over the
first. Masks are indexed [row, column]. A plant's roots have names: ``1`` is the main root, ``1.1``, ``1.2``, ... are
its laterals in the order in which they were first seen, ``1.2.1`` is a lateral of a lateral. A name stays the same in
all pictures of a plate.
"""

import pyarrow as pa

NODE_KINDS = ("seed", "bifurcation", "main_tip", "lateral_tip")

# One picture of a plate, in the order of time.
ROOT_FRAMES = pa.schema(
    [
        pa.field("plate", pa.string(), nullable=False),
        pa.field("frame", pa.int32(), nullable=False),  # from 0 in each plate
        pa.field("path", pa.string(), nullable=False),
        pa.field("hours", pa.float64(), nullable=False),  # since the plate's first picture
        pa.field("time_source", pa.string(), nullable=False),  # name, exif, interval (frame * interval_minutes)
        pa.field("height", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("mm_per_pixel", pa.float64()),  # null: unknown, and lengths are in pixels
        pa.field("scale_source", pa.string(), nullable=False),  # given, qr, ruler or none
        pa.field("shift_x", pa.float64(), nullable=False),
        pa.field("shift_y", pa.float64(), nullable=False),
        pa.field("notes", pa.list_(pa.string()), nullable=False),  # such as gap_before, moved; empty for none
    ]
)

# One plant of a plate.
ROOT_PLANTS = pa.schema(
    [
        pa.field("plate", pa.string(), nullable=False),
        pa.field("plant", pa.string(), nullable=False),  # "1", "2", ... from the left, or as given
        pa.field("group", pa.string()),  # null: no group was given
        pa.field("seed_x", pa.float64(), nullable=False),
        pa.field("seed_y", pa.float64(), nullable=False),
        pa.field("left", pa.int32(), nullable=False),  # region of the plant: [top:bottom, left:right]
        pa.field("top", pa.int32(), nullable=False),
        pa.field("right", pa.int32(), nullable=False),
        pa.field("bottom", pa.int32(), nullable=False),
        pa.field("source", pa.string(), nullable=False),  # given or found
    ]
)

# A picture or a plate that cannot be used, and why.
ROOT_REJECTED = pa.schema(
    [
        pa.field("plate", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),  # empty for a whole plate
        pa.field("stage", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)

# The roots in one picture, all plants together.
ROOT_MASKS = pa.schema(
    [
        pa.field("plate", pa.string(), nullable=False),
        pa.field("frame", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field(
            "rle", pa.string(), nullable=False
        ),  # "start length ...", row by row, from 1; in the first picture's frame
    ]
)

# One node of a plant's graph at one time.
ROOT_NODES = pa.schema(
    [
        pa.field("plate", pa.string(), nullable=False),
        pa.field("plant", pa.string(), nullable=False),
        pa.field("frame", pa.int32(), nullable=False),
        pa.field("node", pa.int32(), nullable=False),  # from 0 in each plant and picture; 0 is the seed
        pa.field("kind", pa.string(), nullable=False),  # of NODE_KINDS
        pa.field(
            "root", pa.string(), nullable=False
        ),  # the root that ends here; of a bifurcation, the root that goes on
        pa.field("x", pa.float64(), nullable=False),
        pa.field("y", pa.float64(), nullable=False),
    ]
)

# One piece of a root between two nodes at one time.
ROOT_EDGES = pa.schema(
    [
        pa.field("plate", pa.string(), nullable=False),
        pa.field("plant", pa.string(), nullable=False),
        pa.field("frame", pa.int32(), nullable=False),
        pa.field("edge", pa.int32(), nullable=False),  # from 0, in the order from the seed to the tips, root by root
        pa.field("start", pa.int32(), nullable=False),  # node nearer to the seed
        pa.field("end", pa.int32(), nullable=False),
        pa.field("root", pa.string(), nullable=False),
        pa.field("length_px", pa.float64(), nullable=False),
        pa.field("points", pa.list_(pa.float64()), nullable=False),  # x0, y0, x1, y1, ... from start to end
    ]
)

# One plant at one time. Lengths in mm are null where the scale is unknown.
ROOT_TRAITS = pa.schema(
    [
        pa.field("plate", pa.string(), nullable=False),
        pa.field("plant", pa.string(), nullable=False),
        pa.field("group", pa.string()),
        pa.field("frame", pa.int32(), nullable=False),
        pa.field("hours", pa.float64(), nullable=False),
        pa.field("mm_per_pixel", pa.float64()),
        pa.field("main_length_px", pa.float64(), nullable=False),
        pa.field("laterals_length_px", pa.float64(), nullable=False),  # sum over all laterals
        pa.field("total_length_px", pa.float64(), nullable=False),
        pa.field("main_length_mm", pa.float64()),
        pa.field("laterals_length_mm", pa.float64()),
        pa.field("total_length_mm", pa.float64()),
        pa.field("laterals", pa.int32(), nullable=False),  # number
        pa.field("laterals_per_cm", pa.float64()),  # of the main root
        pa.field("main_share", pa.float64()),  # length of the main root over the total length; null without roots
        pa.field("hull_area_mm2", pa.float64()),
        pa.field("hull_width_mm", pa.float64()),
        pa.field("hull_height_mm", pa.float64()),
        pa.field("hull_aspect", pa.float64()),  # height over width
        pa.field("laterals_per_hull_mm", pa.float64()),  # length of the laterals over the hull's area, mm / mm2
        pa.field("emergence_angle_deg", pa.float64()),  # mean over laterals: between lateral and main root at the base
        pa.field("tip_angle_deg", pa.float64()),  # mean over laterals: line from base to tip against straight down
        pa.field("flags", pa.list_(pa.string()), nullable=False),  # reasons to look at this time; empty for none
    ]
)

# One lateral of one plant over all its pictures.
ROOT_LATERALS = pa.schema(
    [
        pa.field("plate", pa.string(), nullable=False),
        pa.field("plant", pa.string(), nullable=False),
        pa.field("group", pa.string()),
        pa.field("root", pa.string(), nullable=False),
        pa.field("emergence_frame", pa.int32(), nullable=False),  # first picture that shows it
        pa.field("emergence_hours", pa.float64(), nullable=False),
        pa.field("base_px", pa.float64(), nullable=False),  # length of the parent root from its start to the base
        pa.field("side", pa.string(), nullable=False),  # left or right of the parent as the picture shows it
        pa.field("angle_deg", pa.float64(), nullable=False),  # emergence angle, at the last picture
        pa.field("last_length_px", pa.float64(), nullable=False),
        pa.field("mm_per_pixel", pa.float64()),
    ]
)

# Tables of the product: a name for each plant and time ("PLATE/PLANT/00017") or picture ("PLATE/00017"), by which rows
# are found without reading the whole table, and the name of the plates' source.
PICTURE_DIGITS = 5


def _named(schema: pa.Schema, name: str) -> pa.Schema:
    first = [pa.field(name, pa.string(), nullable=False), pa.field("release", pa.string(), nullable=False)]
    return pa.schema([*first, *(field for field in schema if field.name != "path")])


ROOT_ROWS = _named(ROOT_TRAITS, "image_id")
ROOT_ROW_NODES = _named(ROOT_NODES, "image_id")
ROOT_ROW_EDGES = _named(ROOT_EDGES, "image_id")
ROOT_PICTURES = _named(ROOT_FRAMES, "picture_id").append(pa.field("file", pa.string(), nullable=False))
ROOT_PICTURE_MASKS = _named(ROOT_MASKS, "picture_id")

# The pictures themselves, in the frame of their plate's first picture.
ROOT_JPEGS = pa.schema(
    [
        pa.field("plate", pa.string(), nullable=False),
        pa.field("frame", pa.int32(), nullable=False),
        pa.field("jpeg", pa.binary(), nullable=False),  # 8-bit grey
    ]
)
ROOT_PICTURE_JPEGS = _named(ROOT_JPEGS, "picture_id")


def picture_id(plate: str, frame: int) -> str:
    """Return the name of one picture of a plate."""
    return f"{plate}/{frame:0{PICTURE_DIGITS}d}"


def plant_id(plate: str, plant: str, frame: int) -> str:
    """Return the name of one plant at one time."""
    return f"{plate}/{plant}/{frame:0{PICTURE_DIGITS}d}"
