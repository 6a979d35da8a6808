"""The test of a network of structures on real films (results/zero-shot)."""

from typing import Literal

from pydantic import Field

from cxrfactory.config.sections import LocalPath, Section


class ZeroShotTestConfig(Section):
    """How a network of structures is tested on real films."""

    count: int = Field(
        0,
        ge=0,
        description="Largest number of films of each table and folder, chosen by a hash of their ids; 0 takes all.",
    )
    sheet: int = Field(24, ge=0, description="Number of films of each folder that are drawn on a sheet.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "cpu", description="Device of the network; auto takes CUDA where it is available."
    )
    resamples: int = Field(2000, ge=1, description="Number of resamples of the bootstrap intervals.")
    seed: int = Field(0, ge=0, description="Seed of the bootstrap.")


class ZeroShotConfig(ZeroShotTestConfig):
    """The test of a network of structures on films that it was not trained on (results/zero-shot)."""

    weights: LocalPath | None = Field(
        "pretrained-anatomy",
        description="Weights of a pixel network of structures: a .safetensors file or pretrained-anatomy; null takes "
        "the first network of the section benchmark.",
    )
    tables: list[LocalPath] = Field(
        [],
        description="Preprocessed labelled tables (.parquet) with drawn masks or contours to compare with; by default "
        "the workflow's own.",
    )
    folders: list[LocalPath] = Field(
        [], description="Folders of films without truth, for plausibility and for looking."
    )
    spines: LocalPath | None = Field(
        None, description="Folder of frontal spine films with images/ and landmarks/, 68 corners of T1 to L5 each."
    )
