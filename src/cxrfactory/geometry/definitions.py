"""The definition of every measurement: what it is, in which unit, from which views, and where the rule comes from."""

from __future__ import annotations

from dataclasses import dataclass

FRONTAL, LATERAL = "frontal", "lateral"

_APPENDIX_B = "RadGenome-Anatomy, appendix B"
_HYBRIDGNET = "HybridGNet, section 5.6"
_OWN = "own rule, docs/measurements.md"
_DOME = "Burki and Krumpelman, 1980"


@dataclass(frozen=True)
class Definition:
    """What a measurement means.

    Attributes
    ----------
    name
        Key of the measurement.
    title
        Its name for a reader.
    unit
        ``ratio``, ``degree``, ``px``, ``px2``, ``px3`` or ``count``.
    views
        Views it is taken from: ``frontal``, ``lateral`` or both.
    sentence
        The rule in one or two sentences.
    source
        Where the rule comes from.
    """

    name: str
    title: str
    unit: str
    views: tuple[str, ...]
    sentence: str
    source: str


_FRONTAL = (
    (
        "ctr_columns",
        "Cardiothoracic ratio (column extents)",
        "ratio",
        "Columns from the leftmost to the rightmost pixel of the heart, over the same of both lungs together. The two "
        "ends of a width need not lie in one row.",
        _HYBRIDGNET,
    ),
    (
        "ctr_rows",
        "Cardiothoracic ratio (row widths, lungs)",
        "ratio",
        "Distance of the outermost pixels of the heart in a row, the largest over all rows, over the same of both "
        "lungs together.",
        _APPENDIX_B,
    ),
    (
        "ctr_rows_ribs",
        "Cardiothoracic ratio (row widths, lungs and rib cage)",
        "ratio",
        "The row-width ratio with lungs and ribs together as the thorax, where ribs were found.",
        _APPENDIX_B,
    ),
    (
        "ctr_landmarks",
        "Cardiothoracic ratio (landmarks)",
        "ratio",
        "Horizontal extent of the heart's landmarks over the horizontal extent of the landmarks of both lungs.",
        _HYBRIDGNET,
    ),
    (
        "heart_width",
        "Transverse cardiac width",
        "px",
        "Columns from the leftmost to the rightmost pixel of the heart.",
        _HYBRIDGNET,
    ),
    (
        "thoracic_width",
        "Thoracic width",
        "px",
        "Columns from the leftmost to the rightmost pixel of both lungs together.",
        _HYBRIDGNET,
    ),
    (
        "cardiac_area_ratio",
        "Cardiac area ratio",
        "ratio",
        "Area of the heart over the area of heart and lungs together. Pixels of both count once, so the ratio does not "
        "depend on whether lungs include the part behind the heart.",
        "Browne et al., 2004 (two-dimensional cardiothoracic ratio)",
    ),
    ("right_lung_area", "Area of the right lung", "px2", "Number of pixels of the right lung.", _OWN),
    ("left_lung_area", "Area of the left lung", "px2", "Number of pixels of the left lung.", _OWN),
    (
        "lung_area_ratio",
        "Left over right lung area",
        "ratio",
        "Area of the left lung over that of the right one.",
        _OWN,
    ),
    ("right_lung_height", "Height of the right lung", "px", "Rows from the apex to the lowest pixel.", _OWN),
    ("left_lung_height", "Height of the left lung", "px", "Rows from the apex to the lowest pixel.", _OWN),
    (
        "lung_height_ratio",
        "Left over right lung height",
        "ratio",
        "Height of the left lung over that of the right one.",
        _OWN,
    ),
    (
        "scd",
        "Spinal curvature deviation",
        "degree",
        "Deviation from straight at the apex: the angle between the line from the uppermost vertebra's centroid to the "
        "apex and the line from there to the lowest one. The apex is the centroid farthest from the chord of the two.",
        _APPENDIX_B,
    ),
    (
        "cobb_curve",
        "Cobb angle (centroid curve)",
        "degree",
        "Largest angle between two tangents of the smoothed curve through the vertebrae's centroids.",
        "Cobb, 1948; curve rule in docs/measurements.md",
    ),
    (
        "cobb_plates",
        "Cobb angle (end plates)",
        "degree",
        "Largest angle between the tilts of two vertebrae. A tilt is the mean of the lines fitted to the upper and the "
        "lower border of the vertebra's mask; without straight borders there is no value.",
        "Cobb, 1948; tilt of vertebrae as in AASCE 2019",
    ),
    (
        "right_diaphragm_dome",
        "Height of the right dome",
        "px",
        "Largest distance of the lung's lower border from the line between its two ends.",
        _DOME,
    ),
    ("left_diaphragm_dome", "Height of the left dome", "px", "The same on the left, beside the heart.", _DOME),
    (
        "right_diaphragm_curvature",
        "Curvature of the right dome",
        "ratio",
        "Height of the dome over the length of the line between the two ends of the lung's lower border.",
        _DOME,
    ),
    (
        "left_diaphragm_curvature",
        "Curvature of the left dome",
        "ratio",
        "The same on the left, beside the heart.",
        _DOME,
    ),
    (
        "diaphragm_difference",
        "Right dome above left dome",
        "px",
        "Rows by which the top of the right dome lies above the top of the left one; negative where it lies below.",
        _OWN,
    ),
    (
        "diaphragm_difference_ratio",
        "Right dome above left dome, over the thoracic width",
        "ratio",
        "The difference of the domes over the thoracic width.",
        _OWN,
    ),
    (
        "right_costophrenic_angle",
        "Right costophrenic angle",
        "degree",
        "Angle between the lung's lateral and lower border at its lowest lateral point, from straight lines over a "
        "tenth of the lung's height.",
        _OWN,
    ),
    ("left_costophrenic_angle", "Left costophrenic angle", "degree", "The same on the left.", _OWN),
    (
        "carina_angle",
        "Subcarinal angle",
        "degree",
        "Angle between the inner borders of the two main bronchi below the carina.",
        "Haskin and Goodman, 1982",
    ),
    (
        "aortic_knob_width",
        "Width of the aortic knob",
        "px",
        "Horizontal distance from the trachea's left border to the left border of the aortic knob.",
        "Rayner et al., 2004",
    ),
    (
        "aortic_knob_ratio",
        "Width of the aortic knob over the thoracic width",
        "ratio",
        "The width of the aortic knob over the thoracic width.",
        "Rayner et al., 2004",
    ),
    (
        "tracheal_deviation",
        "Deviation of the trachea",
        "px",
        "Largest horizontal distance of the trachea's middle from the line of the vertebrae's centroids, above the "
        "carina; positive towards the patient's left.",
        _OWN,
    ),
    (
        "tracheal_deviation_ratio",
        "Deviation of the trachea over the thoracic width",
        "ratio",
        "The deviation of the trachea over the thoracic width.",
        _OWN,
    ),
    (
        "clavicle_symmetry",
        "Symmetry of the clavicles",
        "ratio",
        "Distances of the clavicles' medial ends from the line of the vertebrae's centroids: left minus right over "
        "their sum. It is 0 for a patient who is not rotated.",
        _OWN,
    ),
    (
        "posterior_ribs",
        "Posterior ribs above the right diaphragm",
        "count",
        "Number of the lowest right rib whose posterior part crosses the middle of the right clavicle's column above "
        "the diaphragm.",
        _OWN,
    ),
    (
        "right_scapula_overlap",
        "Overlap of the right scapula",
        "ratio",
        "Share of the right lung's area that the right scapula covers.",
        _OWN,
    ),
    ("left_scapula_overlap", "Overlap of the left scapula", "ratio", "The same on the left.", _OWN),
)

