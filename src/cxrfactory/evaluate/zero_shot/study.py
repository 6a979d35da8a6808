"""Run the study: a network of structures on labelled tables, folders of films, and spines."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from cxrfactory.anatomy.film_regions import DRAWN_PREFIX
from cxrfactory.config.zero_shot import ZeroShotTestConfig
from cxrfactory.errors import CxrError, ImageError
from cxrfactory.evaluate.models.evaluate_models import write_csv
from cxrfactory.evaluate.zero_shot import plausibility, spine
from cxrfactory.evaluate.zero_shot.films import TestFilm, folder_films, labelled_films
from cxrfactory.evaluate.zero_shot.measure import MEASURES, found_of, measure_film, regions_of, summarise
from cxrfactory.evaluate.zero_shot.published import beside
from cxrfactory.evaluate.zero_shot.sheets import arranged, tiles_of
from cxrfactory.imaging.drawing.png import save_png
from cxrfactory.imaging.radiograph.prepare import Preparation
from cxrfactory.logs import get_logger, progress
from cxrfactory.metrics.overlap import dice
from cxrfactory.models.anatomy.network import AnatomyNetwork
from cxrfactory.models.anatomy.views import FRONTAL_KEY
from cxrfactory.models.orientation import OrientationCheck
from cxrfactory.models.segmenter import Segmenter
from cxrfactory.tables.file_names import file_stem
from cxrfactory.tables.weights import PRETRAINED, read_weights

log = get_logger(__name__)

TURNED = 0.97  # probability of another orientation from which a frontal film of a folder is left out
TRUST = 0.7  # confidence from which a structure is drawn in colour

# Region that people draw -> structure whose confidence is compared with its Dice.
STRUCTURE_OF = {
    "right_lung": "right lung",
    "left_lung": "left lung",
    "right_whole_lung": "right lung",
    "left_whole_lung": "left lung",
    "right_clavicle": "right clavicle",
    "left_clavicle": "left clavicle",
    "heart": "heart",
}


def structure_of(region: str, names: Collection[str]) -> str:
    """Return the structure whose mask a region is: the output that is drawn, or else the projected structure."""
    drawn = f"{DRAWN_PREFIX}{region}"
    return drawn if drawn in names else STRUCTURE_OF.get(region, "")


@dataclass
class Findings:
    """Rows of the study: by region of films with truth, by structure of films, and by vertebra."""

    scores: list[dict[str, Any]] = field(default_factory=list)
    structures: list[dict[str, Any]] = field(default_factory=list)
    agreement: list[dict[str, Any]] = field(default_factory=list)
    vertebrae: list[dict[str, Any]] = field(default_factory=list)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the tables by the names of their files."""
        keys = ["image_id", "source", "view"]
        return {
            "scores": pd.DataFrame(self.scores, columns=[*keys, "region", *MEASURES, "confidence"]),
            "structures": pd.DataFrame(
                self.structures,
                columns=[*keys, "structure", *plausibility.CHECKS, "plausible", "area_px", "confidence"],
            ),
            "agreement": pd.DataFrame(self.agreement, columns=[*keys, "region", "dice"]),
            "vertebrae": pd.DataFrame(
                self.vertebrae, columns=["image_id", "source", "structure", "present", "hit", "offset", "dice"]
            ),
        }


