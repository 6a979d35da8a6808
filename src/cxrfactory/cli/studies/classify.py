"""Commands that compare classifiers on original and on lung-segmented images."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import ClassifierConfig, StudyPicturesConfig
from cxrfactory.config.options import with_options


@with_options(StudyPicturesConfig)
def classify_pictures(
    product: Annotated[Path, typer.Option(help="Folder of one release of the product, with its tables.")],
    manifest: Annotated[Path, typer.Option(help="Manifest of the dataset (.parquet).")],
    root: Annotated[Path, typer.Option(help="Folder of the release.")],
    output: Annotated[Path, typer.Option(help="Pictures to write (.parquet).")],
    follow_links: Annotated[bool, typer.Option(help="Allow links in the release to lead out of its folder.")] = False,
    *,
    study_pictures_config: StudyPicturesConfig,
) -> None:
    """Collect each image of a release twice, original and with the lungs cut out, with labels and split."""
    from cxrfactory.classify.pictures import study_pictures

    study_pictures(product, manifest, root, output, study_pictures_config, follow_links)


@with_options(ClassifierConfig)
def classify(
    pictures: Annotated[
        list[Path], typer.Option(help="Pictures of a release (study classify-pictures); repeat for each.")
    ],
    model: Annotated[str, typer.Option(help="Classifier: resnet50, mobilenet-v2, densenet121 or inception-v3.")],
    picture: Annotated[str, typer.Option(help="Kind of picture: original or segmented.")],
    output: Annotated[Path, typer.Option(help="Predictions to write (.parquet).")],
    history: Annotated[Path, typer.Option(help="CSV of the training to write, one row for each epoch.")],
    repeat: Annotated[
        int, typer.Option(min=0, help="Repeat index; each repeat starts from different random weights.")
    ] = 0,
    *,
    classifier_config: ClassifierConfig,
) -> None:
    """Train one classifier on one kind of picture and write its predictions for validation and test images."""
    from cxrfactory.classify.train import classify as run

    run(pictures, model, picture, repeat, output, history, classifier_config)


def classify_compare(
    predictions: Annotated[list[Path], typer.Option(help="Predictions (study classify); repeat for each.")],
    output: Annotated[Path, typer.Option(help="Folder of tables and plot; the folder of an earlier run is replaced.")],
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = ClassifierConfig.model_fields["seed"].default,
) -> None:
    """Compare classifiers on original and on segmented images: rates, intervals, paired tests."""
    from cxrfactory.classify.compare import compare

    compare(predictions, output, seed)