_LATERAL = (
    (
        "kyphosis",
        "Thoracic kyphosis",
        "degree",
        "Angle between the tangents of the smoothed curve through the vertebrae's centroids at an upper and a lower "
        "thoracic level (T4 and T12, or their neighbours where these have no mask; the note names them). It is "
        "negative where the spine is convex to the front.",
        _APPENDIX_B,
    ),
    (
        "lateral_lung_area",
        "Area of the lungs, lateral view",
        "px2",
        "Number of pixels of both lungs together.",
        _OWN,
    ),
    (
        "lateral_lung_height",
        "Height of the lungs, lateral view",
        "px",
        "Rows from the apex to the lowest pixel of both lungs together.",
        _OWN,
    ),
    (
        "lateral_lung_depth",
        "Depth of the lungs, lateral view",
        "px",
        "Columns from the leftmost to the rightmost pixel of both lungs together.",
        _OWN,
    ),
)

_BOTH = (
    (
        "lung_volume_proxy",
        "Lung volume proxy",
        "px3",
        "Area of both lungs in the frontal view times that in the lateral view, over the mean of the two heights. Both "
        "views must have the same pixel size.",
        "after Harris et al., 1971",
    ),
)

DEFINITIONS: dict[str, Definition] = {
    name: Definition(name, title, unit, views, sentence, source)
    for views, rows in (((FRONTAL,), _FRONTAL), ((LATERAL,), _LATERAL), ((FRONTAL, LATERAL), _BOTH))
    for name, title, unit, sentence, source in rows
}
