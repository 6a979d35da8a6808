"""The benchmark of many networks on projected anatomy."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from cxrfactory.config.model import ModelConfig, SegmenterName
from cxrfactory.config.overrides import merged, overrides_of
from cxrfactory.config.sections import LocalPath, Section
from cxrfactory.config.studies import BootstrapConfig
from cxrfactory.config.train import TrainConfig

# Values of the benchmark's networks that differ from the sections model and train; the config may override them.
OWN_MODEL = {"input_size": 128, "organs": ["all"]}
OWN_TRAIN = {
    "epochs": 12,
    "batch_size": 8,
    "learning_rate": 2e-3,
    "average": 0.95,
    "loss": "batch-dice-cross-entropy",
    "precision": "fp32",
    "threads": 1,
}


class BenchmarkScoreConfig(Section):
    """How a network of the benchmark is scored on held-out images."""

    name: str = Field("model", description="Name of the model in the tables.")
    seed: int = Field(0, ge=0, description="Repeat of the training that the weights come from.")
    split: str = Field("val", description="Split of the labelled table whose images are scored.")
    tolerance_px: float = Field(
        2.0, ge=0, description="Tolerance of the normalised surface distance, pixels of the preprocessed images."
    )
    pixel_mm: float | None = Field(
        None, gt=0, description="Side of a pixel of the original images in mm, for distances in mm; null gives none."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "cpu", description="Device of the networks; auto takes CUDA where it is available."
    )


class BenchmarkTableConfig(BootstrapConfig):
    """How the scores of a benchmark are tabulated."""

    least_px: int = Field(
        200, ge=0, description="Structures of at least this mean area in pixels are also summarised by themselves."
    )


class BenchmarkConfig(Section):
    """The benchmark that trains and compares pixel networks on projected anatomy (results/benchmark)."""

    models: list[SegmenterName] = Field(
        ["unet", "attention-unet", "sa-unet"],
        min_length=1,
        description="Names of pixel networks, as in model.segmenter.",
    )
    seeds: list[int] = Field(
        [0], min_length=1, description="Repeats of each training; each starts from its own random weights."
    )
    labelled: LocalPath | None = Field(
        None,
        description="Preprocessed labelled table (.parquet) to train and test on; null labels the "
        "projected radiographs with all their structures.",
    )
    views: list[str] = Field(
        [],
        description="Views of the projected radiographs that are labelled, such as PA; an empty list takes every view.",
    )
    structures: list[str] = Field(
        [],
        description="Structures of the projected radiographs that are labelled, such as left rib 1; an empty list "
        "takes every structure that a source labels.",
    )
    findings: LocalPath | None = Field(
        None,
        description="CSV file with the column patient_id and a column of 0 and 1 for each finding; the scores are then "
        "also tabulated by finding.",
    )
    pixel_mm: float | None = Field(
        None,
        gt=0,
        description="Side of a pixel of the original images of benchmark.labelled in mm; those of the "
        "projected radiographs are known.",
    )
    tolerance_px: float = BenchmarkScoreConfig.model_fields["tolerance_px"]  # type: ignore[assignment]
    device: Literal["auto", "cpu", "cuda"] = BenchmarkScoreConfig.model_fields["device"]  # type: ignore[assignment]
    model: dict[str, Any] = overrides_of(
        ModelConfig, OWN_MODEL, "Overrides of the section model for the networks of the benchmark."
    )
    train: dict[str, Any] = overrides_of(
        TrainConfig, OWN_TRAIN, "Overrides of the section train for the trainings of the benchmark."
    )

    @field_validator("model", "train", mode="after")
    @classmethod
    def _own_defaults(cls, given: dict[str, Any], info: Any) -> dict[str, Any]:
        return (OWN_MODEL if info.field_name == "model" else OWN_TRAIN) | given

    @model_validator(mode="after")
    def _once_each(self) -> "BenchmarkConfig":
        for name in ("models", "seeds"):
            values = getattr(self, name)
            if twice := [value for value in values if values.count(value) > 1]:
                raise ValueError(f"'{twice[0]}' occurs twice in {name}; give each once")
        if (low := min(self.seeds)) < 0:
            raise ValueError(f"seeds has {low}; expected whole numbers of 0 or more")
        return self

    @model_validator(mode="after")
    def _own_sizes(self) -> "BenchmarkConfig":
        if self.pixel_mm is not None and self.labelled is None:
            raise ValueError("pixel_mm without labelled; those of the projected radiographs are known, so leave it out")
        return self

    def merged_model(self, model: ModelConfig) -> ModelConfig:
        """Return the settings of the networks: the section ``model`` with this section's overrides."""
        return merged(model, self.model, "benchmark.model")

    def merged_train(self, train: TrainConfig) -> TrainConfig:
        """Return the settings of the trainings: the section ``train`` with this section's overrides."""
        return merged(train, self.train, "benchmark.train")
