"""Export of the labelled table as a raw dataset of nnU-Net v2 (Isensee et al., Nature Methods 2021).

nnU-Net's own commands train on it. nnU-Net uses one label map per image, so every pixel has one value. The contours of
lungs and heart touch and share the pixels that both pass through. These pixels belong to the organ that is later in the
graph. Where organs overlap (clavicles over lungs), this rule would remove a part of one of them. With regions, each
combination of organs that occurs therefore gets its own value, and nnU-Net learns every organ as the union of its
values.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from cxrfactory.anatomy.graph import LandmarkGraph, landmark_graph
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.config import NnunetConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import save_png
from cxrfactory.logs import get_logger, progress
from cxrfactory.models.inputs import to_pixels
from cxrfactory.tables.atomic import write_text
from cxrfactory.train.data.images import LabelledImages, load_labelled

log = get_logger(__name__)

SPLITS = ("train", "val")
MOST_CONTESTED = 0.05  # largest mean share of an organ that may be given to another organ without regions
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_NAME = re.compile(r"Dataset\d{3}_[A-Za-z0-9]+")


@dataclass(frozen=True)
class Labels:
    """Values of the label maps.

    Attributes
    ----------
    organs
        Names of the organs, in the order of the graph.
    combinations
        For each value, the positions in ``organs`` of the organs in a pixel; value 0 is the empty combination.
    """

    organs: tuple[str, ...]
    combinations: tuple[tuple[int, ...], ...]

    @property
    def with_regions(self) -> bool:
        """Whether a value represents several organs."""
        return any(len(each) > 1 for each in self.combinations)

    def described(self) -> dict[str, object]:
        """Return the entries ``labels`` and, with regions, ``regions_class_order`` of ``dataset.json``."""
        values = {
            organ: [value for value, each in enumerate(self.combinations) if place in each]
            for place, organ in enumerate(self.organs)
        }
        if not self.with_regions:
            return {"labels": {"background": 0} | {organ: each[0] for organ, each in values.items()}}
        order = [self.combinations.index((place,)) for place in range(len(self.organs))]
        return {"labels": {"background": 0} | values, "regions_class_order": order}

    def map_of(self, masks: UInt8[np.ndarray, "organs s s"]) -> UInt8[np.ndarray, "s s"]:
        """Make the label map; a combination without its own value gets the value of its last organ."""
        codes = _codes(masks)
        table = np.zeros(2 ** len(self.organs), np.uint8)
        for code in range(1, len(table)):
            places = tuple(place for place in range(len(self.organs)) if code >> place & 1)
            known = places if places in self.combinations else places[-1:]
            table[code] = self.combinations.index(known)
        return table[codes]


def labels_of(graph: LandmarkGraph, codes: set[int]) -> Labels:
    """Assign one value to each organ of a graph and one to each combination in ``codes`` (bits of organ positions)."""
    count = len(graph.organs)
    several = sorted(code for code in codes if code.bit_count() > 1)
    together = [tuple(place for place in range(count) if code >> place & 1) for code in several]
    return Labels(graph.organs, ((), *((place,) for place in range(count)), *together))


def export_nnunet(
    labelled: Sequence[Path],
    output: Path,
    settings: NnunetConfig,
    preprocessed: Path | None = None,
) -> Path:
    """Write the raw dataset.

    Parameters
    ----------
    labelled
        Preprocessed labelled tables, schema ``LABELLED_IMAGES``, splits ``train`` and ``val``. Both splits are written
        to ``imagesTr``, and ``splits_final.json`` lists them. Images that do not annotate the whole graph are left out.
    output
        nnU-Net's folder of raw datasets (``nnUNet_raw``). The dataset's own folder is created in it and must not exist.
    settings
        Name of the dataset, organs, size of images and label maps, and whether combinations of organs get their own
        values.
    preprocessed
        nnU-Net's folder of preprocessed datasets (``nnUNet_preprocessed``), where its training reads
        ``splits_final.json``. If not given, the file is written beside ``dataset.json`` and must be copied.

    Returns
    -------
    Path
        Folder of the dataset.

    Raises
    ------
    CxrError
        If the name does not follow nnU-Net's format, the folder exists, two ids give one file name, or an organ would
        lose more than 5 % of its pixels on average without regions.
    """
    name, size = settings.name, settings.size
    if not _NAME.fullmatch(name):
        raise CxrError(f"dataset name '{name}'; expected DatasetNNN_Name with three digits, as nnU-Net wants it")
    folder = output / name
    if folder.exists():
        raise CxrError(f"{folder}: exists already; remove it or choose another name")
    graph = landmark_graph(settings.graph)
    parts = {split: _whole(load_labelled(labelled, split, graph, size), split) for split in SPLITS}
    cases = _case_names([image_id for part in parts.values() for image_id in part.ids])
    labels = labels_of(graph, _combinations(parts, graph, size) if settings.regions else set())
    if not labels.with_regions:
        _check_contested(parts, graph, size, labels, folder)
    for split, part in parts.items():
        for index, image_id in enumerate(progress(part.ids, f"nnU-Net, {split}")):
            label_map = labels.map_of(_masks(part.targets[index], graph, size))
            save_png(part.images[index], folder / "imagesTr" / f"{cases[image_id]}_0000.png")
            save_png(label_map, folder / "labelsTr" / f"{cases[image_id]}.png")
    splits = [{split: [cases[image_id] for image_id in part.ids] for split, part in parts.items()}]
    facts = {
        "channel_names": {"0": "radiograph"},
        **labels.described(),
        "numTraining": len(cases),
        "file_ending": ".png",
        "overwrite_image_reader_writer": "NaturalImage2DIO",
        "input_size": size,  # evaluate-model reads this and the next entry; nnU-Net copies them
        "definition": graph.definition,
    }
    table = pd.DataFrame(
        [(cases[image_id], image_id, split) for split, part in parts.items() for image_id in part.ids],
        columns=["case", "image_id", "split"],
    )
    write_text(folder / "cases.csv", table.to_csv(index=False, lineterminator="\n"))
    where = folder if preprocessed is None else preprocessed / name
    write_text(where / "splits_final.json", json.dumps(splits, indent=2) + "\n")
    write_text(folder / "dataset.json", json.dumps(facts, indent=2) + "\n")
    log.info("wrote %d images of %d px to %s, the split to %s", len(cases), size, folder, where / "splits_final.json")
    return folder


def _whole(part: LabelledImages, split: str) -> LabelledImages:
    kept, name = part.whole(), part.graph.name
    if not len(kept):
        raise CxrError(f"no image of split '{split}' annotates all of the graph '{name}'; choose a smaller graph")
    if len(kept) < len(part.ids):
        log.info("%s: left out %d images that do not annotate '%s'", split, len(part.ids) - len(kept), name)
    return part.subset(kept)


def _case_names(image_ids: list[str]) -> dict[str, str]:
    names = {image_id: _UNSAFE.sub("_", image_id) for image_id in image_ids}
    seen: dict[str, str] = {}
    for image_id, name in names.items():
        if name in seen:
            raise CxrError(f"images '{seen[name]}' and '{image_id}' would both be '{name}'; rename one")
        seen[name] = image_id
    return names


def _masks(target: np.ndarray, graph: LandmarkGraph, size: int) -> UInt8[np.ndarray, "organs s s"]:
    return np.stack(list(landmarks_to_masks(to_pixels(target.astype(np.float64), size), graph, size, size).values()))


def _codes(masks: UInt8[np.ndarray, "organs s s"]) -> UInt8[np.ndarray, "s s"]:
    bits = np.left_shift(1, np.arange(len(masks))).astype(np.uint8)
    return np.tensordot(bits, (masks != 0).astype(np.uint8), axes=1).astype(np.uint8)


def _combinations(parts: dict[str, LabelledImages], graph: LandmarkGraph, size: int) -> set[int]:
    targets = [target for part in parts.values() for target in part.targets]
    return {int(code) for target in targets for code in np.unique(_codes(_masks(target, graph, size)))}


def _lost(masks: np.ndarray, label_map: np.ndarray, labels: Labels) -> np.ndarray:
    """Compute the share of each organ's pixels whose value does not include the organ."""
    shares = np.zeros(len(masks))
    for place, mask in enumerate(masks):
        told = np.isin(label_map, [value for value, each in enumerate(labels.combinations) if place in each])
        shares[place] = 1 - float((told & (mask != 0)).sum()) / max(1, int(mask.sum()))
    return shares


def _check_contested(
    parts: dict[str, LabelledImages], graph: LandmarkGraph, size: int, labels: Labels, folder: Path
) -> None:
    everything = [_masks(target, graph, size) for part in parts.values() for target in part.targets]
    contested = np.mean([_lost(masks, labels.map_of(masks), labels) for masks in everything], axis=0)
    for organ, share in zip(graph.organs, contested, strict=True):
        if share > MOST_CONTESTED:
            raise CxrError(f"{folder}: {organ} loses {share:.1%} of its pixels to organs over it; use --regions")
        if share:
            log.info("%s: %.2f %% of its pixels go to an organ that stands later in the graph", organ, 100 * share)
