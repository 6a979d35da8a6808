"""The quality that CheXmask recommends; light to import, because command lines show it as a default."""

RECOMMENDED_RCA_MEAN = 0.7  # use masks whose Dice RCA (Mean) is at least this (Gaggion et al., 2024)