def zero_shot(
    network: AnatomyNetwork,
    tables: Sequence[str | Path],
    folders: Sequence[str | Path],
    spines: str | Path | None,
    settings: ZeroShotTestConfig,
    recipe: Preparation,
    output: Path | None = None,
) -> dict[str, pd.DataFrame]:
    """Test a network on real films, and write tables and sheets.

    Parameters
    ----------
    network
        The network with its card.
    tables
        Labelled tables, schema ``LABELLED_IMAGES``; all splits, because the network was trained on none of them.
    folders
        Folders of films without truth.
    spines
        Folder of spines with corners (:mod:`cxrfactory.evaluate.zero_shot.spine`), or None.
    settings
        Number of films, device, bootstrap.
    recipe
        Preprocessing of the films in folders.
    output
        Folder for ``summary.csv`` (Dice, IoU, sensitivity, specificity and HD95 by source and region, with intervals),
        ``published.csv`` (the paper's numbers beside), ``plausibility.csv`` and ``spine.csv``, the tables by film
        ``scores.csv``, ``structures.csv``, ``agreement.csv`` and ``vertebrae.csv``, and sheets of the folders' films.
        None writes nothing.

    Returns
    -------
    The tables by the names of their files.

    Raises
    ------
    CxrError
        If there is no film, or a table or folder cannot be read.
    """
    if not tables and not folders and spines is None:
        raise CxrError("zero-shot: nothing to test on; give --labelled, --films or --spines")
    found = Findings()
    for path in tables:
        for film in progress(labelled_films(path, settings.count), f"test {Path(path).stem}"):
            _on_truth(network, film, found)
    landmarks, upright = (_landmark_network() if folders else None), OrientationCheck()
    for folder in folders:
        tiles: dict[str, list[np.ndarray]] = defaultdict(list)
        for film in progress(folder_films(Path(folder), recipe, settings.count), f"test {Path(folder).name}"):
            drawn = _on_film(network, film, found, landmarks, upright)
            if len(next(iter(tiles.values()), [])) < settings.sheet:
                for panel, tile in drawn.items():
                    tiles[panel].append(tile)
        if output is not None:
            for panel, each in tiles.items():
                name = f"{file_stem(str(folder).strip('/').replace('/', '-')[-40:])}.{panel.replace(' ', '-')}.png"
                save_png(arranged(each), output / "sheets" / name)
    if spines is not None:
        for film, corners in progress(spine.spine_films(Path(spines), recipe, settings.count), "test spines"):
            _, structures = found_of(network, film)
            keys = {"image_id": film.image_id, "source": film.source}
            found.vertebrae += [keys | row for row in spine.measure_spine(corners, structures)]
    made = found.frames()
    if not any(len(each) for each in made.values()):
        raise CxrError("zero-shot: no film could be tested; the log names the reasons")
    made["summary"] = summarise(made["scores"], settings.resamples, settings.seed)
    made["published"] = beside(made["summary"])
    made["plausibility"] = plausibility.summarise(made["structures"])
    made["spine"] = spine.summarise(made["vertebrae"])
    if output is not None:
        for name, table in made.items():
            write_csv(table, output / f"{name}.csv")
        log.info("wrote %s", output)
    return made


def _on_truth(network: AnatomyNetwork, film: TestFilm, found: Findings) -> None:
    try:
        view, structures = found_of(network, film)
    except ImageError as error:
        log.warning("%s: left out: %s", film.image_id, error)
        return
    keys = {"image_id": film.image_id, "source": film.source, "view": view}
    confidence = {name: structures[name].confidence for name in structures}
    for row in measure_film(film.truth, regions_of(structures)):
        sure = confidence.get(structure_of(row["region"], confidence))
        found.scores.append(keys | row | {"confidence": sure})
    _checked(network, view, structures, keys, found)


def _on_film(
    network: AnatomyNetwork,
    film: TestFilm,
    found: Findings,
    landmarks: Segmenter | None,
    upright: OrientationCheck,
) -> dict[str, np.ndarray]:
    view, structures = found_of(network, film)
    if view == FRONTAL_KEY and _is_turned(upright(film.image)):
        log.warning("%s: left out: lies on its side or upside down", film.image_id)
        return {}
    keys = {"image_id": film.image_id, "source": film.source, "view": view}
    _checked(network, view, structures, keys, found)
    if view == FRONTAL_KEY and landmarks is not None:
        other, own = landmarks(film.image, film.image.shape[0]).masks, regions_of(structures)
        found.agreement += [
            keys | {"region": name, "dice": dice(own[name], mask)} for name, mask in other.items() if name in own
        ]
    return tiles_of(film, view, structures, TRUST)


def _checked(network: AnatomyNetwork, view: str, structures: dict, keys: dict[str, Any], found: Findings) -> None:
    found.structures += [keys | row for row in plausibility.check_film(view, structures, network.card)]


def _is_turned(odds: Float[np.ndarray, "4"]) -> bool:
    """Return whether the orientation network is sure that a film is turned."""
    best = int(np.argmax(odds))
    return best != 0 and odds[best] >= TURNED


def _landmark_network() -> Segmenter:
    tensors, card = read_weights(PRETRAINED)
    return Segmenter(tensors, card, "cpu", PRETRAINED)
