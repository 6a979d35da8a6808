"""Hearts: the virtual cohort of cardiac MR, the networks that learn from it, and the product results/hearts."""

from typing import Literal

from pydantic import Field, model_validator

from cxrfactory.config.sections import LocalPath, Section

HeartNetwork = Literal["multi-view", "single-view", "volume"]


class HeartsTemplateConfig(Section):
    """The template of the heart, whose nodes all meshes share."""

    edge_mm: float = Field(5.0, ge=2, le=10, description="Length in mm of the edges of the template's mesh.")


class HeartsCohortConfig(Section):
    """The virtual hearts that training and evaluation use."""

    train_patients: int = Field(
        240, ge=4, description="Number of virtual patients for training; each has the frames ED and ES."
    )
    test_patients: int = Field(48, ge=2, description="Number of virtual patients that no training sees.")
    shard_patients: int = Field(24, ge=1, description="Number of virtual patients of one job.")
    cohort_seed: int = Field(0, ge=0, description="Seed of the virtual patients; another seed gives other patients.")


class HeartsMeshesConfig(Section):
    """What is written of each mesh, and when a mesh is flagged."""

    stl: bool = Field(False, description="Also write the surface of each part as an STL file.")
    largest_std_mm: float = Field(
        3.0,
        gt=0,
        description="A mesh is flagged as uncertain if the mean standard deviation of its nodes over the latent samples "
        "is above this, in mm.",
    )
    least_slices: int = Field(
        6, ge=1, description="A mesh is flagged if its case has fewer short-axis slices than this."
    )


class HeartsInferConfig(Section):
    """How a network finds the mesh of a case."""

    samples: int = Field(
        16, ge=0, le=1000, description="Number of latent samples for the uncertainty of each node; 0 gives none."
    )
    batch_size: int = Field(
        8, ge=1, description="Number of cases that the network reads at once; the result does not depend on it."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "cpu", description="Device of training and inference; auto takes CUDA where it is available."
    )


class HeartsTrainConfig(Section):
    """How a network of hearts is trained."""

    epochs: int = Field(40, ge=1, description="Number of passes over the training cases.")
    learning_rate: float = Field(1e-3, gt=0, description="Peak learning rate.")
    seed: int = Field(0, ge=0, description="Seed of the initial weights, order of the cases and augmentation.")
    threads: int = Field(
        1,
        ge=1,
        description="Number of CPU threads; the last digits of the weights depend on it, so it is fixed here.",
    )


class HeartsConfig(HeartsMeshesConfig, HeartsInferConfig, HeartsTrainConfig, HeartsCohortConfig, HeartsTemplateConfig):
    """Hearts from cardiac MR views: virtual cohort, networks, meshes (results/hearts, on request)."""

    root: LocalPath | None = Field(
        None,
        description="Folder of cardiac MR (DICOM or NIfTI) whose hearts the product holds; null takes the virtual test "
        "patients.",
    )
    weights: LocalPath | None = Field(
        None, description="Trained weights (.safetensors) that draw the product; null trains them on virtual patients."
    )
    networks: list[HeartNetwork] = Field(
        ["multi-view", "single-view"],
        min_length=1,
        description="Networks that are trained and compared; the first draws the product.",
    )

    @model_validator(mode="after")
    def _once_each(self) -> "HeartsConfig":
        if twice := [name for name in self.networks if self.networks.count(name) > 1]:
            raise ValueError(f"'{twice[0]}' occurs twice in networks; give each once")
        return self
