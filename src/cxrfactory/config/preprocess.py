"""How radiograph files are read and prepared."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from cxrfactory.config.sections import Section
from cxrfactory.errors import CxrError
from cxrfactory.imaging.vocabulary.words import Vocabulary, normalised

# A word of a table of words and its meaning; the pattern admits no sign that a shell or a wildcard could read.
Word = Annotated[str, Field(pattern=r"^[\w ./-]+=[A-Za-z_ ]+$")]


class ReadingLimits(Section):
    """Size limit of the images that are read."""

    max_megapixels: float = Field(100, gt=0, description="Larger images are rejected without being decoded.")


class ViewWordsConfig(Section):
    """Words of views that are added to those of the package."""

    view_words: list[Word] = Field(
        [],
        description="Words of views to add, each WORD=VIEW, such as TELE=PA; see docs/ingest.md. Used for tables and "
        "for DICOM headers.",
    )

    @field_validator("view_words")
    @classmethod
    def _views(cls, words: list[str]) -> list[str]:
        return _checked(words, view_words=tuple(words))


class ReadingConfig(ViewWordsConfig, ReadingLimits):
    """Conditions under which radiograph files are read."""

    burnt_in: Literal["reject", "keep"] = Field(
        "reject",
        description="What to do with DICOM objects whose header says that the pixels identify the patient (0028,0301); "
        "see docs/privacy.md. One of: reject, keep.",
    )
    body_part: Literal["check", "ignore"] = Field(
        "check",
        description="Whether a BodyPartExamined other than the chest refuses a DICOM object. One of: check, ignore "
        "(accepted with a note).",
    )
    body_part_words: list[Word] = Field(
        [], description="Words of body parts to add, each WORD=PART, such as CAJA=CHEST; see docs/ingest.md."
    )
    orientation: Literal["turn", "reject", "ignore"] = Field(
        "turn",
        description="What to do with films that their DICOM header or EXIF data call mirrored or turned; see "
        "docs/preprocess.md. One of: turn, reject, ignore.",
    )

    def reading_options(self) -> list[str]:
        """Return the command-line options of these conditions alone."""
        return self.options(*ReadingConfig.model_fields)

    @field_validator("body_part_words")
    @classmethod
    def _parts(cls, words: list[str]) -> list[str]:
        return _checked(words, body_part_words=tuple(words))


def _checked(words: list[str], **added: tuple[str, ...]) -> list[str]:
    """Return added words in the form of the tables; the error names the word."""
    try:
        Vocabulary(**added)
    except CxrError as error:
        raise ValueError(str(error)) from error
    return ["=".join(map(normalised, word.split("=", 1))) for word in words]


class PictureConfig(Section):
    """How a radiograph becomes a square image."""

    size: int = Field(1024, ge=64, le=4096, description="Side in pixels of the preprocessed image.")
    remove_borders: bool = Field(True, description="Crop uniform black or white borders.")
    equalise: bool = Field(False, description="Equalise the histogram of the whole image.")
    clahe_clip: float | None = Field(
        None,
        gt=0,
        description="CLAHE clip limit in the unit of the engine (opencv 2 to 4, skimage 0.01); null leaves CLAHE out.",
    )
    clahe_tiles: int = Field(8, ge=1, le=64, description="Number of CLAHE tiles on each side of an image.")
    clahe_engine: Literal["opencv", "skimage"] = Field(
        "opencv",
        description="CLAHE implementation. One of: opencv (clip limit in multiples of the mean bin), skimage (clip "
        "limit as a share of a tile's pixels).",
    )


class PreprocessConfig(ReadingConfig, PictureConfig):
    """Radiograph file to square 8-bit image."""
