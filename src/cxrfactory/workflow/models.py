"""What rules ask about models: their training, the weights in use, RCA's network, and models side by side."""

from dataclasses import dataclass

from cxrfactory.config import Config
from cxrfactory.models.registry import ModelKind, model_kind, model_names
from cxrfactory.tables.weights import PRETRAINED, card_path, weights_file
from cxrfactory.workflow.results import Results

LABELLED = "labelled"  # stands for a calibration made of the labelled images


@dataclass(frozen=True)
class Segmenter:
    """The segmenter in use, and how one is trained."""

    config: Config
    results: Results

    @property
    def weights(self) -> str:
        """Weights to use: given ones, else those that the workflow trains."""
        given = self.config.infer.weights
        return self.results.out("train").weights if given is None else str(weights_file(given))

    @property
    def card(self) -> str:
        """Card of the weights."""
        return str(card_path(self.weights))

    @property
    def training_tables(self) -> list[str]:
        """Files and folders that training reads beside the labelled images."""
        settings = self.config.train
        return [place for place in (settings.classes, settings.shapes) if place is not None]

    def training(self) -> list[str]:
        """Options of ``train``."""
        return self.config.model.options() + self.config.train.options()


@dataclass(frozen=True)
class Registration:
    """RCA's network and the calibration of its scores."""

    config: Config
    results: Results

    @property
    def weights(self) -> str | None:
        """Weights of the network: given ones, else those that the workflow trains; None for none."""
        if self.config.rca.method != "deep":
            return None
        given = self.config.rca.network
        return self.results.out("rca_train").weights if given is None else str(weights_file(given))

    @property
    def files(self) -> list[str]:
        """Those weights with their card."""
        return [] if self.weights is None else [self.weights, str(card_path(self.weights))]

    def option(self) -> list[str]:
        """The option of ``rca`` that names them; a name stays a name, so that no place of a machine is kept."""
        return [] if self.weights is None else [f"--network={self.config.rca.network or self.weights}"]

    @property
    def calibration(self) -> list[str]:
        """The calibration of the scores: a given file, or that which the workflow makes; empty for none."""
        given = self.config.rca.calibration
        if given is None:
            return []
        return [self.results.out("rca_calibrate").calibration if given == LABELLED else given]


@dataclass(frozen=True)
class Comparison:
    """Models side by side."""

    config: Config
    results: Results

    @property
    def known(self) -> list[str]:
        """Names of the models that weights can be made for."""
        return model_names()

    @property
    def names(self) -> list[str]:
        """Names of the models that are compared."""
        return list(self.config.compare.models)

    def folder(self, model: str) -> str:
        """Folder of a trained model."""
        return self.results.out("weights").folder.format(model=model)

    @property
    def weights(self) -> list[str]:
        """What must stand before they are compared: folders of trained models, files of others."""
        return [str(weights_file(name)) if name == PRETRAINED else self.folder(name) for name in self.names]

    def weight_options(self) -> list[str]:
        """Their ``--weights``."""
        files = [name if name == PRETRAINED else f"{self.folder(name)}/weights.safetensors" for name in self.names]
        return [f"--weights={file}" for file in files]

    def history_options(self) -> list[str]:
        """Their ``--history``, of those that were trained."""
        names = [name for name in self.names if name != PRETRAINED and model_kind(name) is not ModelKind.ATLAS]
        return [f"--history={self.folder(name)}/history.csv" for name in names]

    def unfinished(self, model: str) -> str:
        """Folder of a training under way: that of a failed job is removed, and its checkpoint with it."""
        folder, name = self.folder(model).rsplit("/", 1)
        return f"{folder}/.{name}"
