"""How a segmenter is trained."""

from typing import Literal

from pydantic import Field, model_validator

from cxrfactory.config.sections import LocalPath, Section, Share

SHAPES_DESCRIPTION = (
    "Landmark set (RL/, LL/, H/, clinical.csv) towards whose shapes half of the training images are deformed; null "
    "deforms none."
)


class TrainConfig(Section):
    """How a segmenter is trained; docs/training.md lists the values of the papers."""

    epochs: int = Field(220, ge=1, description="Number of passes over the training images.")
    batch_size: int = Field(8, ge=2, description="Number of images in a training step.")
    optimizer: Literal["adamw", "adam"] = Field(
        "adamw",
        description="Optimiser: adamw keeps the weight decay apart from the gradient, adam adds it to the gradient as "
        "the papers do.",
    )
    learning_rate: float = Field(7e-4, gt=0, description="Peak learning rate.")
    weight_decay: float = Field(1e-5, ge=0, description="Weight decay.")
    clip: float | None = Field(
        1.0, gt=0, description="Largest norm of the gradient; a larger gradient is scaled down. null scales none."
    )
    schedule: Literal["cosine", "step"] = Field(
        "cosine", description="Schedule of the learning rate: cosine falls to zero, step falls in steps."
    )
    step_factor: float = Field(0.9, gt=0, le=1, description="Factor of the learning rate at each of those steps.")
    step_epochs: int = Field(100, ge=1, description="Number of epochs between those steps.")
    loss: Literal["dice-cross-entropy", "tanimoto", "batch-dice-cross-entropy"] = Field(
        "dice-cross-entropy",
        description="Loss of pixel models: dice-cross-entropy and tanimoto weigh every mask of every image alike, "
        "batch-dice-cross-entropy every organ of a batch (for many organs).",
    )
    landmark_loss: Literal["contour", "squared"] = Field(
        "contour",
        description="Loss of landmark models: contour measures distances across and along the contour, squared takes "
        "squared errors.",
    )
    kl_weight: float = Field(1e-5, ge=0, description="Weight of the Kullback-Leibler term of the variational loss.")
    dense_weight: float = Field(
        0.02,
        ge=0,
        description="Weight of the mask loss of landmark models: of the dense head of hybrid-unet, and for others of "
        "an auxiliary loss on the encoder's feature maps; 0 leaves it out.",
    )
    rotation_degrees: float = Field(5.0, ge=0, le=45, description="Largest random rotation in degrees.")
    scale: float = Field(0.25, ge=0, lt=1, description="Largest random relative change of width and of height.")
    shift: Share = Field(0.08, description="Largest random shift as a share of the image's side.")
    shear_degrees: float = Field(0.0, ge=0, le=30, description="Largest random shear in degrees.")
    mirror: Share = Field(
        0.0,
        description="Probability of each of two mirrorings, left to right and top to bottom; only for pixel networks "
        "whose regions have no side, such as lungs.",
    )
    padding: Literal["plain", "reflection"] = Field(
        "plain",
        description="What enters an image from outside when it is moved: plain takes black or the pixels of the "
        "border, reflection mirrors the image and its drawn masks at the border (only for regions as for mirror).",
    )
    gamma_low: float = Field(0.6, gt=0, description="Smallest random gamma.")
    gamma_high: float = Field(1.4, gt=0, description="Largest random gamma.")
    appearance: Share = Field(
        0.25, description="Probability of each random change of contrast, tone curve, shading, blur, noise and marks."
    )
    elastic: Share = Field(
        0.0, description="Largest standard deviation of a random smooth bend, as a share of the image's side."
    )
    anatomy: Share = Field(
        0.0, description="Probability that a lung's base rises or sinks and that the heart grows or shrinks."
    )
    opacities: Share = Field(0.0, description="Probability of bright areas in the lungs, such as consolidation.")
    shapes: LocalPath | None = Field(None, description=SHAPES_DESCRIPTION)
    average: float = Field(
        0.99, ge=0, lt=1, description="Decay of the exponential moving average of the weights; 0 uses no average."
    )
    precision: Literal["fp32", "bf16"] = Field(
        "bf16", description="Numerical precision; bf16 is mixed precision. One of: fp32, bf16."
    )
    validate_every: int = Field(50, ge=1, description="Number of epochs between validations and checkpoints.")
    patience: int | None = Field(
        None,
        ge=1,
        description="Number of validations without a better score (select) after which training stops; null trains all "
        "epochs and keeps the last weights.",
    )
    select: Literal["dice", "loss"] = Field(
        "dice",
        description="Score that chooses the weights with patience: mean validation Dice (dice) or validation loss "
        "(loss).",
    )
    balance: Literal["none", "source", "root", "class"] = Field(
        "none",
        description="Repeat images within an epoch so that sources (source) or classes (class) weigh alike; root goes "
        "half of the way for sources, by square roots.",
    )
    classes: LocalPath | None = Field(
        None, description="CSV file with columns image_id and class; required with balance class."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Device of the training; auto takes CUDA where it is available."
    )
    seed: int = Field(0, ge=0, description="Seed of the initial weights, image order and augmentation.")
    threads: int = Field(
        2,
        ge=1,
        description="Number of CPU threads; the last digits of the weights depend on it, so it is fixed here.",
    )

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

    @model_validator(mode="after")
    def _selection_needs_patience(self) -> "TrainConfig":
        if self.select == "loss" and self.patience is None:
            raise ValueError("select is loss, patience null; selection needs patience: give a number of validations")
        return self

    def tables(self) -> list[str]:
        """Return the files and folders that training reads besides the labelled images."""
        return [place for place in (self.classes, self.shapes) if place is not None]

    def recipe(self) -> dict[str, object]:
        """Return the settings that determine the weights, by name: all except the device."""
        return self.model_dump(exclude={"device"})
