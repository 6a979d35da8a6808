"""Arrow schemas of the heart tables: predicted meshes, rows of the product, and masks in the slices.

Positions are mm in the patient coordinates of DICOM (x to the left, y to the back, z to the head); masks are indexed
[row, column].
"""

import pyarrow as pa

# Parts of the heart in the order of their numbers in meshes.
PARTS = ("lv", "lv_myocardium", "rv", "la", "ra", "aorta", "pulmonary_artery")

# One case at one time of the cardiac cycle: its mesh and what was measured on it.
HEARTS = pa.schema(
    [
        pa.field("case_id", pa.string(), nullable=False),
        pa.field("patient_id", pa.string(), nullable=False),
        pa.field("frame", pa.string(), nullable=False),  # ED, ES or the number of the frame from 0
        pa.field("views", pa.list_(pa.string()), nullable=False),  # sax, 2ch, 3ch, 4ch: those that the case has
        pa.field("slices", pa.int32(), nullable=False),  # number of short-axis slices
        # float32 [nodes * 3], x0, y0, z0, x1, ...: the nodes of template.npz
        pa.field("vertices", pa.list_(pa.float32()), nullable=False),
        pa.field("std_mm", pa.list_(pa.float32()), nullable=False),  # of each node over latent samples
        pa.field("mean_std_mm", pa.float64(), nullable=False),
        # Volumes within the closed surfaces of the parts, at this time.
        *(pa.field(f"{name}_ml", pa.float64(), nullable=False) for name in PARTS),
        pa.field("lv_mass_g", pa.float64(), nullable=False),
        # Of the case's frames ED and ES; null if one of them is missing.
        pa.field("lv_edv_ml", pa.float64()),
        pa.field("lv_esv_ml", pa.float64()),
        pa.field("lv_ef_percent", pa.float64()),
        pa.field("rv_edv_ml", pa.float64()),
        pa.field("rv_esv_ml", pa.float64()),
        pa.field("rv_ef_percent", pa.float64()),
        # Scaled Jacobian of the tetrahedra: 1 for a regular one, 0 or less for a flat or turned one.
        pa.field("smallest_jacobian", pa.float64(), nullable=False),
        pa.field("mean_jacobian", pa.float64(), nullable=False),
        pa.field("flipped_tetrahedra", pa.int32(), nullable=False),
        pa.field("flags", pa.list_(pa.string()), nullable=False),  # reasons to look at the mesh; empty for none
    ]
)

# Rows of the product: those of all shards, with the name of the cases' source.
HEART_ROWS = HEARTS.insert(2, pa.field("release", pa.string(), nullable=False))

# One part in one slice; parts that a slice does not meet have no row.
HEART_MASKS = pa.schema(
    [
        pa.field("case_id", pa.string(), nullable=False),
        pa.field("frame", pa.string(), nullable=False),
        pa.field("view", pa.string(), nullable=False),  # sax, 2ch, 3ch or 4ch
        pa.field("slice", pa.int32(), nullable=False),  # of the short axis from 0 at the base; 0 for the others
        pa.field("part", pa.string(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("rle", pa.string(), nullable=False),  # "start length ...", row by row, from 1
        pa.field("area_mm2", pa.float64(), nullable=False),
    ]
)

# What a slice shows and where it lies; the position of pixel [row, column] is
# origin + column * spacing_x * across + row * spacing_y * down.
HEART_SLICES = pa.schema(
    [
        pa.field("case_id", pa.string(), nullable=False),
        pa.field("frame", pa.string(), nullable=False),
        pa.field("view", pa.string(), nullable=False),  # sax, 2ch, 3ch or 4ch
        pa.field("slice", pa.int32(), nullable=False),  # of the short axis from 0 at the base; 0 for the others
        pa.field("height", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("origin_mm", pa.list_(pa.float64(), 3), nullable=False),
        pa.field("across", pa.list_(pa.float64(), 3), nullable=False),
        pa.field("down", pa.list_(pa.float64(), 3), nullable=False),
        pa.field("spacing_mm", pa.list_(pa.float64(), 2), nullable=False),  # x, y
        pa.field("thickness_mm", pa.float64(), nullable=False),
        pa.field("png", pa.binary(), nullable=False),  # 8 bits, stretched to the slice's own percentiles 1 and 99
    ]
)
