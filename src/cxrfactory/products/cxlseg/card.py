"""Close CXLSeg: the releases' folders in one, rejected and excluded rows, a sheet of examples, the card, checksums."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.contact_sheet import plain, sheet, shortened, text_strip
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.logs import get_logger
from cxrfactory.products.accounts import SUMMARY, checked_sums, read_json
from cxrfactory.products.cxlseg.card_text import card_text
from cxrfactory.products.provenance import library_versions, source_commit
from cxrfactory.tables.atomic import flush, write_bytes, write_text
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.sums import SUMS, write_sums
from cxrfactory.tables.weights import card_path, read_weights, sha256_of, weights_file

_HEADERS = {"rejected.csv": "dataset,image_id,stage,reason\n", "excluded.csv": "dataset,image_id,reason\n"}
EXAMPLES = "examples.png"
_COUNT, _COLUMNS = 12, 4  # of the examples: image, and beside it its mask

log = get_logger(__name__)


def close_cxlseg(
    output: str | Path,
    products: Sequence[str | Path],
    parts: Sequence[str | Path],
    weights: str | Path,
    config: str | Path,
    credits: Sequence[str] = (),
) -> None:
    """Gather the releases that :func:`cxrfactory.products.cxlseg.release.package_cxlseg` made into one product.

    Parameters
    ----------
    output
        Folder to make: ``<Release>/`` for each release, ``rejected.csv``, ``excluded.csv``, ``config.yaml``,
        ``weights.json``, ``examples.png``, ``README.md`` and ``SHA256SUMS``. One of an earlier run is replaced.
    products, parts
        The releases' folders and their accounts, in the same order. Files are linked where the file system can.
    weights
        Of the segmenter, with their card beside them, or a name such as ``pretrained``.
    config
        Config of the run; copied.
    credits
        Lines of the card's section on sources and licences.

    Raises
    ------
    CxrError
        If there is no release, one is given twice, a file is missing, or ``output`` is something else.
    """
    output = Path(output)
    if not products or len(products) != len(parts):
        raise CxrError(
            f"{output}: {len(products)} releases with {len(parts)} accounts; expected one or more, with an account "
            "each: a dataset takes part where the config names its reports (datasets.<name>.reports)"
        )
    if output.exists() and not (output / "SHA256SUMS").is_file() and any(path.is_file() for path in output.rglob("*")):
        raise CxrError(f"{output}: exists and is no such product of an earlier run; give another folder")
    summaries = [read_json(Path(part) / SUMMARY) for part in parts]
    names = [summary["release"] for summary in summaries]
    if len(set(names)) < len(names):
        raise CxrError(f"{output}: parts name a release twice: {names}")
    for path in (config, card_path(weights_file(weights))):
        if not Path(path).is_file():
            raise CxrError(f"{path}: no such file; expected the config of the run, and the card of the weights")
    output.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        for product, name in zip(products, names, strict=True):
            _link_tree(Path(product), building / name)
        for name, header in _HEADERS.items():
            write_text(building / name, header + "".join(_body(Path(part) / name, header) for part in parts))
        shutil.copyfile(config, building / "config.yaml")
        shutil.copyfile(card_path(weights_file(weights)), building / "weights.json")
        write_bytes(building / EXAMPLES, encode_png(_examples(building, names)))
        provenance = {
            "versions": library_versions(),
            "commit": source_commit(),
            "config_sha256": sha256_of(building / "config.yaml"),
            "weights": read_weights(weights)[1],
        }
        write_text(building / "README.md", card_text(summaries, provenance, credits))
        known = {
            f"{release}/{name}": digest
            for release, part in zip(names, parts, strict=True)
            for name, digest in checked_sums(part).items()
        }
        files = write_sums(building / SUMS, building, [path for path in building.rglob("*") if path.is_file()], known)
        building.chmod(0o755)
        flush()
        shutil.rmtree(output, ignore_errors=True)
        os.replace(building, output)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    kept = sum(summary["kept"] for summary in summaries)
    log.info("%s: %d releases, %d images; SHA256SUMS of %d files", output, len(names), kept, files)


def _link_tree(source: Path, target: Path) -> None:
    if not source.is_dir():
        raise CxrError(f"{source}: no such folder; package the release first")

    def link(first: str, second: str) -> None:
        if Path(first).name.startswith("."):  # the workflow's own marks
            return
        try:
            os.link(first, second)
        except OSError:  # another file system, or one without links
            shutil.copyfile(first, second)

    shutil.copytree(source, target, copy_function=link)


def _body(path: Path, header: str) -> str:
    if not path.is_file():
        raise CxrError(f"{path}: no such file; package the release first")
    text = path.read_text(encoding="utf-8")
    if not text.startswith(header):
        raise CxrError(f"{path}: header {text.splitlines()[:1]}; expected '{header.strip()}'")
    return text[len(header) :]


def _examples(folder: Path, releases: Sequence[str]) -> np.ndarray:
    """Some images, spread over the releases' tables, each beside its mask; RGB."""
    tiles = []
    each = -(-_COUNT // len(releases))
    for release in releases:
        images = read_table(folder / release / "CXLSeg-segmented.parquet", columns=["dicom_id", "DicomPath"])
        masks = read_table(folder / release / "CXLSeg-mask.parquet", columns=["dicom_id", "DicomPath"])
        rows = images.merge(masks, on="dicom_id", suffixes=("", "_mask"))
        chosen = np.unique(np.linspace(0, len(rows) - 1, min(each, len(rows))).round().astype(int))
        for row in rows.iloc[chosen].to_dict("records"):
            pair = [_read_grey(folder / release / row[name]) for name in ("DicomPath", "DicomPath_mask")]
            picture = cv2.cvtColor(np.hstack(pair), cv2.COLOR_GRAY2RGB)
            caption = [plain(shortened(f"{release} {row['dicom_id']}", 60))]
            tiles.append(np.vstack([picture, text_strip(caption, picture.shape[1])]))
    return sheet(tiles, min(_COLUMNS, len(tiles)))


def _read_grey(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise CxrError(f"{path}: no readable picture; package the release again")
    return picture
