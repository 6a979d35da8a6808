"""The typed config: every key with its default, its description and its bounds; unknown keys are refused.

``config.yaml`` and ``workflow/schemas/config.schema.json`` are generated from these models
(``python -m cxrfactory config --write``). Names are imported lazily, so that a command imports only the sections whose
options it has.
"""

from importlib import import_module
from typing import Any

_PLACES = {
    "classify": ("ClassifierConfig", "ClassifyConfig", "StudyPicturesConfig"),
    "cxlseg": ("CxlsegConfig", "CxlsegSplitConfig", "LungPicturesConfig"),
    "inputs": (
        "CohortConfig",
        "CohortRadiographsConfig",
        "CohortScansConfig",
        "DatasetConfig",
        "LabelledConfig",
        "PreprocessConfig",
        "ReadingConfig",
        "ReadingLimits",
        "ReportsConfig",
        "ScanConfig",
        "ScanFilesConfig",
        "StoredAxesConfig",
    ),
    "labelling": ("LabelLungMasksConfig", "LabelMasksConfig", "NnunetConfig"),
    "postprocess": ("MaskLandmarksConfig", "PostDaeConfig", "PostDaeModelConfig"),
    "project": ("PackagingConfig", "ProjectConfig", "ProjectionConfig", "SingleProjectionConfig"),
    "quality": ("RcaConfig",),
    "reading": ("parse_config", "read_config"),
    "sections": ("Section", "Share"),
    "training": ("CompareConfig", "InferConfig", "ModelConfig", "RegistrationConfig", "SegmenterName", "TrainConfig"),
    "whole": ("Config",),
    "writing": ("commented_yaml", "default_yaml", "json_schema"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    """Import the module that defines a name, and return the named object."""
    if name not in _MODULES:
        raise AttributeError(f"module 'cxrfactory.config' has no attribute '{name}'")
    return getattr(import_module(f"cxrfactory.config.{_MODULES[name]}"), name)
