"""The stages of ``results/chexmask`` with its validation, and the config values that their rules use."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cxrfactory.stages import Product, Stage, Step

if TYPE_CHECKING:
    from cxrfactory.config import Config

STAGES = (
    Stage(
        "package",
        "Packs a release's landmarks, masks and scores, with an account of every row.",
        "package/{dataset}",
        {"product": "package/{dataset}/product/", "accounts": "package/{dataset}/accounts/"},
    ),
    Stage(
        "worst",
        "Draws the masks of a release that score worst, for the report.",
        "worst/{dataset}",
        {"picture": "figures/worst.{dataset}.png", "table": "figures/worst.{dataset}.csv"},
    ),
    Stage(
        "chexmask",
        "Closes the product: card, rejected and excluded rows, checksums.",
        "chexmask",
        {"product": "chexmask/", "histogram": "figures/rca.png"},
    ),
    Stage(
        "evaluate",
        "Compares the product with the truth, which the virtual cohort knows.",
        "evaluate",
        {"folder": "evaluation/"},
    ),
    Stage(
        "rca_statistics",
        "Describes the RCA scores of the product.",
        "validation-steps/rca",
        {
            "folder": "validation-steps/rca/",
            "table": "figures/validation/rca_statistics.csv",
            "histogram": "figures/validation/rca_histogram.png",
        },
    ),
    Stage(
        "bias",
        "Compares the RCA scores of groups of patients of a release.",
        "validation-steps/bias.{dataset}",
        {
            "folder": "validation-steps/bias/{dataset}/",
            "table": "figures/validation/bias.{dataset}.csv",
            "picture": "figures/validation/bias.{dataset}.png",
        },
    ),
    Stage(
        "label_own_masks",
        "Makes labelled images of a release out of the masks that the workflow drew.",
        "validation-steps/own.{dataset}",
        {
            "labelled": "validation-steps/own/{dataset}.parquet",
            "rejected": "validation-steps/own/{dataset}.rejected.parquet",
        },
    ),
    Stage(
        "retrain",
        "Trains a segmenter on those own masks.",
        "validation-steps/retrain.{dataset}",
        {
            "weights": "validation-steps/retrain/{dataset}.safetensors",
            "card": "validation-steps/retrain/{dataset}.json",
            "history": "validation-steps/retrain/{dataset}.csv",
        },
    ),
    Stage(
        "evaluate_retrained",
        "Evaluates the segmenter and the retrained ones against the experts.",
        "validation-steps/models",
        {
            "folder": "validation-steps/models/",
            "table": "figures/validation/retrained.csv",
            "overlays": "figures/validation/overlays-{dataset}.png",
        },
    ),
    Stage(
        "validation",
        "Gathers the technical validation of the product.",
        "validation",
        {"folder": "validation/"},
    ),
)


def steps(config: "Config") -> Iterable[Step]:
    """Yield the steps to the product in the order of the data flow; steps for given files are omitted."""
    yield Step("ingest_labelled")
    yield Step("preprocess_labelled")
    if config.infer.weights is None:
        yield Step("train")
    yield Step("rca_reference")
    if config.rca.method == "deep" and config.rca.network is None:
        yield Step("rca_train")
    for name in config.datasets:
        for stage in ("ingest", "preprocess", "infer", "rca"):
            yield Step(stage, name)
    if config.rca.calibration == "labelled":
        yield Step("rca_calibrate")
    for name in config.datasets:
        yield Step("package", name)
    yield Step("chexmask")


@dataclass(frozen=True)
class ChexmaskPlan:
    """Config values for the rules of the product."""

    plan: Any

    def rejected(self, wildcards: Any) -> list[str]:
        """Return the rejected tables of the earlier stages, over all shards of a release."""
        files = [self.plan.releases.shard_files(stage, "rejected") for stage in ("preprocess", "infer", "rca")]
        return [path for of_stage in files for path in of_stage(wildcards)]

    def retraining(self) -> list[str]:
        """Return the options of a training on own masks.

        Tables of classes and shapes are omitted, because they come from the experts' images, which this training must
        not use.
        """
        blind = {"balance": "none", "classes": None, "shapes": None}
        config = self.plan.config
        return config.model.options() + config.train.model_copy(update=blind).options()


PRODUCT = Product("chexmask", STAGES, steps, ChexmaskPlan)
