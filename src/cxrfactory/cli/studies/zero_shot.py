"""Commands that test a network of structures on real films, and write what its card says about them."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.options import preparation, with_options
from cxrfactory.config.preprocess import PreprocessConfig
from cxrfactory.config.zero_shot import ZeroShotTestConfig

Labelled = Annotated[
    list[Path] | None, typer.Option(help="Preprocessed labelled table of real films; repeat for several.")
]
Films = Annotated[list[Path] | None, typer.Option(help="Folder of real films without truth; repeat for several.")]
Spines = Annotated[
    Path | None,
    typer.Option(help="Folder of frontal spine films: images/, and landmarks/ with 68 corners of T1 to L5."),
]


@with_options(ZeroShotTestConfig, PreprocessConfig)
def zero_shot(
    weights: Annotated[Path, typer.Option(help="Weights of a pixel network of structures, or pretrained-anatomy.")],
    output: Annotated[Path, typer.Option(help="Folder for tables (CSV) and sheets (PNG).")],
    labelled: Labelled = None,
    films: Films = None,
    spines: Spines = None,
    *,
    zero_shot_test_config: ZeroShotTestConfig,
    preprocess_config: PreprocessConfig,
) -> None:
    """Test a network of structures on real films: agreement with drawn masks, and plausibility without them."""
    from cxrfactory.evaluate.zero_shot.study import zero_shot as run
    from cxrfactory.models.anatomy.network import AnatomyNetwork

    network = AnatomyNetwork(weights, zero_shot_test_config.device)
    recipe = preparation(preprocess_config)
    run(network, labelled or [], films or [], spines, zero_shot_test_config, recipe, output)


@with_options(ZeroShotTestConfig, PreprocessConfig)
def calibrate_anatomy(
    weights: Annotated[Path, typer.Option(help="Weights of a pixel network of structures.")],
    known: Annotated[
        list[Path], typer.Option(help="Labelled table with the truth of all structures (virtual patients); repeat.")
    ],
    output: Annotated[Path, typer.Option(help="Weights to write (.safetensors); their card has the entry anatomy.")],
    split: Annotated[str, typer.Option(help="Split of the known films.")] = "val",
    labelled: Labelled = None,
    films: Films = None,
    spines: Spines = None,
    evidence: Annotated[Path | None, typer.Option(help="Folder for the tables behind the entry.")] = None,
    *,
    zero_shot_test_config: ZeroShotTestConfig,
    preprocess_config: PreprocessConfig,
) -> None:
    """Write into a weights card what is known of its structures: thresholds, places, confidence, validation."""
    from cxrfactory.evaluate.zero_shot.calibrate import calibrate

    calibrate(
        *(weights, known, labelled or [], films or [], spines, output),
        *(zero_shot_test_config, preparation(preprocess_config), split, evidence),
    )
