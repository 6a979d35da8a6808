"""The knobs of a training run, checked once."""

from dataclasses import asdict, dataclass, fields

from cxrfactory.errors import CxrError


@dataclass(frozen=True)
class TrainSettings:
    """How to train; defaults are a laptop's, the paper's values stand in ``docs/training.md``.

    Attributes
    ----------
    epochs
        Passes over the training images.
    batch_size
        Images a step; a batch holds one kind of labels.
    learning_rate, weight_decay
        Of AdamW.
    schedule
        ``cosine`` (to zero, after a short linear rise) or ``step`` (times ``step_factor`` every ``step_epochs``).
    kl_weight
        Weight of the variational term (1e-5 in the paper).
    rotation_degrees, gamma_low, gamma_high
        Augmentation as in the paper.
    shift
        Largest shift as a fraction of the side.
    appearance
        Chance for each of contrast curve, noise, blur, burnt-in mark, shading (0 for the paper's recipe).
    precision
        ``fp32`` or ``bf16`` (automatic mixed precision).
    seed
        Of initial weights, order and augmentation.
    validate_every
        Epochs between validations.
    average
        Decay of the running average of the weights; 0 for none. The average is what is validated and saved.
    """

    epochs: int = 100
    batch_size: int = 8
    learning_rate: float = 1e-3
    weight_decay: float = 1e-5
    schedule: str = "cosine"
    step_factor: float = 0.9
    step_epochs: int = 100
    kl_weight: float = 1e-5
    rotation_degrees: float = 3.0
    scale: float = 0.15
    shift: float = 0.05
    gamma_low: float = 0.6
    gamma_high: float = 1.4
    appearance: float = 0.0
    precision: str = "fp32"
    seed: int = 0
    validate_every: int = 10
    average: float = 0.99

    def __post_init__(self) -> None:
        if self.schedule not in ("cosine", "step"):
            raise CxrError(f"train schedule is '{self.schedule}'; expected 'cosine' or 'step'")
        if self.precision not in ("fp32", "bf16"):
            raise CxrError(f"train precision is '{self.precision}'; expected 'fp32' or 'bf16'")
        for name in ("epochs", "batch_size", "learning_rate", "validate_every", "step_epochs"):
            if getattr(self, name) <= 0:
                raise CxrError(f"train {name} is {getattr(self, name)}; expected a positive number")
        if not 0 < self.gamma_low <= self.gamma_high:
            raise CxrError(f"train gamma range is {self.gamma_low} to {self.gamma_high}; expected 0 < low <= high")

    def as_dict(self) -> dict:
        """Plain values, for the weights card."""
        return asdict(self)


SETTING_NAMES = tuple(each.name for each in fields(TrainSettings))
