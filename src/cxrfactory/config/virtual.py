"""The datasets of the default config: the releases of the virtual cohort."""

from cxrfactory.config.datasets import DatasetConfig, ReportsConfig
from cxrfactory.config.scans import ScanConfig

_COHORT = "results/cohort"

VIRTUAL_DATASETS = {
    "mimic-cxr-jpg": DatasetConfig(
        root=f"{_COHORT}/mimic-cxr-jpg",
        shards=2,
        reports=ReportsConfig(source=f"{_COHORT}/mimic-cxr-jpg/files", layout="mimic"),
    ),
    "vindr-cxr": DatasetConfig(root=f"{_COHORT}/vindr-cxr", shards=2),
}

VIRTUAL_SCANS = {
    "virtual-ct": ScanConfig(
        root=f"{_COHORT}/virtual-ct",
        ct="ct/{study}.nii.gz",
        labels="labels/{study}.nii.gz",
        names="structures.csv",
        shards=4,
    )
}
