"""Close the product: one rejected and one excluded table, the dataset card, the checksums."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.products.accounts import SUMMARY, checked_sums, read_json
from cxrfactory.products.chexmask.card_text import card_text
from cxrfactory.products.chexmask.release import RECOMMENDED_MEAN, product_files
from cxrfactory.products.provenance import library_versions, source_commit
from cxrfactory.tables.atomic import atomic_path, write_text
from cxrfactory.tables.sums import SUMS, write_sums
from cxrfactory.tables.weights import sha256_of

log = get_logger(__name__)

_HEADERS = {"rejected.csv": "dataset,image_id,stage,reason\n", "excluded.csv": "dataset,image_id,reason\n"}


def package_card(
    output: str | Path,
    parts: Sequence[str | Path],
    weights_card: str | Path,
    config: str | Path,
    credits: Sequence[str] = (),
    collect: Sequence[str | Path] = (),
) -> None:
    """Write what the product holds beside the releases' files.

    These are ``rejected.csv``, ``excluded.csv``, ``config.yaml``, ``weights.json``, ``rca.png``, ``README.md``
    and ``SHA256SUMS``.

    Parameters
    ----------
    output
        Folder of the product, where :func:`~cxrfactory.products.chexmask.release.package_chexmask` wrote.
    parts
        The releases' ``part`` folders.
    weights_card
        JSON card of the weights that made the landmarks.
    config
        Config of the run; copied.
    credits
        Lines of the card's section on sources and licences.
    collect
        Product folders of single releases whose tables are brought into ``output`` first; by hard link
        where the file system can, else by copy.

    Raises
    ------
    CxrError
        If a file is missing or unreadable, two parts are of one release, or the product's folders hold
        files that belong to no part (left by an earlier run: they would be neither described nor summed).
    """
    output = Path(output)
    by_release = sorted(
        ((read_json(Path(part) / SUMMARY), Path(part)) for part in parts), key=lambda pair: pair[0]["release"]
    )
    summaries = [summary for summary, _ in by_release]
    if not summaries:
        raise CxrError(f"{output}: no parts given; package at least one release first")
    releases = [summary["release"] for summary in summaries]
    if len(set(releases)) < len(releases):
        raise CxrError(f"{output}: parts name a release twice: {releases}")
    card = read_json(weights_card)
    if not isinstance(card.get("sha256"), str):
        raise CxrError(f"{weights_card}: key 'sha256' is missing from the weights card")
    if not Path(config).is_file():
        raise CxrError(f"{config}: no such file; expected the config of the run")
    products = [path for release in releases for path in product_files(output, release).values()]
    _collect(output, products, [Path(folder) for folder in collect])
    _check_files(output, products)
    known = {name: digest for _, part in by_release for name, digest in checked_sums(part).items()}

    for name, header in _HEADERS.items():
        _concatenate([part / name for _, part in by_release], output / name, header)
    _copy(Path(config), output / "config.yaml")
    _copy(Path(weights_card), output / "weights.json")
    _draw(summaries, output / "rca.png")
    provenance = {
        "versions": library_versions(),
        "commit": source_commit(),
        "config_sha256": sha256_of(output / "config.yaml"),
        "weights": card,
    }
    write_text(output / "README.md", card_text(summaries, provenance, credits))
    extras = [*_HEADERS, "config.yaml", "weights.json", "rca.png", "README.md"]
    write_sums(output / SUMS, output, products + [output / name for name in extras], known)
    log.info("%s: %d releases, %d rows kept; wrote README.md and SHA256SUMS of %d files", output, len(releases),
             sum(summary["kept"] for summary in summaries), len(products) + len(extras))  # fmt: skip


def _collect(output: Path, products: list[Path], folders: list[Path]) -> None:
    expected = {path.relative_to(output): path for path in products}
    taken: dict[Path, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise CxrError(f"{folder}: no such folder; package the release first")
        for source in sorted(path for path in folder.rglob("*") if path.is_file() and path.name[0] != "."):
            name = source.relative_to(folder)
            if name not in expected:
                raise CxrError(f"{source}: belongs to no packaged release; give its part, or remove it")
            if name in taken:
                raise CxrError(f"{source}: also in {taken[name]}; expected each release in one folder")
            taken[name] = folder
            with atomic_path(expected[name]) as temporary:
                temporary.unlink()
                try:
                    os.link(source, temporary)
                except OSError:  # another file system, or one without links
                    shutil.copyfile(source, temporary)


def _check_files(output: Path, products: list[Path]) -> None:
    missing = [path for path in products if not path.is_file()]
    if missing:
        raise CxrError(f"{missing[0]}: no such file; package the release first")
    # Names that begin with a dot are files in the making.
    present = {
        path for folder in {path.parent for path in products} for path in folder.iterdir() if path.name[0] != "."
    }
    foreign = sorted(present - set(products))
    if foreign:
        raise CxrError(f"{foreign[0]}: belongs to no packaged release; remove it ({len(foreign)} such files)")


def _concatenate(sources: list[Path], target: Path, header: str) -> None:
    with atomic_path(target) as temporary, temporary.open("wb") as stream:
        stream.write(header.encode())
        for source in sources:
            if not source.is_file():
                raise CxrError(f"{source}: no such file; package the release first")
            with source.open("rb") as rows:
                found = rows.readline()
                if found != header.encode():
                    raise CxrError(f"{source}: header {found!r}; expected {header!r}")
                shutil.copyfileobj(rows, stream)


def _copy(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def _draw(summaries: list[dict[str, Any]], path: Path) -> None:
    """Histogram of Dice RCA (Mean), one line a release."""
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
        RECOMMENDED_MEAN, color="0.4", linestyle="--", linewidth=1, label=f"recommended: {RECOMMENDED_MEAN} and above"
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
