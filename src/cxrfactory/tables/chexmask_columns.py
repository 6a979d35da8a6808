"""Columns of CheXmask tables: the published names, and those of our Parquet."""

from cxrfactory.anatomy.organs import ORGAN_COLUMNS

DICE_COLUMNS = ("Dice RCA (Mean)", "Dice RCA (Max)")
LANDMARK_COLUMNS = ("Landmarks", "Landmarks (Mean)", "Landmarks (Std)")
RLE_COLUMNS = tuple(ORGAN_COLUMNS.values())
SIZE_COLUMNS = ("Height", "Width")

# Columns of our Parquet only, if a calibration was used: the estimate of the true Dice and the ends of its interval.
ESTIMATE_COLUMNS = ("Dice estimate", "Dice low", "Dice high")

# Columns that a CheXmask table of any variant may hold, except the id column.
KNOWN_COLUMNS = (*DICE_COLUMNS, *LANDMARK_COLUMNS, *RLE_COLUMNS, *SIZE_COLUMNS, *ESTIMATE_COLUMNS)
# Id columns of the published tables and of copies of them.
PUBLISHED_IDS = ("image_id", "dicom_id", "ImageID", "Image Index", "Path", "imageid")

# Published columns after the id column, in their order.
PUBLISHED_COLUMNS = (*DICE_COLUMNS, "Landmarks", *RLE_COLUMNS, *SIZE_COLUMNS)

# Column of our Parquet (snake_case) -> column of a frame, with the published name or a name in its style. Columns that
# are not listed keep their Parquet name.
PARQUET_NAMES = {
    "dice_rca_mean": "Dice RCA (Mean)",
    "dice_rca_max": "Dice RCA (Max)",
    "dice_estimate": "Dice estimate",
    "dice_low": "Dice low",
    "dice_high": "Dice high",
    "landmarks": "Landmarks",
    **ORGAN_COLUMNS,
    "original_height": "Height",
    "original_width": "Width",
}

PREPROCESSED_SIDE = 1024  # pixels; the tables of CheXmask's folder Preprocessed/ have masks of 1024 x 1024 pixels
