"""Settings of the trainings of post-processing models, which have no section in the config file."""

from pydantic import Field

from cxrfactory.config.model import GraphName
from cxrfactory.config.sections import Section


class PostDaeModelConfig(Section):
    """The network of Post-DAE."""

    graph: GraphName = Field("lungs-heart", description="Landmark graph whose organs are corrected.")
    input_size: int = Field(64, ge=16, description="Side in pixels of the network's masks.")
    latent: int = Field(256, ge=1, description="Number of latent variables.")


class PostDaeConfig(PostDaeModelConfig):
    """How Post-DAE is trained."""

    steps: int = Field(3000, ge=20, description="Number of training steps.")
    batch_size: int = Field(16, ge=2, description="Number of masks in a training step.")
    learning_rate: float = Field(2e-3, ge=0, description="Peak learning rate; it falls to zero along a cosine.")
    seed: int = Field(0, ge=0, description="Seed of every random draw.")


class MaskLandmarksConfig(Section):
    """How the models behind mask-to-landmarks are trained."""

    steps: int = Field(1200, ge=1, description="Number of training steps for each organ.")
    seed: int = Field(0, description="Seed of the initial weights and the order of the contours.")
