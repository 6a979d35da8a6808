"""Networks, how they are trained, and what is done with them."""

from typing import Literal

from pydantic import Field, model_validator

from cxrfactory.config.sections import Section, Share

SegmenterName = Literal[
    "hybridgnet",
    "fc",
    "pca",
    "multi-atlas",
    "unet",
    "unet-plus-plus",
    "attention-unet",
    "sa-unet",
    "res-cr-net",
    "unet-ht",
]


class ModelConfig(Section):
    """The segmenter."""

    segmenter: SegmenterName = Field("hybridgnet", description="registered name")
    graph: Literal["lungs", "lungs-heart", "lungs-heart-clavicles", "whole-lungs"] = Field(
        "lungs-heart", description="organs; whole-lungs include the part behind the heart"
    )
    input_size: int = Field(128, ge=32, multiple_of=32, description="side of the network's input, a multiple of 32")
    igsc: list[int] = Field(
        [4, 3], max_length=2, description="encoder blocks of the skip connections: two, one or none"
    )
    latent: int = Field(64, ge=1, description="size of the latent code")
    normalise: Literal["none", "equalise"] = Field(
        "none", description="grey values to the network: as they are, or equalised with the polarity set"
    )
    passes: int = Field(
        3, ge=0, le=9, description="how often the last stage corrects its landmarks; 0 for the published network"
    )


class TrainConfig(Section):
    """How to train; the paper's values stand in docs/training.md."""

    epochs: int = Field(220, ge=1, description="passes over the training images")
    batch_size: int = Field(8, ge=2, description="images a step; a batch holds one kind of labels")
    learning_rate: float = Field(7e-4, gt=0, description="peak rate of AdamW")
    weight_decay: float = Field(1e-5, ge=0, description="of AdamW")
    schedule: Literal["cosine", "step"] = Field("cosine", description="cosine to zero, or steps")
    step_factor: float = Field(0.9, gt=0, le=1, description="factor of the step schedule")
    step_epochs: int = Field(100, ge=1, description="epochs between its steps")
    loss: Literal["dice-cross-entropy", "tanimoto"] = Field("dice-cross-entropy", description="loss of pixel models")
    landmark_loss: Literal["contour", "squared"] = Field(
        "contour", description="loss of landmark models: distances across and along the contour, or squared errors"
    )
    kl_weight: float = Field(1e-5, ge=0, description="weight of the variational term")
    dense_weight: float = Field(
        0.02, ge=0, description="weight of masks taught to the encoder's maps of landmark models; 0 for none"
    )
    rotation_degrees: float = Field(5.0, ge=0, le=45, description="largest rotation")
    scale: float = Field(0.25, ge=0, lt=1, description="largest relative change of width and height")
    shift: Share = Field(0.08, description="largest shift, share of the side")
    gamma_low: float = Field(0.6, gt=0, description="smallest gamma")
    gamma_high: float = Field(1.4, gt=0, description="largest gamma")
    appearance: Share = Field(0.25, description="chance of each of contrast, curve, shading, blur, noise, marks")
    shapes: str | None = Field(
        None, description="landmark set (RL/, LL/, H/, clinical.csv) towards whose shapes half of the images are bent"
    )
    average: float = Field(0.99, ge=0, lt=1, description="decay of the running average of the weights; 0 for none")
    precision: Literal["fp32", "bf16"] = Field("bf16", description="bf16 is mixed precision")
    validate_every: int = Field(50, ge=1, description="epochs between validations and checkpoints")
    patience: int | None = Field(
        None, ge=1, description="validations without a better mean Dice that end the run; none: never, last weights"
    )
    balance: Literal["none", "source", "class"] = Field(
        "none", description="repeat, within an epoch, images of smaller sources, or of smaller classes"
    )
    classes: str | None = Field(None, description="CSV of image_id and class; goes with balance: class")
    seed: int = Field(0, ge=0, description="of initial weights, order and augmentation")
    threads: int = Field(2, ge=1, description="CPU threads; the weights' last digits depend on it, so it is fixed here")

    @model_validator(mode="after")
    def _gamma_range(self) -> "TrainConfig":
        if self.gamma_low > self.gamma_high:
            raise ValueError(f"gamma_low is {self.gamma_low}; expected at most gamma_high ({self.gamma_high})")
        return self

    @model_validator(mode="after")
    def _classes_of_balance(self) -> "TrainConfig":
        if (self.balance == "class") != (self.classes is not None):
            raise ValueError(
                f"balance is {self.balance}, classes {self.classes}; balance: class and classes go together"
            )
        return self


class RegistrationConfig(Section):
    """How to train the network that RCA registers images by."""

    steps: int = Field(4000, ge=1, description="training steps")
    batch_size: int = Field(16, ge=4, description="images a step")
    partners: int = Field(3, ge=1, description="images that each one of a step is registered onto")
    learning_rate: float = Field(1e-3, gt=0, description="peak rate of AdamW; cosine to zero")
    bending: float = Field(1.0, ge=0, description="weight of the bending energy, on the cells of the field")
    similarity: float = Field(0.2, ge=0, description="weight of the local correlation of the images")
    shapes: str | None = Field(
        None, description="landmark set (RL/, LL/, H/, clinical.csv) towards whose shapes half of the images are bent"
    )
    validate_every: int = Field(500, ge=1, description="steps between validations and checkpoints")
    seed: int = Field(0, ge=0, description="of initial weights, choice and augmentation")
    threads: int = Field(2, ge=1, description="CPU threads; the weights' last digits depend on it, so it is fixed here")


class _InferWeights(Section):
    weights: str | None = Field(
        None, description="Trained weights to use: a .safetensors file or pretrained; null trains a segmenter."
    )


class PredictConfig(Section):
    """How landmarks and their spread are predicted."""

    samples: int = Field(
        20, ge=2, description="Number of latent samples for the mean and standard deviation of the landmarks."
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="Numerical precision of the convolutions (fp32 or bf16)."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Device of inference and evaluation; auto takes CUDA where it is available."
    )
    batch_size: int = Field(16, ge=1, description="Number of images in one pass on CUDA.")


class SegmentConfig(PredictConfig):
    """How files and folders are segmented without the workflow."""

    check_orientation: bool = Field(
        True, description="Reject images that lie on their side or upside down; takes four times the time."
    )


class InferConfig(PredictConfig, _InferWeights):  # fields of the last base come first
    """Inference."""


class CompareConfig(Section):
    """Models that results/models trains, evaluates and audits side by side."""

    models: list[Literal[SegmenterName, "pretrained"]] = Field(
        ["hybridgnet", "unet"], min_length=1, description="names of model.segmenter; pretrained: of the package"
    )
    audit: bool = Field(True, description="also perturbations and occlusion: some 70 copies of every image a model")

    @model_validator(mode="after")
    def _once_each(self) -> "CompareConfig":
        if twice := next((name for name in self.models if self.models.count(name) > 1), None):
            raise ValueError(f"'{twice}' stands twice in models; name each once")
        return self
