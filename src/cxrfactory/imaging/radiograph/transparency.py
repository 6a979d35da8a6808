"""What the alpha channel of a picture says: nothing, or where a picture that was cut out or turned has no pixels."""

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from cxrfactory.errors import ImageError

OPAQUE = 255
LARGEST_SHARE = 0.5  # of the picture; where more is transparent, the picture is a cut-out and no film


def transparent_border(
    alpha: UInt8[np.ndarray, "height width"], kind: str, notes: list[str]
) -> Bool[np.ndarray, "height width"] | None:
    """Return where a picture has no pixels by its alpha channel; None if it has pixels everywhere.

    The same alpha in all pixels says nothing about any of them. Otherwise each transparent part must reach the edge of
    the picture, as behind a film that was turned, cut out, or laid on a larger canvas.

    Parameters
    ----------
    alpha
        The alpha channel.
    kind
        Format of the file, for messages.
    notes
        Gets a line if the channel says anything.

    Raises
    ------
    ImageError
        If pixels inside the picture are transparent, or more than half of it is.
    """
    least, most = int(alpha.min()), int(alpha.max())
    if least == OPAQUE:
        return None
    if least == most and most > 0:
        notes.append(f"all pixels are equally transparent (alpha {most}); they are used as stored")
        return None
    empty = alpha < OPAQUE
    count, parts = cv2.connectedComponents(empty.astype(np.uint8), connectivity=8)
    edge = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    inside = count - 1 - len(np.setdiff1d(edge, [0]))
    share = float(empty.mean())
    if inside or share > LARGEST_SHARE:
        where = "inside the picture" if inside else f"in {share:.0%} of it"
        raise ImageError(f"{kind} with transparent pixels {where}; expected an opaque image, so save it without alpha")
    notes.append(f"its transparent border ({share:.1%} of the pixels) counts as no part of the image")
    return empty
