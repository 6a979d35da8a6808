"""Facts for the rule of results/zero-shot: weights, labelled tables, folders of films."""

from dataclasses import dataclass

from cxrfactory.config import Config
from cxrfactory.tables.weights import weights_file
from cxrfactory.workflow.results import Results


@dataclass(frozen=True)
class ZeroShot:
    """The test of a network of structures on films that it was not trained on."""

    config: Config
    results: Results

    @property
    def tables(self) -> list[str]:
        """Paths of the labelled tables; the workflow's own if the config names neither tables nor folders."""
        settings = self.config.zero_shot
        if settings.tables or settings.folders or settings.spines is not None:
            return list(settings.tables)
        return [self.results.out("preprocess_labelled").images]

    @property
    def weights(self) -> list[str]:
        """The weights and their card; with null, those of the first network and seed of the benchmark."""
        given, trained = self.config.zero_shot.weights, self.results.out("benchmark_train")
        if given is not None:
            path = weights_file(given)
            return [str(path), str(path.with_suffix(".json"))]
        section = self.config.benchmark
        return [path.format(model=section.models[0], seed=section.seeds[0]) for path in (trained.weights, trained.card)]

    @property
    def folders(self) -> list[str]:
        """Folders of films without truth, and the folder of spines."""
        settings = self.config.zero_shot
        return [*settings.folders, *([settings.spines] if settings.spines is not None else [])]

    def options(self) -> list[str]:
        """Return the options that name weights, films and settings."""
        settings = self.config.zero_shot
        found = [f"--weights={self.weights[0]}", *(f"--films={folder}" for folder in settings.folders)]
        found += [f"--spines={settings.spines}"] if settings.spines is not None else []
        return found + settings.options("count", "sheet", "device", "resamples", "seed")
