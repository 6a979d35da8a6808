"""Values that wrap round, because the header says signed for unsigned pixels or the reverse.

Nothing in such words contradicts the header. But where the true values pass the middle of their range, the read ones
jump from one end of the range to the other between neighbours, and would not do so with the other sign.
"""

import numpy as np
from jaxtyping import Integer

_ROWS = 4  # every fourth row is looked at
# A marker beside black jumps as well, but between few levels, in few rows.
_FEWEST_JUMPS, _FEWEST_LEVELS, _ROW_SHARE = 20, 4, 0.1
_LEFT_SHARE = 0.1  # of the jumps that pixels may make with the other sign
# With the other sign, jumps are small: half of them below this share of the range, and most of them as small as others
# (times their 95th percentile, and this many levels more).
_MEDIAN_SHARE, _SMOOTH_SHARE, _TIMES, _LEVELS = 0.125, 0.75, 2, 2


def wraps_round(values: Integer[np.ndarray, "rows columns"], bits: int, signed: bool) -> bool:
    """Return whether values of ``bits`` bits wrap round, so that the other sign would give a smooth picture.

    Parameters
    ----------
    values
        Stored values.
    bits
        Bits of a value.
    signed
        Whether the header says that they are signed. Unsigned values, which nearly all radiographs have, must show more
        clearly that they wrap round.
    """
    span = 1 << bits
    low, high = int(values.min()), int(values.max())
    if high - low <= span // 2:
        return False
    rows = values[::_ROWS].astype(np.int64 if bits > 30 else np.int32)
    jumps = np.abs(np.diff(rows, axis=1))
    far = jumps > span // 2
    count = int(np.count_nonzero(far))
    if count < _FEWEST_JUMPS or far.any(axis=1).mean() < _ROW_SHARE:
        return False
    with_other_sign = np.abs(np.diff((rows if low < 0 else rows + span // 2) % span, axis=1))
    if np.count_nonzero(with_other_sign > span // 2) > _LEFT_SHARE * count:
        return False
    small = with_other_sign[far]
    if np.median(small) > _MEDIAN_SHARE * span:
        return False
    if not signed:
        usual = float(np.quantile(jumps[~far], 0.95))
        if (small <= _TIMES * usual + _LEVELS).mean() < _SMOOTH_SHARE:
            return False
    pairs = np.stack([rows[:, :-1][far], rows[:, 1:][far]])
    return min(len(np.unique(pairs.max(axis=0))), len(np.unique(pairs.min(axis=0)))) >= _FEWEST_LEVELS
