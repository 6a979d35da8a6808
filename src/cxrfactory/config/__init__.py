"""The typed config: every key with its default, its meaning and its bounds; unknown keys are refused.

``config.yaml`` and ``workflow/schemas/config.schema.json`` are generated from here
(``python -m cxrfactory config --write``).
"""

from cxrfactory.config.classify import ClassifierConfig, ClassifyConfig
from cxrfactory.config.cxlseg import CxlsegConfig, LungPicturesConfig
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
from cxrfactory.config.reading import parse_config, read_config
from cxrfactory.config.sections import Section, Share
from cxrfactory.config.training import (
    CompareConfig,
    InferConfig,
    ModelConfig,
    RegistrationConfig,
    SegmenterName,
    TrainConfig,
)
from cxrfactory.config.whole import Config
from cxrfactory.config.writing import commented_yaml, default_yaml, json_schema

__all__ = [
    "ClassifierConfig",
    "ClassifyConfig",
    "CohortConfig",
    "CompareConfig",
    "Config",
    "CxlsegConfig",
    "DatasetConfig",
    "InferConfig",
    "LabelledConfig",
    "LungPicturesConfig",
    "ModelConfig",
    "PreprocessConfig",
    "ProjectConfig",
    "RcaConfig",
    "RegistrationConfig",
    "ReportsConfig",
    "ScanConfig",
    "Section",
    "SegmenterName",
    "Share",
    "TrainConfig",
    "commented_yaml",
    "default_yaml",
    "json_schema",
    "parse_config",
    "read_config",
]
