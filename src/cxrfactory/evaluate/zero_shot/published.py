"""Zero-shot Dice that the RadGenome-Anatomy paper prints, for comparison (its section on real radiographs)."""

import pandas as pd

# Set and region as the paper names them, region of this study, Dice of XAnatomy, Dice of MedSAM.
ROWS = (
    ("SCR-JSRT", "left lung", "left_lung", 0.772, 0.781),
    ("SCR-JSRT", "right lung", "right_lung", 0.795, 0.885),
    ("SCR-JSRT", "heart", "heart", 0.765, 0.673),
    ("SCR-JSRT", "macro", "macro", 0.777, 0.779),
    ("Montgomery", "lungs", "lungs", 0.769, 0.700),
    ("CheXmask", "macro", "macro", 0.741, 0.613),
)


def beside(summary: pd.DataFrame) -> pd.DataFrame:
    """Put the paper's numbers beside those of each source for the same region.

    Sources are named freely, so every source is put beside every set of the paper that has the region; the reader
    compares those of the same films.
    """
    rows = []
    for paper, said, region, xanatomy, medsam in ROWS:
        for row in summary[summary["region"] == region].itertuples():
            rows.append(
                {"paper_set": paper, "paper_region": said, "xanatomy": xanatomy, "medsam": medsam, "source": row.source,
                 "films": row.films, "dice": row.dice, "dice_low": row.dice_low, "dice_high": row.dice_high}
            )  # fmt: skip
    columns = ["paper_set", "paper_region", "xanatomy", "medsam", "source", "films", "dice", "dice_low", "dice_high"]
    return pd.DataFrame(rows, columns=columns)
