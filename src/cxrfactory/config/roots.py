"""Roots: virtual plates, reading of plates, networks, graphs over time, and the product results/roots."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from cxrfactory.config.sections import LocalPath, Section

RootNetwork = Literal["unet", "resunet", "ds-resunet", "segnet", "deeplabv3"]


# Names of virtual plates begin with their group, or with the word for those that only training uses.
GROUPS = ("first", "second")
TRAINING = "train"


class RootsCohortConfig(Section):
    """The virtual plates that training and evaluation use."""

    plates: int = Field(3, ge=1, description="Number of virtual plates in each of the two groups.")
    training_plates: int = Field(3, ge=1, description="Number of further virtual plates that only training uses.")
    plants: int = Field(4, ge=1, le=8, description="Number of plants on a virtual plate.")
    frames: int = Field(60, ge=2, description="Number of pictures of a virtual plate.")
    interval_minutes: float = Field(
        180.0, ge=1, description="Minutes between pictures; also used where neither names nor EXIF give times."
    )
    plate_px: int = Field(
        800,
        ge=256,
        description="Side of the pictures of virtual plates, in pixels; their QR codes can be read from about 600 on.",
    )
    effect: float = Field(
        0.75, gt=0, description="Growth speed of the second group over that of the first; 1 makes the groups equal."
    )
    cohort_seed: int = Field(0, ge=0, description="Seed of the virtual plates; another seed gives other plants.")

    @property
    def compared_plates(self) -> list[str]:
        """Names of the virtual plates of the two groups."""
        return [f"{group}-{number}" for group in GROUPS for number in range(self.plates)]

    @property
    def learned_plates(self) -> list[str]:
        """Names of the virtual plates that only training uses."""
        return [f"{TRAINING}-{number}" for number in range(self.training_plates)]


class RootsScaleConfig(Section):
    """The scale of pictures of plates."""

    mm_per_pixel: float | Annotated[str, Field(pattern=r"^[0-9.,]+([eE][+-]?[0-9]+)?[A-Za-z/ ]*$")] | None = Field(
        None,
        description="Scale of all pictures: mm of a pixel, or a text such as '62 px/cm' or '600 dpi'; null finds it "
        "from a QR code, and else lengths are in pixels.",
    )
    qr_mm: float = Field(
        10.0, gt=0, description="Side of the QR code on the plates without the white around it, in mm."
    )

    @field_validator("mm_per_pixel", mode="before")
    @classmethod
    def _in_mm(cls, said: Any) -> float | None:
        from cxrfactory.tables.pixel_scale import mm_of_pixel

        try:
            return None if said is None else mm_of_pixel(said)
        except ValueError as error:
            raise ValueError(f"Input should be {error}") from error


class RootsReadConfig(RootsScaleConfig):
    """How plates are read."""

    series: bool = Field(
        True,
        description="Whether the pictures of a folder are one plate over time; false takes each as a plate of its own.",
    )
    most_shift_px: float = Field(
        40.0, ge=0, description="A picture that is shifted by more against the plate's first one is rejected."
    )


class RootsExamplesConfig(Section):
    """What networks of roots learn from."""

    shrink: int | None = Field(
        None,
        ge=1,
        le=16,
        description="Factor by which the sides of pictures are shrunk for the networks; null takes 1, and with "
        "labelled the factor that makes the roots about 4 pixels wide.",
    )


class RootsTrainConfig(Section):
    """How a network of roots is trained."""

    steps: int = Field(400, ge=1, description="Number of training steps.")
    patch_px: int = Field(128, ge=32, multiple_of=32, description="Side of the patches.")
    train_batch_size: int = Field(8, ge=1, description="Number of patches in a training step.")
    learning_rate: float = Field(4e-3, gt=0, description="Peak learning rate.")
    loss: Literal["cross-entropy", "dice", "both"] = Field(
        "both", description="Binary cross-entropy as in the paper, soft Dice, or their sum."
    )
    seed: int = Field(0, ge=0, description="Seed of the initial weights, the patches and augmentation.")
    threads: int = Field(
        2,
        ge=1,
        description="Number of CPU threads; the last digits of the weights depend on it, so it is fixed here.",
    )


class RootsFindConfig(Section):
    """How roots are found in a picture."""

    threshold: float = Field(0.5, gt=0, lt=1, description="Probability from which a pixel is root.")
    dark_roots: bool = Field(
        False,
        description="Whether the roots are darker than their ground, for a network that learned from bright roots: the "
        "pictures are inverted for it.",
    )
    crf: bool = Field(False, description="Refine the probabilities by a dense conditional random field.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "cpu", description="Device of training and inference; auto takes CUDA where it is available."
    )


class RootsSegmentConfig(RootsFindConfig):
    """How roots are segmented."""

    accumulate: float = Field(
        0.9, ge=0, lt=1, description="Share of the earlier pictures' evidence that is kept; 0 takes each by itself."
    )


class RootsLinesConfig(Section):
    """How the mask of a picture becomes lines."""

    main_roots: Literal["one", "several"] = Field(
        "one",
        description="Roots that begin at a seed: one for plants with a main root, such as Arabidopsis and rapeseed; "
        "several for those with seminal roots, such as barley.",
    )
    least_lateral_px: float | None = Field(
        None,
        gt=0,
        description="Length from which a lateral counts where the scale is unknown, in pixels from the middle of its "
        "parent; null takes 2.7 widths of the roots, and 8 at least. With a scale, it counts from 1 mm.",
    )


class RootsGraphConfig(RootsLinesConfig):
    """How masks become graphs."""

    most_tip_px_per_hour: float = Field(
        10.0,
        gt=0,
        description="A tip that moves faster between two pictures is flagged; pictures less than an hour apart count "
        "as an hour apart.",
    )
    rsml: bool = Field(
        True, description="Write RSML files: one for each plant and time, and one for each plant over time."
    )
    keep_pictures: bool = Field(
        True, description="Keep the pictures of the plates in the product, as grey JPEG; the browser shows them."
    )
    overlays: bool = Field(True, description="Write pictures of the graphs over each plate, and a video of them.")


class RootsConfig(
    RootsGraphConfig, RootsSegmentConfig, RootsTrainConfig, RootsExamplesConfig, RootsReadConfig, RootsCohortConfig
):
    """Roots on plates over time: virtual plates, networks, graphs, traits (results/roots, on request)."""

    root: LocalPath | None = Field(
        None,
        description="Folder with a folder of pictures for each plate, whose roots the product holds; null takes the "
        "virtual plates.",
    )
    plants_table: LocalPath | None = Field(
        None,
        description="Table (.csv) of plants: plate, plant, seed_x, seed_y and, if wanted, the region; null finds them.",
    )
    groups: LocalPath | None = Field(
        None,
        description="Table (.csv) of groups: plate, group and, if plants of a plate differ, plant; null: no groups.",
    )
    labelled: LocalPath | None = Field(
        None,
        description="Folder of pictures with RSML files of the same name to train on; null trains on virtual plates.",
    )
    weights: LocalPath | None = Field(
        None, description="Trained weights (.safetensors) that find the roots; null trains them."
    )
    networks: list[RootNetwork] = Field(
        ["unet"],
        min_length=1,
        description="Networks that are trained; the mean of their probabilities finds the roots.",
    )
    plate_shards: int = Field(8, ge=1, description="Number of jobs that the plates are shared among.")

    @model_validator(mode="after")
    def _once_each(self) -> "RootsConfig":
        if twice := [name for name in self.networks if self.networks.count(name) > 1]:
            raise ValueError(f"'{twice[0]}' occurs twice in networks; give each once")
        return self
