"""The whole config and its defaults."""

import json
import os
from pathlib import Path

from pydantic import Field, model_validator

from cxrfactory.config.agreement import AgreementConfig
from cxrfactory.config.benchmark import BenchmarkConfig
from cxrfactory.config.classify import ClassifyConfig
from cxrfactory.config.cohort import CohortConfig
from cxrfactory.config.compare import CompareConfig
from cxrfactory.config.cxlseg import CxlsegConfig
from cxrfactory.config.datasets import DatasetConfig
from cxrfactory.config.estimate import FlagConfig
from cxrfactory.config.generalise import GeneraliseConfig
from cxrfactory.config.hearts import HeartsConfig
from cxrfactory.config.infer import InferConfig
from cxrfactory.config.labelled import LabelledConfig
from cxrfactory.config.measure import MeasureConfig
from cxrfactory.config.model import ModelConfig
from cxrfactory.config.names import check_names
from cxrfactory.config.paper_studies import StudiesConfig
from cxrfactory.config.preprocess import PreprocessConfig
from cxrfactory.config.project import ProjectConfig
from cxrfactory.config.rca import RcaConfig
from cxrfactory.config.registration import RegistrationConfig
from cxrfactory.config.roots import RootsConfig
from cxrfactory.config.scans import ScanConfig
from cxrfactory.config.sections import LocalPath, Section
from cxrfactory.config.severity import SeverityConfig
from cxrfactory.config.train import TrainConfig
from cxrfactory.config.virtual import VIRTUAL_DATASETS, VIRTUAL_SCANS
from cxrfactory.config.zero_shot import ZeroShotConfig


class Config(Section):
    """The whole config."""

    results: LocalPath = Field("results", description="Folder for everything that is made.")
    cohort: CohortConfig = CohortConfig()
    datasets: dict[str, DatasetConfig] = Field(
        VIRTUAL_DATASETS,
        min_length=1,
        description="Radiographs of hospitals. Each dataset has a name of your own and a layout.",
    )
    scans: dict[str, ScanConfig] = Field(
        VIRTUAL_SCANS,
        description="Releases of chest CT, each under a name of your choice.",
    )
    labelled: LabelledConfig = LabelledConfig()
    preprocess: PreprocessConfig = PreprocessConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    registration: RegistrationConfig = RegistrationConfig()
    infer: InferConfig = InferConfig()
    rca: RcaConfig = RcaConfig()
    flags: FlagConfig = FlagConfig()
    compare: CompareConfig = CompareConfig()
    generalise: GeneraliseConfig = GeneraliseConfig()
    benchmark: BenchmarkConfig = BenchmarkConfig()
    zero_shot: ZeroShotConfig = ZeroShotConfig()
    agreement: AgreementConfig = AgreementConfig()
    studies: StudiesConfig = StudiesConfig()
    project: ProjectConfig = ProjectConfig()
    measure: MeasureConfig = MeasureConfig()
    cxlseg: CxlsegConfig = CxlsegConfig()
    classify: ClassifyConfig = ClassifyConfig()
    severity: SeverityConfig = SeverityConfig()
    hearts: HeartsConfig = HeartsConfig()
    roots: RootsConfig = RootsConfig()

    @model_validator(mode="after")
    def _names(self) -> "Config":
        for section in ("datasets", "scans"):
            check_names(section, getattr(self, section))
        return self

    @model_validator(mode="after")
    def _each_release_once(self) -> "Config":
        """Refuse an entry that was copied and renamed, and still has the root of the other one."""
        for section in ("datasets", "scans"):
            seen: dict[str, str] = {}
            for name, entry in getattr(self, section).items():
                settings = entry.model_dump(mode="json", exclude={"root", "layout", "shards", "check_files"})
                layout = (entry.layout or name) if section == "datasets" else ""
                root = os.path.abspath(os.path.expanduser(entry.root))
                other = seen.setdefault(json.dumps([root, layout, settings], sort_keys=True), name)
                if other != name:
                    raise ValueError(
                        f"{section}: '{other}' and '{name}' have the same root '{entry.root}' and settings, so that "
                        "each image would come twice; expected a root of its own for each"
                    )
        return self

    @model_validator(mode="after")
    def _overrides_fit(self) -> "Config":
        self.cxlseg.merged_model(self.model)
        self.cxlseg.merged_train(self.train)
        self.benchmark.merged_model(self.model)
        self.benchmark.merged_train(self.train)
        return self

    @model_validator(mode="after")
    def _virtual_patients_teach_no_real_ones(self) -> "Config":
        """Refuse to draw real radiographs with a segmenter of virtual patients, because its masks would be poor."""
        if not self._virtual(self.labelled.root):
            return self
        real = [name for name, dataset in self.datasets.items() if not self._virtual(dataset.root)]
        reported = [name for name in real if self.datasets[name].reports is not None]
        for section, names in (("infer", real), ("cxlseg", reported)):
            if names and getattr(self, section).weights is None:
                raise ValueError(
                    f"{section}.weights is null and the labelled set is the virtual cohort: a segmenter of virtual "
                    f"patients would draw the radiographs of {', '.join(names)}; expected {section}.weights: "
                    "pretrained, or a labelled set of real radiographs (labelled.root)"
                )
        return self

    def _virtual(self, root: str) -> bool:
        return Path(os.path.abspath(root)).is_relative_to(os.path.abspath(self.cohort.folder))
