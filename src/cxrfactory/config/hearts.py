"""Hearts: the virtual cohort of cardiac MR, the networks that learn from it, and the product results/hearts."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cxrfactory.config.sections import LocalPath, Section

HeartNetwork = Literal[
    "multi-view",
    "single-view",
    "volume",
    "published",
    "pca",
    "multi-view-no-deep",
    "multi-view-no-laplacian",
    "volume-no-tetrahedra",
]


class HeartsTemplateConfig(Section):
    """The template of the heart, whose nodes all meshes share."""

    edge_mm: float = Field(5.0, ge=2, le=10, description="Length in mm of the edges of the template's mesh.")


class HeartsCohortConfig(Section):
    """The virtual hearts that training and evaluation use."""

    patients: int = Field(360, ge=8, description="Number of virtual patients; each has the frames ED and ES.")
    shares: list[Annotated[int, Field(ge=1)]] = Field(
        [16, 1, 3],
        min_length=3,
        max_length=3,
        description="Relative shares of the patients for training, for its validation, and for the test that no "
        "training sees; they are met on average.",
    )
    shards: int = Field(8, ge=1, description="Number of jobs that make the virtual patients.")
    cohort_seed: int = Field(0, ge=0, description="Seed of the virtual patients; another seed gives other patients.")


class HeartsMeshesConfig(Section):
    """What is written of each mesh, and when a mesh is flagged."""

    stl: bool = Field(False, description="Also write the surface of each part as an STL file.")
    largest_std_mm: float = Field(
        3.0,
        gt=0,
        description="A mesh is flagged as uncertain if the mean standard deviation of its nodes over latent samples is "
        "above this, in mm.",
    )
    least_slices: int = Field(
        6, ge=1, description="A mesh is flagged if its case has fewer short-axis slices than this."
    )


class HeartsInferConfig(Section):
    """How a network finds the mesh of a case."""

    samples: int = Field(
        16, ge=0, le=1000, description="Number of latent samples for the uncertainty of each node; 0 gives none."
    )
    passes: int = Field(
        3, ge=1, le=10, description="Number of times that the mesh is found, each time about the mesh found before."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "cpu", description="Device of training and inference; auto takes CUDA where it is available."
    )


class HeartsTrainConfig(Section):
    """How a network of hearts is trained."""

    epochs: int = Field(16, ge=1, description="Number of passes over the training cases.")
    finder_epochs: int = Field(
        10, ge=1, description="Number of passes for the network that finds the heart in the whole stack."
    )
    train_batch_size: int = Field(4, ge=2, description="Number of cases in a training step.")
    learning_rate: float = Field(0.0015, gt=0, description="Peak learning rate.")
    kl_weight: float = Field(1e-5, ge=0, description="Weight of the divergence of the code from its prior.")
    deep_weight: float = Field(1.0, ge=0, description="Weight of the errors of the coarser levels (deep supervision).")
    laplacian_weight: float = Field(0.01, ge=0, description="Weight of the Laplacian regulariser of surfaces.")
    edge_weight: float = Field(0.0, ge=0, description="Weight of the regulariser of the edges' lengths.")
    normal_weight: float = Field(0.0, ge=0, description="Weight of the regulariser of the normals.")
    tetrahedra_weight: float = Field(
        1e-3, ge=0, description="Weight of the variance of a tetrahedron's edges; only the network volume has it."
    )
    drop_views: float = Field(
        0.1, ge=0, lt=1, description="Probability that a long-axis view is left out of a training case."
    )
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
    finder: LocalPath | None = Field(
        None, description="Weights of the network that finds the heart in the whole stack; goes with weights."
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

    @model_validator(mode="after")
    def _finder_of_weights(self) -> "HeartsConfig":
        if (self.weights is None) != (self.finder is None):
            raise ValueError("weights and finder go together; give both or neither")
        return self
