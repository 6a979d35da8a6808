"""Segment files and folders into all structures of a network, and write them as a small product."""

import csv
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cxrfactory import __version__
from cxrfactory.anatomy.structure_groups import choose_structures
from cxrfactory.config.infer import AnatomyConfig, SegmentConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.drawing.png import encode_png
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.infer.anatomy.film import FilmReader, FlagsOf, SegmentedFilm
from cxrfactory.infer.inputs import list_images
from cxrfactory.infer.upright import mirrored_of, odds_of
from cxrfactory.logs import get_logger, progress
from cxrfactory.models.anatomy.network import AnatomyNetwork
from cxrfactory.models.anatomy.views import network_view
from cxrfactory.models.device import single_threaded
from cxrfactory.tables.anatomy_masks import FILM_MASKS, FILMS, FILMS_FILE, MASKS_FILE, RELEASE
from cxrfactory.tables.atomic import text_file, write_text
from cxrfactory.tables.file_names import file_stem
from cxrfactory.tables.folders import replaced_folder
from cxrfactory.tables.parquet import parquet_writer, write_arrow
from cxrfactory.tables.streaming import in_order

log = get_logger(__name__)

WEIGHTS = "pretrained-anatomy"
_AHEAD = 2  # films prefetched per worker; a film holds all of its masks


