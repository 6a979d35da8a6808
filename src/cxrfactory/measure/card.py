"""The card of a folder of measurements: what its files hold, and what was measured."""

from collections.abc import Sequence

from cxrfactory import __version__
from cxrfactory.config.measure import MeasureConfig
from cxrfactory.measure.summary import SUMMARY_COLUMNS

_FILES = (
    ("`measurements.parquet`", "one row an image and measurement: value, unit, interval, grade, structures, points"),
    ("`measurements.csv`", "the same rows; structures with `|` between them, points as `x,y x,y`"),
    ("`images.parquet`", "one row an image: view, size, side of a pixel in mm, counts, flags of quality"),
    ("`definitions.csv`", "each measurement in a sentence, with its source, its cut-points and their source"),
    ("`summary.csv`", "counts, mean, standard deviation, range and grades by dataset, view and measurement"),
    ("`rejected.csv`", "images that cannot be measured, each with its reason"),
    ("`SHA256SUMS`", "checksums of all files (`sha256sum -c SHA256SUMS`)"),
)
_SHOWN = ("dataset", "view", "measurement", "unit", "measured", "excluded", "mean", "sd")


def card_text(accounts: str, summary: Sequence[Sequence[str]], settings: MeasureConfig) -> str:
    """Return the text of ``README.md``.

    Parameters
    ----------
    accounts
        What became of the images, in words.
    summary
        Rows of the summary.
    settings
        Grades and intervals.
    """
    files = [row for row in _FILES if settings.csv or row[0] != "`measurements.csv`"]
    places = [SUMMARY_COLUMNS.index(name) for name in _SHOWN]
    interval = (
        f"Where the landmarks of an image have a standard deviation, `low` and `high` hold {settings.coverage:.0%} of "
        f"{settings.samples} random contours with these deviations. They describe the spread of the network and not "
        "its error."
        if settings.samples
        else "No intervals were asked for."
    )
    return "\n".join(
        [
            "# Measurements",
            "",
            f"Measured from masks by cxrfactory {__version__}; deterministic, nothing is learned. "
            f"{accounts[:1].upper()}{accounts[1:]}.",
            "",
            *_table(("file", "what it holds"), files),
            "",
            "Points are (x, y) in pixels of the image, with integers at pixel centres. Lengths and areas are in mm and "
            "mm² only where the product or the header of the image's file states the pixel size; otherwise they are in "
            "pixels. Right and left are the patient's. A measurement without a value says why in `excluded`. "
            f"{interval}",
            "",
            "Grades are steps on a scale and no diagnosis: `definitions.csv` names the cut-points and their source. "
            "`near_cut` marks values so near a cut-point that the adjacent grade is possible as well.",
            "",
            "## Measured",
            "",
            *_table(_SHOWN, [[row[place] for place in places] for row in summary]),
            "",
        ]
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
