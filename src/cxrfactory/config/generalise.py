"""The study that leaves one source (hospital) out."""

from typing import Literal

from pydantic import Field, model_validator

from cxrfactory.config.sections import LocalPath, Section


class GeneraliseConfig(Section):
    """The study that trains without each source in turn and tests on it (results/generalise)."""

    tables: list[LocalPath] = Field(
        [],
        description="Preprocessed labelled tables (.parquet) to train and test on; by default the workflow's own. At "
        "least two sources are needed.",
    )
    sources: list[str] | Literal["all"] = Field(
        "all", description="Names of the sources to leave out in turn; all takes every source of the tables."
    )
    pixel_mm: dict[str, float] = Field(
        {}, description="Side of a pixel of the image files in mm by source, where it is known; for distances in mm."
    )

    @model_validator(mode="after")
    def _sources_once(self) -> "GeneraliseConfig":
        if self.sources == "all":
            return self
        if twice := next((name for name in self.sources if self.sources.count(name) > 1), None):
            raise ValueError(f"'{twice}' occurs twice in sources; name each once")
        if not self.sources:
            raise ValueError("sources is empty; expected names of sources, or all")
        return self

    @model_validator(mode="after")
    def _sizes_above_zero(self) -> "GeneraliseConfig":
        if small := next((name for name, side in self.pixel_mm.items() if not 0 < side < float("inf")), None):
            raise ValueError(f"pixel_mm of '{small}' is {self.pixel_mm[small]:g}; expected a size above 0, in mm")
        return self


class GeneraliseTestConfig(Section):
    """How a model is tested on the sources of labelled tables."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        "cpu", description="Device of the model; auto takes CUDA where it is available."
    )
    samples: int = Field(
        20, ge=0, description="Number of latent samples for the spread of a landmark network; 0 leaves it out."
    )
    worst: int = Field(12, ge=0, description="Number of the worst images of each source that are drawn.")
