"""The whole config and its defaults."""

import os
import re
from pathlib import Path

from pydantic import Field, model_validator

from cxrfactory.config.classify import ClassifyConfig
from cxrfactory.config.cxlseg import CxlsegConfig
from cxrfactory.config.inputs import (
    CohortConfig,
    DatasetConfig,
    LabelledConfig,
    PreprocessConfig,
    ReportsConfig,
    ScanConfig,
)
from cxrfactory.config.project import ProjectConfig
from cxrfactory.config.quality import RcaConfig
from cxrfactory.config.sections import Section
from cxrfactory.config.training import CompareConfig, InferConfig, ModelConfig, RegistrationConfig, TrainConfig


class Config(Section):
    """The whole config."""

    results: str = Field("results", description="Folder for everything that is made.")
    cohort: CohortConfig = CohortConfig()
    datasets: dict[str, DatasetConfig] = Field(
        {
            "mimic-cxr-jpg": DatasetConfig(
                root="results/cohort/mimic-cxr-jpg",
                shards=2,
                reports=ReportsConfig(source="results/cohort/mimic-cxr-jpg/files", layout="mimic"),
            ),
            "vindr-cxr": DatasetConfig(root="results/cohort/vindr-cxr", shards=2),
        },
        min_length=1,
        description="Hospital releases: mimic-cxr-jpg, chexpert, padchest, chestx-ray8, vindr-cxr, candid-ptx, "
        "indiana-cxr.",
    )
    scans: dict[str, ScanConfig] = Field(
        {
            "virtual-ct": ScanConfig(
                root="results/cohort/virtual-ct",
                ct="ct/{study}.nii.gz",
                labels="labels/{study}.nii.gz",
                names="structures.csv",
                shards=4,
            )
        },
        description="Releases of chest CT, each under a name of your choice.",
    )
    labelled: LabelledConfig = LabelledConfig()
    preprocess: PreprocessConfig = PreprocessConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    registration: RegistrationConfig = RegistrationConfig()
    infer: InferConfig = InferConfig()
    rca: RcaConfig = RcaConfig()
    compare: CompareConfig = CompareConfig()
    project: ProjectConfig = ProjectConfig()
    cxlseg: CxlsegConfig = CxlsegConfig()
    classify: ClassifyConfig = ClassifyConfig()

    @model_validator(mode="after")
    def _release_names(self) -> "Config":
        for name in self.scans:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
                raise ValueError(f"scans: release name '{name}'; expected letters, digits, '.', '_' and '-'")
        return self

    @model_validator(mode="after")
    def _overrides_fit(self) -> "Config":
        self.cxlseg.merged_model(self.model)
        self.cxlseg.merged_train(self.train)
        return self

    @model_validator(mode="after")
    def _virtual_patients_teach_no_real_ones(self) -> "Config":
        """A segmenter of virtual patients alone draws real radiographs badly, and nothing would say so."""
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
