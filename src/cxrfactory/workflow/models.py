"""Facts about models for the rules: their training, the weights in use, RCA's network, and compared models."""

from dataclasses import dataclass

from cxrfactory.config import Config
from cxrfactory.models.registry import ModelKind, model_kind, model_names
from cxrfactory.tables.quality_calibration import quality_file
from cxrfactory.tables.weights import PRETRAINED, card_path, weights_file
from cxrfactory.workflow.results import Results

LABELLED = "labelled"  # config value for a calibration made from the labelled images


@dataclass(frozen=True)
class Segmenter:
    """The segmenter in use, and the options of its training."""

    config: Config
    results: Results

    @property
    def weights(self) -> str:
        """Path of the weights: the given ones, or else those that the workflow trains."""
        given = self.config.infer.weights
        return self.results.out("train").weights if given is None else str(weights_file(given))

    @property
    def card(self) -> str:
        """Path of the weights' card."""
        return str(card_path(self.weights))

    def training(self) -> list[str]:
        """Return the options of ``train``."""
        return self.config.model.options() + self.config.train.options()


@dataclass(frozen=True)
class Registration:
    """RCA's registration network, and the calibration of its scores."""

    config: Config
    results: Results

    @property
    def weights(self) -> str | None:
        """Path of the network's weights: the given ones, or else those trained here; None if RCA uses no network."""
        if self.config.rca.method != "deep":
            return None
        given = self.config.rca.network
        return self.results.out("rca_train").weights if given is None else str(weights_file(given))

    @property
    def files(self) -> list[str]:
        """Paths of those weights and their card."""
        return [] if self.weights is None else [self.weights, str(card_path(self.weights))]

    def option(self) -> list[str]:
        """Return the option of ``rca`` with the weights; a name stays a name, so no local path is recorded."""
        return [] if self.weights is None else [f"--network={self.config.rca.network or self.weights}"]

    @property
    def calibration(self) -> list[str]:
        """Path of the calibration: a given file, or the one that the workflow makes; empty if there is none."""
        given = self.config.rca.calibration
        if given is None:
            return []
        return [self.results.out("rca_calibrate").calibration if given == LABELLED else str(quality_file(given))]


@dataclass(frozen=True)
class Comparison:
    """Models that are compared with each other."""

    config: Config
    results: Results

    @property
    def known(self) -> list[str]:
        """Names of the models for which the workflow can make weights."""
        return model_names()

    @property
    def names(self) -> list[str]:
        """Names of the models that are compared."""
        return list(self.config.compare.models)

    def folder(self, model: str) -> str:
        """Return the folder of a trained model."""
        return self.results.out("weights").folder.format(model=model)

    @property
    def weights(self) -> list[str]:
        """Inputs of the comparison: folders of trained models, and files of others."""
        return [str(weights_file(name)) if name == PRETRAINED else self.folder(name) for name in self.names]

    def weight_options(self) -> list[str]:
        """Return the models' options ``--weights``."""
        files = [name if name == PRETRAINED else f"{self.folder(name)}/weights.safetensors" for name in self.names]
        return [f"--weights={file}" for file in files]

    def history_options(self) -> list[str]:
        """Return the options ``--history`` of the models that were trained with a history."""
        names = [name for name in self.names if name != PRETRAINED and model_kind(name) is not ModelKind.ATLAS]
        return [f"--history={self.folder(name)}/history.csv" for name in names]

    def unfinished(self, model: str) -> str:
        """Return the working folder of a training; it stays when Snakemake removes a failed job's output folder."""
        folder, name = self.folder(model).rsplit("/", 1)
        return f"{folder}/.{name}"
