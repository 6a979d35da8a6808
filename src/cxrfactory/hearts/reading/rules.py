"""What the reader of hearts is told beyond the files."""

from dataclasses import dataclass

from cxrfactory.errors import CxrError

FRAMES = ("ends", "all")


@dataclass(frozen=True)
class HeartRules:
    """How an examination of a heart is read.

    Attributes
    ----------
    frames
        ``ends`` returns end-diastole and end-systole, ``all`` every time of the cycle as well.
    ed, es
        Number of the image at end-diastole and at end-systole, from 0 in the order of time; found by default: the
        first image after the R wave, and the smallest blood pool.
    trust_identity
        Whether a bare affine of a NIfTI file counts as a place in the patient.

    Raises
    ------
    CxrError
        If ``frames`` is another word, or a number is below 0.
    """

    frames: str = "ends"
    ed: int | None = None
    es: int | None = None
    trust_identity: bool = False

    def __post_init__(self) -> None:
        if self.frames not in FRAMES:
            raise CxrError(f"frames '{self.frames[:40]}'; expected one of {', '.join(FRAMES)}")
        for name, number in (("ed", self.ed), ("es", self.es)):
            if number is not None and number < 0:
                raise CxrError(f"{name} {number}; expected the number of an image, from 0")
