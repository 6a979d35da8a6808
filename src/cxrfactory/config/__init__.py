"""The typed config: every key with its default, its description and its bounds; unknown keys are refused.

``config.yaml`` and ``workflow/schemas/config.schema.json`` are generated from these models
(``python -m cxrfactory config --write``). Names are imported lazily, so that a command imports only the sections whose
options it has.
"""

from importlib import import_module
from typing import Any

_PLACES = {
    "agreement": (
        "AgreementConfig",
        "AgreementTestConfig",
        "ValueAgreementConfig",
    ),
    "benchmark": (
        "BenchmarkConfig",
        "BenchmarkScoreConfig",
        "BenchmarkTableConfig",
    ),
    "classify": (
        "ClassifierConfig",
        "ClassifyConfig",
        "StudyPicturesConfig",
    ),
    "cohort": (
        "CohortConfig",
        "CohortRadiographsConfig",
        "CohortFilmsConfig",
        "CohortScansConfig",
    ),
    "compare": ("CompareConfig",),
    "cxlseg": (
        "CxlsegConfig",
        "CxlsegSplitConfig",
        "LungPicturesConfig",
    ),
    "datasets": (
        "DatasetConfig",
        "FolderConfig",
        "FolderSourcesConfig",
        "ReportsConfig",
        "TableColumnsConfig",
    ),
    "estimate": (
        "CalibrateQualityConfig",
        "FlagConfig",
    ),
    "generalise": (
        "GeneraliseConfig",
        "GeneraliseTestConfig",
    ),
    "hearts": (
        "HeartsCohortConfig",
        "HeartsConfig",
        "HeartsInferConfig",
        "HeartsMeshesConfig",
        "HeartsTemplateConfig",
        "HeartsTrainConfig",
    ),
    "infer": (
        "AnatomyConfig",
        "InferConfig",
    ),
    "labelled": ("LabelledConfig",),
    "labelling": (
        "LabelLungMasksConfig",
        "LabelMasksConfig",
        "LabelProjectionsConfig",
        "NnunetConfig",
    ),
    "measure": (
        "MeasureConfig",
        "MeasureInputConfig",
    ),
    "model": (
        "ModelConfig",
        "SegmenterName",
    ),
    "postprocess": (
        "MaskLandmarksConfig",
        "PostDaeConfig",
        "PostDaeModelConfig",
    ),
    "preprocess": (
        "PreprocessConfig",
        "ReadingConfig",
        "ReadingLimits",
        "ViewWordsConfig",
    ),
    "project": (
        "PackagingConfig",
        "ProjectConfig",
        "ProjectionConfig",
        "SingleProjectionConfig",
    ),
    "rca": ("RcaConfig",),
    "reading": (
        "parse_config",
        "read_config",
        "refuse_twice",
    ),
    "registration": ("RegistrationConfig",),
    "roots": (
        "RootsCohortConfig",
        "RootsConfig",
        "RootsGraphConfig",
        "RootsReadConfig",
        "RootsSegmentConfig",
        "RootsTrainConfig",
    ),
    "scans": (
        "ScanConfig",
        "ScanFilesConfig",
        "StoredAxesConfig",
    ),
    "sections": (
        "Section",
        "Share",
    ),
    "severity": ("SeverityConfig",),
    "train": ("TrainConfig",),
    "whole": ("Config",),
    "writing": (
        "commented_yaml",
        "default_yaml",
        "json_schema",
    ),
    "zero_shot": (
        "ZeroShotConfig",
        "ZeroShotTestConfig",
    ),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    """Import the module that defines a name, and return the named object."""
    if name not in _MODULES:
        raise AttributeError(f"module 'cxrfactory.config' has no attribute '{name}'")
    return getattr(import_module(f"cxrfactory.config.{_MODULES[name]}"), name)
