"""Facts for the rules of results/benchmark: the labelled table, the trainings, their options and files."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cxrfactory.config import Config, LabelProjectionsConfig, TrainConfig
from cxrfactory.errors import CxrError
from cxrfactory.models.registry import ModelKind, model_kind, model_names
from cxrfactory.workflow.results import Results

RULE = "benchmark"


@dataclass(frozen=True)
class Benchmark:
    """The benchmark: every model is trained once for each seed, scored, and tabulated."""

    config: Config
    results: Results

    @property
    def own(self) -> bool:
        """Whether the labelled table is made here, from the projected radiographs."""
        return self.config.benchmark.labelled is None

    @property
    def labelled(self) -> str:
        """Path of the labelled table."""
        return self.results.out("benchmark_labelled").table if self.own else str(self.config.benchmark.labelled)

    @property
    def train(self) -> TrainConfig:
        """Settings of the trainings."""
        return self.config.benchmark.merged_train(self.config.train)

    def check(self, arguments: Iterable[str]) -> None:
        """Refuse models that are no pixel networks if Snakemake's command line names the benchmark as a target.

        Raises
        ------
        CxrError
            One line that names the model.
        """
        targets = {RULE, f"{self.results.folder}/{RULE}"}
        if not any(each.rstrip("/").removeprefix("./") in targets for each in arguments):
            return
        known = [name for name in model_names() if model_kind(name) is ModelKind.PIXEL]
        for name in self.config.benchmark.models:
            if name not in known:
                raise CxrError(
                    f"config: key 'benchmark.models': found '{name}'; expected pixel networks, because only these "
                    f"learn masks: {', '.join(known)}"
                )

    def files(self, output: str) -> list[str]:
        """Return the files ``scores`` or ``cost`` of all trainings."""
        path = self.results.out("benchmark_score")[output]
        section = self.config.benchmark
        return [path.format(model=model, seed=seed) for model in section.models for seed in section.seeds]

    def labelling(self) -> list[str]:
        """Return the options of ``label projections``."""
        section = self.config.benchmark
        chosen = LabelProjectionsConfig(views=section.views, structures=section.structures)
        return chosen.options("views", "structures") + self.config.preprocess.options()

    def training(self) -> list[str]:
        """Return the options of ``train`` that all trainings share."""
        return self.config.benchmark.merged_model(self.config.model).options() + self.train.options()

    def scoring(self, wildcards: Any) -> list[str]:
        """Return the options of ``study benchmark-score`` for one training."""
        section = self.config.benchmark
        sizes = [] if section.pixel_mm is None else [f"--pixel-mm={section.pixel_mm}"]
        name = [f"--name={wildcards.model}", f"--seed={wildcards.seed}"]
        return [*name, f"--tolerance-px={section.tolerance_px}", f"--device={section.device}", *sizes]

    def studies(self, product: str) -> list[str]:
        """Return the option with the studies of the projected radiographs, whose pixel sizes are known."""
        return [f"--studies={product}/studies.parquet"] if self.own else []

    def findings(self) -> list[str]:
        """Return the path of the table of findings, if there is one."""
        given = self.config.benchmark.findings
        return [] if given is None else [given]
