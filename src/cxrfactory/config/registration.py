"""How the registration network of RCA is trained."""

from pydantic import Field

from cxrfactory.config.sections import LocalPath, Section
from cxrfactory.config.train import SHAPES_DESCRIPTION


class RegistrationConfig(Section):
    """How the registration network of RCA is trained, on the CPU."""

    steps: int = Field(4000, ge=1, description="Number of training steps.")
    batch_size: int = Field(16, ge=4, description="Number of images in a training step.")
    partners: int = Field(3, ge=1, description="Number of images that each image of a step is registered onto.")
    learning_rate: float = Field(
        1e-3, gt=0, description="Peak learning rate of AdamW; it falls to zero along a cosine."
    )
    bending: float = Field(
        1.0, ge=0, description="Weight of the bending energy of the deformation field, measured on its grid cells."
    )
    similarity: float = Field(0.2, ge=0, description="Weight of the local correlation of the images.")
    shapes: LocalPath | None = Field(None, description=SHAPES_DESCRIPTION)
    validate_every: int = Field(500, ge=1, description="Number of steps between validations and checkpoints.")
    seed: int = Field(0, ge=0, description="Seed of the initial weights, choice of images and augmentation.")
    threads: int = Field(
        2,
        ge=1,
        description="Number of CPU threads; the last digits of the weights depend on it, so it is fixed here.",
    )
