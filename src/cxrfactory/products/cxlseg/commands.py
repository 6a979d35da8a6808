"""Commands of the product `results/cxlseg`."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config import CxlsegSplitConfig, LungPicturesConfig, ReadingConfig
from cxrfactory.config.options import with_options

Manifest = Annotated[Path, typer.Option(help="Manifest of the dataset (Parquet).")]
Reports = Annotated[Path, typer.Option(help="Reports of the dataset (stage reports, Parquet).")]
RejectedReports = Annotated[Path, typer.Option(help="Rejected reports (Parquet).")]


@with_options(LungPicturesConfig, ReadingConfig)
def cxlseg_shard(
    manifest: Manifest,
    reports: Reports,
    rejected_reports: RejectedReports,
    root: Annotated[Path, typer.Option(help="Folder of the release.")],
    shard: Annotated[int, typer.Option(help="Index of the shard, from 0.")],
    output: Annotated[Path, typer.Option(help="Pictures to write (.parquet).")],
    rejected: Annotated[Path, typer.Option(help="Table of rejected images to write (.parquet).")],
    shards: Annotated[int, typer.Option(help="Number of shards of the release.")] = 1,
    device: Annotated[str, typer.Option(help="Device of the segmenter: auto, cpu or cuda.")] = "cpu",
    follow_links: Annotated[bool, typer.Option(help="Allow links in the release to lead out of its folder.")] = False,
    workers: Annotated[
        int, typer.Option(min=1, help="Number of images processed in parallel; the output does not depend on it.")
    ] = 1,
    *,
    lung_pictures_config: LungPicturesConfig,
    reading_config: ReadingConfig,
) -> None:
    """Cut the lungs out of the images of one shard that have a report: pictures and masks, as they are published."""
    from cxrfactory.errors import CxrError
    from cxrfactory.logs import about_shard
    from cxrfactory.products.cxlseg.inputs import ReportTables
    from cxrfactory.products.cxlseg.shard import CxlsegRecipe
    from cxrfactory.products.cxlseg.shard import cxlseg_shard as run

    weights = lung_pictures_config.weights
    if weights is None:
        raise CxrError("--weights is missing; expected a .safetensors file, or pretrained")
    recipe = CxlsegRecipe.of(lung_pictures_config, reading_config)
    places = (root, weights, shard, shards, output, rejected)
    with about_shard(output):
        run(ReportTables(manifest, reports, rejected_reports), *places, recipe, device, workers, follow_links)


@with_options(CxlsegSplitConfig)
def package_cxlseg(
    manifest: Manifest,
    reports: Reports,
    rejected_reports: RejectedReports,
    pictures: Annotated[list[Path], typer.Option(help="Shard of pictures (stage cxlseg-shard); repeat for each.")],
    dataset: Annotated[str, typer.Option(help="Name of the dataset in the config.")],
    release_name: Annotated[str, typer.Option(help="Published name of the release; it names files.")],
    output: Annotated[Path, typer.Option(help="Folder of the product; the product of an earlier run is replaced.")],
    part: Annotated[Path, typer.Option(help="Folder, outside the product, for the release's accounts.")],
    rejected: Annotated[list[Path] | None, typer.Option(help="Rejected table; repeat for each.")] = None,
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            help="CSV of CheXpert labels; the first existing file is used. By default, labels come from the findings."
        ),
    ] = None,
    *,
    cxlseg_split_config: CxlsegSplitConfig,
) -> None:
    """Pack one release: pictures and masks at the release's own paths, its four tables, an account of every row."""
    from cxrfactory.products.accounts import ReleaseNames
    from cxrfactory.products.cxlseg.inputs import CxlsegInputs, ReportTables
    from cxrfactory.products.cxlseg.release import package_cxlseg as run

    table = next((path for path in labels or [] if path.is_file()), None)
    inputs = CxlsegInputs(ReportTables(manifest, reports, rejected_reports), pictures, rejected or [], table)
    run(inputs, ReleaseNames(dataset, release_name), output, part, cxlseg_split_config)


def cxlseg_card(
    output: Annotated[Path, typer.Option(help="Folder of the product; the product of an earlier run is replaced.")],
    weights: Annotated[Path, typer.Option(help="Weights of the segmenter, or a name such as pretrained.")],
    config: Annotated[Path, typer.Option(help="Config of the run; copied into the product.")],
    product: Annotated[list[Path] | None, typer.Option(help="Product folder of a release; repeat for each.")] = None,
    part: Annotated[
        list[Path] | None, typer.Option(help="Folder of a release's accounts; repeat in the order of --product.")
    ] = None,
    credit: Annotated[list[str] | None, typer.Option(help="Source and licence to credit; repeat for each.")] = None,
) -> None:
    """Close CXLSeg: all releases in one folder, rejected and excluded rows, examples, card, checksums."""
    from cxrfactory.products.cxlseg.card import close_cxlseg

    close_cxlseg(output, product or [], part or [], weights, config, credit or [])


def evaluate_lungs(
    truth: Annotated[Path, typer.Option(help="True masks (truth.parquet of the cohort).")],
    product: Annotated[Path, typer.Option(help="Folder of the product (results/cxlseg).")],
    output: Annotated[Path, typer.Option(help="CSV to write, one row for each image.")],
) -> None:
    """Compare published lung masks with the truth: Dice, Jaccard, recall, precision."""
    from cxrfactory.products.cxlseg.evaluation import evaluate_lungs as run

    run(truth, product, output)


COMMANDS = {
    "cxlseg-shard": cxlseg_shard,
    "package-cxlseg": package_cxlseg,
    "close-cxlseg": cxlseg_card,
    "evaluate-cxlseg": evaluate_lungs,
}
