"""The quality threshold that CheXmask recommends, in a module of its own that command lines can import quickly."""

RECOMMENDED_RCA_MEAN = 0.7  # use masks whose Dice RCA (Mean) is at least this (Gaggion et al., 2024)