def segment_anatomy(
    paths: Sequence[Path],
    weights: Path | str,
    output: Path,
    settings: SegmentConfig,
    anatomy: AnatomyConfig,
    recipe: Preparation,
    workers: int = 1,
    flags_of: FlagsOf = lambda image, geometry, frontal: [],
) -> tuple[int, int]:
    """Segment files or folders into the structures of a pixel network.

    Parameters
    ----------
    paths
        Radiographs, or folders of radiographs (:func:`cxrfactory.infer.inputs.list_images`).
    weights
        Weights of a pixel network whose outputs are structures.
    output
        Folder to write, which must not exist or be empty: ``films.parquet`` and ``masks.parquet``
        (:mod:`cxrfactory.tables.anatomy_masks`), ``images/`` with the films in 8 bits, ``overlays/`` with one picture
        of each film and panel, ``rejected.csv``, and ``weights.json``. It opens with ``open_product`` and ``browse``.
    settings
        Device, whether the orientation is checked, and whether links are followed.
    anatomy
        Structures, view, and the confidence that counts as trusted.
    recipe
        Preprocessing, which should equal that of the training images.
    workers
        Number of films in parallel on the CPU; the bytes of the output do not depend on it.
    flags_of
        Function that returns the flags of a preprocessed picture, such as :class:`cxrfactory.rca.picture.PictureJudge`;
        they become notes of the film.

    Returns
    -------
    tuple
        Number of segmented films, and number of rejected files.

    Raises
    ------
    CxrError
        If there is no file to read, the weights cannot be used, a word denotes no structure, or the output holds
        files already.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise CxrError(f"{output}: exists already; expected a new or empty folder for the masks of all films")
    inputs = list_images(paths, settings.follow_links)
    network = AnatomyNetwork(weights, settings.device)
    view = None if anatomy.view == "auto" else anatomy.view
    wanted = wanted_structures(network, anatomy, view, str(weights))
    reader = FilmReader(
        network,
        recipe,
        frozenset(wanted),
        view,
        anatomy.trust,
        odds_of(settings.check_orientation),
        anatomy.panels,
        anatomy.all,
        mirrored_of(settings.check_orientation),
        flags_of,
    )
    rejected = list(inputs.unread)
    with replaced_folder(output) as folder:
        with parquet_writer(folder / MASKS_FILE, FILM_MASKS) as writer:
            films = _Films(folder, writer)
            outcomes = _outcomes(reader, inputs.films, workers)
            for image_id, outcome in progress(outcomes, "segment", len(inputs.films)):
                if isinstance(outcome, ImageError):
                    log.warning("%s: rejected: %s", image_id, outcome)
                    rejected.append((image_id, str(outcome)))
                else:
                    films.write(outcome)
                    if outcome.row["notes"]:
                        log.warning("%s: %s", image_id, outcome.row["notes"])
        write_arrow(pa.Table.from_pylist(films.rows, FILMS), folder / FILMS_FILE)
        _write_rest(folder, network, rejected, wanted, anatomy)
    log.info("%s; wrote %s", inputs.accounts(len(films.rows), len(rejected) - len(inputs.unread)), output)
    return len(films.rows), len(rejected)


def wanted_structures(network: AnatomyNetwork, anatomy: AnatomyConfig, view: str | None, source: str) -> list[str]:
    """Return the structures to give: those asked for, and without ``all`` only those validated in a view.

    Raises
    ------
    CxrError
        If a word denotes no structure, or none of the structures is validated; ``source`` names the weights.
    """
    chosen = choose_structures(anatomy.structures, network.all_names)
    if anatomy.all:
        return chosen
    views = network.card.views if view is None else (network_view(view),)
    validated = [name for name in chosen if any(network.validated(each, name) for each in views)]
    if not validated:
        raise CxrError(
            f"{source}: none of the {len(chosen)} structures asked for is validated on real films; --all gives them, "
            "marked as not validated"
        )
    return validated


def _outcomes(
    reader: FilmReader, films: Sequence[tuple[str, Path]], workers: int
) -> Iterator[tuple[str, SegmentedFilm | ImageError]]:
    """Yield the outcome of each film, in input order."""

    def one(film: tuple[str, Path]) -> tuple[str, SegmentedFilm | ImageError]:
        try:
            return film[0], reader(*film)
        except ImageError as error:
            return film[0], error

    with single_threaded(), ThreadPoolExecutor(workers) as pool:
        yield from in_order(pool, one, films, _AHEAD * workers)


class _Films:
    """The folder of a run while it is written: films one by one, each with a name that no other film has."""

    def __init__(self, folder: Path, writer: pq.ParquetWriter) -> None:
        self._folder, self._writer = folder, writer
        self._taken: set[str] = set()
        self._groups = 0
        self.rows: list[dict[str, Any]] = []

    def write(self, film: SegmentedFilm) -> None:
        """Write the files of a film, and keep its row."""
        stem = self._free(file_stem(film.row["image_id"]))
        self._picture("images", f"{stem}.png", film.picture)
        for panel, drawn in film.overlays.items():
            self._picture("overlays", f"{stem}.{panel.replace(' ', '-')}.png", drawn)
        group = -1
        if film.masks:
            group, self._groups = self._groups, self._groups + 1
            self._writer.write_table(pa.Table.from_pylist(film.masks, FILM_MASKS), row_group_size=len(film.masks))
        self.rows.append(film.row | {"picture": f"images/{stem}.png", "group": group})

    def _picture(self, kind: str, name: str, pixels: np.ndarray) -> None:
        (self._folder / kind).mkdir(exist_ok=True)
        (self._folder / kind / name).write_bytes(encode_png(pixels))

    def _free(self, stem: str) -> str:
        """Return a name that differs from all others also where a file system ignores case."""
        number, free = 2, stem
        while free.casefold() in self._taken:
            free, number = f"{stem}~{number}", number + 1
        self._taken.add(free.casefold())
        return free


def _write_rest(
    folder: Path,
    network: AnatomyNetwork,
    rejected: Sequence[tuple[str, str]],
    wanted: Sequence[str],
    anatomy: AnatomyConfig,
) -> None:
    with text_file(folder / "rejected.csv") as stream:
        stream.write("dataset,image_id,stage,reason\n")
        rows = ([RELEASE, image_id, "segment", reason] for image_id, reason in sorted(rejected))
        csv.writer(stream, lineterminator="\n").writerows(rows)
    write_text(folder / "excluded.csv", "dataset,image_id,reason\n")
    card = network.weights_card
    facts = {
        "segmenter": card["segmenter"],
        "sha256": card["sha256"],
        "cxrfactory": __version__,
        "structures": list(wanted),
        "trust": anatomy.trust,
        "anatomy": network.card.as_entry(),
    }
    write_text(folder / "weights.json", json.dumps(facts, indent=2) + "\n")
