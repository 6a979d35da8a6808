"""Settings of the training of a heart's network."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from cxrfactory.models.hybridvnet.losses import LossWeights
from cxrfactory.models.hybridvnet.network import NetworkSettings


@dataclass(frozen=True)
class HeartTraining:
    """How a heart's network is trained; the fields of the course are those of ``TrainConfig``.

    Attributes
    ----------
    model
        ``hybridvnet``, or ``pca`` for the baseline.
    network
        Sizes of the network.
    weights
        Weights of the terms of the loss.
    turn_degrees, shift_mm, scale
        Standard deviations of the random turn about the stack's normal, of the shift of the frame along each axis, and
        of the relative change of size along each axis.
    drop_views
        Probability that a long-axis view is left out of a training case.
    appearance
        Strength of random changes of grey values; 0 makes none.
    """

    model: Literal["hybridvnet", "pca"] = "hybridvnet"
    network: NetworkSettings = field(default_factory=NetworkSettings)
    weights: LossWeights = field(default_factory=LossWeights)
    epochs: int = 40
    batch_size: int = 4
    optimizer: Literal["adamw", "adam"] = "adamw"
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-5
    clip: float | None = 1.0
    schedule: Literal["cosine", "step"] = "cosine"
    step_factor: float = 0.99
    step_epochs: int = 1
    average: float = 0.98
    validate_every: int = 5
    patience: int | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    turn_degrees: float = 7.0
    shift_mm: float = 4.0
    scale: float = 0.04
    drop_views: float = 0.1
    appearance: float = 1.0
    seed: int = 0

    def recipe(self) -> dict[str, Any]:
        """Return all settings, by name."""
        return asdict(self)
