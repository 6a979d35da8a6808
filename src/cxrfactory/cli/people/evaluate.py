"""Commands that compare products and models with the truth."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.options import preparation, with_options
from cxrfactory.config.preprocess import PreprocessConfig
from cxrfactory.config.studies import AuditConfig, EvaluateConfig

Labelled = Annotated[Path, typer.Option(help="Preprocessed labelled table (stage preprocess-labelled).")]
Weights = Annotated[
    list[Path], typer.Option(help="Trained weights (.safetensors with card), or an nnU-Net folder; repeat for each.")
]


def evaluate(
    truth: Annotated[Path, typer.Option(help="True masks and landmarks (truth.parquet of the cohort).")],
    product: Annotated[
        list[Path], typer.Option(help="Folder of the product, or a Parquet table of it; repeat for each.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV, JSON) and plots (PNG).")],
) -> None:
    """Compare a product with the truth: Dice, distances, landmark error, and RCA against true Dice."""
    from cxrfactory.evaluate.product.evaluate_product import evaluate as compare

    compare(truth, product, output)


@with_options(EvaluateConfig)
def evaluate_model(
    labelled: Labelled,
    weights: Weights,
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV) and overlays (PNG).")],
    post: Annotated[
        Path | None,
        typer.Option(help="Weights of a post-processor (train-post-dae); models are measured without and with it."),
    ] = None,
    history: Annotated[
        list[Path] | None, typer.Option(help="Training history of a model (CSV) to draw; repeat for each.")
    ] = None,
    *,
    evaluate_config: EvaluateConfig,
) -> None:
    """Measure trained models on labelled images: overlap, distances, cardiothoracic ratio, tests, time, memory."""
    from cxrfactory.evaluate.models.evaluate_models import evaluate_models

    evaluate_models(labelled, weights, output, evaluate_config, post, history or [])


@with_options(AuditConfig, PreprocessConfig)
def audit(
    labelled: Labelled,
    weights: Weights,
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV) and figures (PNG).")],
    *,
    audit_config: AuditConfig,
    preprocess_config: PreprocessConfig,
) -> None:
    """Measure how much trained models lose under changes of tone, frame and file, and under occlusion."""
    from cxrfactory.evaluate.models.audit import audit as run

    run(labelled, weights, output, preparation(preprocess_config), audit_config)
