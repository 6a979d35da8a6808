"""Schemas of the tables in ``results/measure``."""

import pyarrow as pa

MEASUREMENTS_FILE, IMAGES_FILE = "measurements.parquet", "images.parquet"
POINT = pa.struct([pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64(), nullable=False)])

MEASUREMENTS = pa.schema(
    [
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("view", pa.string(), nullable=False),  # PA, AP, frontal or LL; PA+LL for a measurement of both
        pa.field("measurement", pa.string(), nullable=False),  # name in definitions.csv
        pa.field("value", pa.float64()),  # null where excluded
        pa.field("unit", pa.string(), nullable=False),  # ratio, degree, px, px2, mm, mm2, mm3, count
        pa.field("low", pa.float64()),  # interval; null where the landmarks have no standard deviation
        pa.field("high", pa.float64()),
        pa.field("grade", pa.string()),  # negative, mild, moderate or severe; null for a measurement without grades
        pa.field("near_cut", pa.bool_()),  # whether the adjacent grade is possible as well
        pa.field("excluded", pa.string()),  # why there is no value; null where there is one
        pa.field("note", pa.string(), nullable=False),  # such as "side: right; apex: T8"; empty for none
        pa.field("structures", pa.list_(pa.string()), nullable=False),
        pa.field("points", pa.list_(POINT), nullable=False),  # pixels of the image, pixel centres at integers
    ]
)

IMAGES = pa.schema(
    [
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("view", pa.string(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("pixel_mm", pa.float64()),  # side of a pixel; null where neither header nor product states it
        pa.field("measured", pa.int32(), nullable=False),  # measurements with a value
        pa.field("excluded", pa.int32(), nullable=False),  # measurements without one
        pa.field("rotated", pa.bool_()),  # null where it cannot be said
        pa.field("clipped", pa.bool_()),
        pa.field("poor_inspiration", pa.bool_()),
        pa.field("flag_reasons", pa.list_(pa.string()), nullable=False),  # a sentence for each raised flag
        pa.field("first_row", pa.int64(), nullable=False),  # of its measured + excluded rows in MEASUREMENTS_FILE
    ]
)
