"""Classifiers on original and on lung-segmented images."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import ClassifierConfig
from cxrfactory.config.options import with_options


def classify_pictures(
    product: Annotated[Path, typer.Option(help="Folder of one release of the product, with its tables.")],
    manifest: Annotated[Path, typer.Option(help="Manifest of the dataset (Parquet).")],
    root: Annotated[Path, typer.Option(help="Folder of the release.")],
    output: Annotated[Path, typer.Option(help="Pictures to write (.parquet).")],
    size: Annotated[int, typer.Option(help="Side of the product's pictures, pixels.")] = 224,
    fit: Annotated[str, typer.Option(help="stretch or pad, as the product was made.")] = "stretch",
    jpeg_quality: Annotated[int, typer.Option(help="As the product was made.")] = 95,
    clahe_clip: Annotated[float | None, typer.Option(help="CLAHE of the published pictures; none: without.")] = None,
    clahe_tiles: Annotated[int, typer.Option(help="CLAHE tiles a side.")] = 8,
    max_megapixels: Annotated[float, typer.Option(help="Larger images are refused unread.")] = 100.0,
) -> None:
    """Gather a release's images twice, as they were and with the lungs cut out, with labels and split."""
    from cxrfactory.classify.pictures import study_pictures
    from cxrfactory.imaging.radiograph.intensity import Clahe

    clahe = None if clahe_clip is None else Clahe(clahe_clip, clahe_tiles)
    study_pictures(product, manifest, root, output, size, fit, clahe, jpeg_quality, max_megapixels)


@with_options(ClassifierConfig)
def classify(
    pictures: Annotated[list[Path], typer.Option(help="Pictures of a release (classify-pictures); repeat for each.")],
    model: Annotated[str, typer.Option(help="resnet50, mobilenet-v2, densenet121 or inception-v3.")],
    picture: Annotated[str, typer.Option(help="original or segmented.")],
    output: Annotated[Path, typer.Option(help="Predictions to write (.parquet).")],
    history: Annotated[Path, typer.Option(help="Course of the training to write (.csv).")],
    repeat: Annotated[int, typer.Option(min=0, help="Another one, other random weights.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "cpu",
    *,
    classifier_config: ClassifierConfig,
) -> None:
    """Train one classifier on one kind of picture; write what it says of validation and test images."""
    from cxrfactory.classify.train import classify as run

    run(pictures, model, picture, repeat, output, history, classifier_config, device)


def classify_compare(
    predictions: Annotated[list[Path], typer.Option(help="Predictions (classify); repeat for each.")],
    output: Annotated[Path, typer.Option(help="Folder of tables and the picture; one of an earlier run is replaced.")],
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
) -> None:
    """Compare classifiers on original and on segmented images: rates, intervals, paired tests."""
    from cxrfactory.classify.compare import compare

    compare(predictions, output, seed)
