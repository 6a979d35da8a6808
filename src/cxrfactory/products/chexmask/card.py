"""Close the product: write the joint rejected and excluded tables, the dataset card and the checksums."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.products.accounts import checked_sums, read_json, read_summaries
from cxrfactory.products.chexmask.card_text import TITLE, card_text
from cxrfactory.products.chexmask.described import describe
from cxrfactory.products.chexmask.index import INDEX, write_index
from cxrfactory.products.chexmask.release import product_files
from cxrfactory.products.chexmask.summary import ChexmaskSummary
from cxrfactory.products.described import Description
from cxrfactory.products.product import CONFIG, WEIGHTS_CARD, check_config, open_product
from cxrfactory.tables.atomic import atomic_path
from cxrfactory.tables.folders import link_file, link_tree
from cxrfactory.tables.rca_threshold import RECOMMENDED_RCA_MEAN

log = get_logger(__name__)

HISTOGRAM = "rca.png"


def package_card(
    output: str | Path,
    parts: Sequence[str | Path],
    weights_card: str | Path,
    config: str | Path,
    credits: Sequence[str] = (),
    collect: Sequence[str | Path] = (),
) -> None:
    """Write the files of the product that do not belong to a single release.

    They are ``index.parquet``, ``rejected.csv``, ``excluded.csv``, ``config.yaml``, ``weights.json``, ``rca.png``,
    ``README.md``, ``croissant.json`` and ``SHA256SUMS``.

    Parameters
    ----------
    output
        Folder of the product, into which :func:`~cxrfactory.products.chexmask.release.package_chexmask` wrote.
    parts
        The releases' ``part`` folders.
    weights_card
        JSON card of the weights that predicted the landmarks.
    config
        Config of the run; it is copied into the product.
    credits
        Lines of the card's section on sources and licences.
    collect
        Product folders of single releases whose tables are first brought into ``output``, as hard links if the file
        system supports them and as copies otherwise.

    Raises
    ------
    CxrError
        If a file is missing or unreadable, two parts are of one release, or the product's folders hold files that
        belong to no part (such files of an earlier run would be neither described nor summed).
    """
    output = Path(output)
    if not parts:
        raise CxrError(f"{output}: no parts given; package at least one release first")
    by_release = sorted(
        zip(read_summaries(parts, output), map(Path, parts), strict=True), key=lambda pair: pair[0]["release"]
    )
    summaries: list[ChexmaskSummary] = [summary for summary, _ in by_release]
    folders = [part for _, part in by_release]
    weights = read_json(weights_card)
    if not isinstance(weights.get("sha256"), str):
        raise CxrError(f"{weights_card}: key 'sha256' is missing from the weights card")
    check_config(config)
    tables = _tables(output, [summary["release"] for summary in summaries], [Path(folder) for folder in collect])
    known = {name: digest for part in folders for name, digest in checked_sums(part).items()}

    with open_product(output) as product:
        if output.is_dir():
            link_tree(output, product.folder)
        for name, source in tables.items():
            link_file(source, product.folder / name)
        left_out = product.gather_left_out(folders)
        provenance = product.provenance(config, weights)
        product.copy(weights_card, WEIGHTS_CARD)
        _draw(summaries, product.folder / HISTOGRAM)
        description = _described(product.folder, [summary["release"] for summary in summaries])
        extras = [*left_out, CONFIG, WEIGHTS_CARD, HISTOGRAM, INDEX]
        card = card_text(summaries, provenance, credits, description)
        files = product.close(card, description, known, [*tables, *extras])
    log.info("%s: %d releases, %d rows kept; wrote README.md and SHA256SUMS of %d files", output, len(summaries),
             sum(summary["kept"] for summary in summaries), files)  # fmt: skip


def _described(folder: Path, releases: Sequence[str]) -> Description:
    """Write the index of the releases, and describe the tables in ``folder``."""
    files = {release: product_files(folder, release) for release in releases}
    tables = {release: paths["parquet"] for release, paths in files.items()}
    names = {
        release: [path.relative_to(folder).as_posix() for path in paths.values()] for release, paths in files.items()
    }
    return describe(tables, write_index(tables, folder / INDEX), TITLE, names)


def _tables(output: Path, releases: Sequence[str], folders: Sequence[Path]) -> dict[str, Path]:
    """Find the releases' tables, in ``folders`` or in ``output``; return the files by their names in the product."""
    paths = [path for release in releases for path in product_files(output, release).values()]
    expected = {path.relative_to(output).as_posix() for path in paths}
    found: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise CxrError(f"{folder}: no such folder; package the release first")
        for source in _visible(folder.rglob("*")):
            name = source.relative_to(folder).as_posix()
            if name not in expected:
                raise CxrError(f"{source}: belongs to no packaged release; give its part, or remove it")
            if name in found:
                raise CxrError(f"{source}: also in {found[name]}; expected each release in one folder")
            found[name] = source
    tables = {name: found.get(name, output / name) for name in sorted(expected)}
    for source in tables.values():
        if not source.is_file():
            raise CxrError(f"{source}: no such file; package the release first")
    present = _visible(path for folder in {(output / name).parent for name in expected} for path in folder.glob("*"))
    foreign = [path for path in present if path.relative_to(output).as_posix() not in expected]
    if foreign:
        raise CxrError(f"{foreign[0]}: belongs to no packaged release; remove it ({len(foreign)} such files)")
    return tables


def _visible(paths: Iterable[Path]) -> list[Path]:
    """Sort the paths of files and omit names that begin with a dot, because these files are still being written."""
    return sorted(path for path in paths if path.is_file() and path.name[0] != ".")


def _draw(summaries: Sequence[ChexmaskSummary], path: Path) -> None:
    """Draw a histogram of Dice RCA (Mean), with one line for each release."""
    import numpy as np
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    for summary in summaries:
        counts = np.array(summary["dice_rca_mean"]["histogram"])
        share = counts / max(counts.sum(), 1)
        edges = np.linspace(0, 1, counts.size + 1)
        axes.stairs(share, edges, label=f"{summary['release']} ({summary['kept']})", linewidth=1.5)
    axes.axvline(
        RECOMMENDED_RCA_MEAN,
        color="0.4",
        linestyle="--",
        linewidth=1,
        label=f"recommended: {RECOMMENDED_RCA_MEAN} and above",
    )
    filled = [index for s in summaries for index, count in enumerate(s["dice_rca_mean"]["histogram"]) if count]
    bins = len(summaries[0]["dice_rca_mean"]["histogram"])
    axes.set(
        xlabel="Dice RCA (Mean)", ylabel="share of images", ylim=(0, None), xlim=(min([*filled, bins * 0.6]) / bins, 1)
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside upper center", ncols=2)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, metadata={"Software": None})
