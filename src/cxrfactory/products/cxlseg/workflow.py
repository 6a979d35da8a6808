"""The stages of ``results/cxlseg`` with its study of classifiers, and the config values that their rules use."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cxrfactory.errors import CxrError
from cxrfactory.stages import Product, Stage, Step

if TYPE_CHECKING:
    from cxrfactory.config import Config

# Stages of the product, in the order of the data flow.
STAGES = (
    Stage(
        "cxlseg_labelled",
        "Prepares the labelled images like those whose lungs are cut out.",
        "cxlseg_labelled",
        {"images": "cxlseg-weights/labelled.parquet", "rejected": "cxlseg-weights/labelled.rejected.parquet"},
    ),
    Stage(
        "cxlseg_weights",
        "Trains the segmenter of lungs, where no weights are given.",
        "cxlseg_weights",
        {
            "weights": "cxlseg-weights/weights.safetensors",
            "card": "cxlseg-weights/weights.json",
            "history": "cxlseg-weights/history.csv",
        },
    ),
    Stage(
        "cxlseg_shard",
        "Cuts the lungs out of the images of one shard.",
        "cxlseg_shard/{dataset}/{shard}",
        {
            "pictures": "cxlseg-shards/{dataset}/{shard}.parquet",
            "rejected": "cxlseg-shards/{dataset}/{shard}.rejected.parquet",
        },
    ),
    Stage(
        "package_cxlseg",
        "Packs a release's pictures, masks, reports and splits, with an account of every row.",
        "package_cxlseg/{dataset}",
        {"product": "cxlseg-release/{dataset}/product/", "accounts": "cxlseg-release/{dataset}/accounts/"},
    ),
    Stage(
        "cxlseg",
        "Closes the product: card, examples, checksums.",
        "cxlseg",
        {"product": "cxlseg/", "examples": "figures/cxlseg.png"},
    ),
    Stage(
        "evaluate_lungs",
        "Compares the lung masks with the truth, which the virtual cohort knows.",
        "evaluate_lungs",
        {"table": "cxlseg-evaluation.csv"},
    ),
    Stage(
        "classify_pictures",
        "Gathers original and lung-segmented images of a release for classifiers.",
        "classify_pictures/{dataset}",
        {"pictures": "classify/pictures/{dataset}.parquet"},
    ),
    Stage(
        "classify",
        "Trains one classifier on original or on lung-segmented images.",
        "classify/{classifier}-{picture}-{repeat}",
        {
            "predictions": "classify/{classifier}/{picture}-{repeat}.parquet",
            "history": "classify/{classifier}/{picture}-{repeat}.csv",
        },
    ),
    Stage(
        "classify_compare",
        "Compares classifiers on original and on lung-segmented images.",
        "classify_compare",
        {"folder": "classification/", "figure": "figures/classification.png"},
    ),
)


def steps(config: "Config") -> Iterable[Step]:
    """Yield the steps to the product in the order of the data flow; steps for given files are omitted."""
    if config.cxlseg.weights is None:
        for stage in ("ingest_labelled", "cxlseg_labelled", "cxlseg_weights"):
            yield Step(stage)
    reported = [name for name, dataset in config.datasets.items() if dataset.reports is not None]
    for name in reported:
        for stage in ("ingest", "reports", "cxlseg_shard"):
            yield Step(stage, name)
    for name in reported:
        yield Step("package_cxlseg", name)
    yield Step("cxlseg")


@dataclass(frozen=True)
class CxlsegPlan:
    """Config values for the rules of the product."""

    plan: Any

    @property
    def settings(self) -> Any:
        """The product's section of the config."""
        return self.plan.config.cxlseg

    @property
    def weights(self) -> str:
        """Path of the lung segmenter's weights: the given ones, or else those that the workflow trains."""
        from cxrfactory.tables.weights import weights_file

        given = self.settings.weights
        return self.plan.results.out("cxlseg_weights").weights if given is None else str(weights_file(given))

    def recipe(self) -> list[str]:
        """Return the options of ``cxlseg-shard``; a name of weights stays a name, so no local path is recorded."""
        from cxrfactory.config.cxlseg import LungPicturesConfig

        pictures = [name for name in LungPicturesConfig.model_fields if name != "weights"]
        return [*self.settings.options(*pictures), f"--weights={self.settings.weights or self.weights}"]

    def images(self) -> list[str]:
        """Return the options of ``preprocess-labelled`` that make training images like those to be segmented."""
        clahe = self.settings.options("clahe_clip", "clahe_tiles") if self.settings.clahe_clip else []
        return [*self.settings.options("size"), "--no-remove-borders", *clahe]

    @property
    def train(self) -> Any:
        """Settings of the training of the lung segmenter: the config's section train with the product's overrides."""
        return self.settings.merged_train(self.plan.config.train)

    def training(self) -> list[str]:
        """Return the options of that training."""
        return self.settings.merged_model(self.plan.config.model).options() + self.train.options()

    def products(self, wildcards: Any) -> list[str]:
        """Return the packed releases that the product consists of.

        Raises
        ------
        CxrError
            If no dataset has reports.
        """
        if not self.plan.releases.reported:
            raise CxrError(
                "results/cxlseg needs a dataset with reports, and the config has none; expected datasets.NAME.reports "
                "with source and layout (docs/reports.md)"
            )
        place = self.plan.results.out("package_cxlseg").product
        return [place.format(dataset=name) for name in self.plan.releases.reported]

    def classified(self) -> list[str]:
        """Return the options of ``classify-pictures`` that match how the product's images were made."""
        clahe = self.settings.options("clahe_clip", "clahe_tiles") if self.settings.enhanced else []
        return self.settings.options("size", "fit", "jpeg_quality") + clahe

    def classifier(self) -> list[str]:
        """Return the options of ``classify``."""
        from cxrfactory.config import ClassifierConfig

        return self.plan.config.classify.options(*ClassifierConfig.model_fields)

    @property
    def predictions(self) -> list[str]:
        """Paths of the predictions of every classifier, on both kinds of images, for every repeat."""
        settings, path = self.plan.config.classify, self.plan.results.out("classify").predictions
        return [
            path.format(classifier=model, picture=picture, repeat=repeat)
            for model in settings.models
            for picture in ("original", "segmented")
            for repeat in range(settings.repeats)
        ]


PRODUCT = Product("cxlseg", STAGES, steps, CxlsegPlan)
