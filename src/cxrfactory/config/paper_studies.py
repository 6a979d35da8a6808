"""The studies of the papers (results/study/NAME)."""

from typing import Literal

from pydantic import Field, model_validator

from cxrfactory.config.sections import LocalPath, Section


class StudyOptions(Section):
    """How the steps of a study run, as options of a command."""

    size: Literal["small", "full"] = Field(
        "small", description="small trains for minutes on a processor, full as the papers did, which needs a GPU."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "cpu", description="Device of trainings and models; auto takes CUDA where it is available."
    )
    threads: int = Field(
        2,
        ge=1,
        description="Number of CPU threads of a training; the last digits of the weights depend on it, so it is fixed "
        "here.",
    )
    seed: int = Field(0, ge=0, description="Seed of every training and random draw.")

    @property
    def small(self) -> bool:
        """Whether the study is to take minutes on a processor."""
        return self.size == "small"


class StudyRunConfig(StudyOptions):
    """How the steps of a study run."""

    pixel_mm: dict[str, float] = Field(
        {}, description="Side of a pixel of the image files in mm by source, where it is known; for distances in mm."
    )
    classes: LocalPath | None = Field(
        None,
        description="CSV file with columns image_id and class, such as tuberculosis or normal, for studies that "
        "balance classes; null balances sources.",
    )

    devices: LocalPath | None = Field(
        None,
        description="CSV file with columns image_id and device, such as pacemaker, of films that show one: the study "
        "devices trains without them and measures on them; null draws devices only.",
    )

    @model_validator(mode="after")
    def _sizes_above_zero(self) -> "StudyRunConfig":
        if small := next((name for name, side in self.pixel_mm.items() if not 0 < side < float("inf")), None):
            raise ValueError(f"pixel_mm of '{small}' is {self.pixel_mm[small]:g}; expected a size above 0, in mm")
        return self


class StudiesConfig(StudyRunConfig):
    """The studies of the papers, which compare networks and measures (results/study/NAME, on request)."""

    tables: list[LocalPath] = Field(
        [],
        description="Preprocessed labelled tables (.parquet) that the studies train and test on; by default the "
        "workflow's own.",
    )
