"""A trained nnU-Net as a segmenter: ``nnunetv2`` predicts image by image, in memory.

The folder is nnU-Net's own (``nnUNet_results/DatasetNNN_Name/TRAINER__PLANS__CONFIGURATION``), trained on the output of
``nnunet-export``. The checkpoints are pickles, which can run code when they are opened: open only folders that you
trust.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.models.device import choose_device, single_threaded
from cxrfactory.models.inputs import to_input
from cxrfactory.models.segmenter import Segmentation
from cxrfactory.models.torchvision_ops import import_torchvision
from cxrfactory.tables.key_values import parse_json

CHECKPOINT = "checkpoint_final.pth"
PLAIN_SPACING = {"spacing": [999, 1, 1]}  # nnU-Net's convention for images without spacing


class NnUNetSegmenter:
    """Average of all trained folds of one configuration, as in nnU-Net.

    Parameters
    ----------
    folder
        Folder that holds ``dataset.json``, ``plans.json`` and ``fold_*``.
    device
        ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    CxrError
        If ``nnunetv2`` is not installed, the folder lacks required files or keys, or no fold has finished training.
    """

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        facts = _facts(folder)
        self.source, self.input_size = str(folder), int(facts["input_size"])
        self.definition = str(facts["definition"])
        self.organs = tuple(each for each in facts["labels"] if each != "background")
        self.regions = "regions_class_order" in facts
        folds = sorted(each.parent.name for each in folder.glob(f"fold_*/{CHECKPOINT}"))
        if not folds:
            raise CxrError(f"{folder}: no fold_*/{CHECKPOINT}; expected a training that came to its end")
        import_torchvision()
        try:
            from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
        except ImportError as error:
            raise CxrError(f"{folder}: needs the package nnunetv2 ({error}); install cxrfactory[nnunet]") from error
        self.device = choose_device(device)
        self.predictor = nnUNetPredictor(device=self.device, perform_everything_on_device=False, allow_tqdm=False)
        numbers = [fold.removeprefix("fold_") for fold in folds]
        chosen = tuple(int(each) if each.isdigit() else each for each in numbers)
        self.predictor.initialize_from_trained_model_folder(str(folder), chosen, CHECKPOINT)
        self.parameters = sum(each.numel() for each in self.predictor.network.parameters())

    def __call__(self, image: UInt8[np.ndarray, "s s"], size: int) -> Segmentation:
        """Segment one square preprocessed image; the masks have a frame of ``size`` x ``size`` pixels.

        Raises
        ------
        ImageError
            If the network returns numbers that are not finite.
        """
        scaled = (to_input(image, self.input_size) * np.float32(255))[None, None]
        with single_threaded():
            _, chances = self.predictor.predict_single_npy_array(
                scaled, dict(PLAIN_SPACING), None, None, save_or_return_probabilities=True
            )
        if not np.isfinite(chances).all():
            raise ImageError(f"{self.source}: the network's answer holds numbers that are not finite")
        return Segmentation(dict(zip(self.organs, self._masks(chances[:, 0], size), strict=True)))

    def _masks(self, chances: Float[np.ndarray, "classes h w"], size: int) -> list[np.ndarray]:
        import cv2

        enlarged = [
            cv2.resize(np.asarray(each, np.float32), (size, size), interpolation=cv2.INTER_LINEAR) for each in chances
        ]
        if self.regions:  # one sigmoid for each organ, so organs may overlap
            return [(each >= 0.5).astype(np.uint8) for each in enlarged]
        winner = np.argmax(np.stack(enlarged), axis=0)
        return [(winner == place).astype(np.uint8) for place in range(1, len(self.organs) + 1)]


def _facts(folder: Path) -> dict[str, Any]:
    path = folder / "dataset.json"
    if not path.is_file():
        raise CxrError(f"{path}: no such file; expected nnU-Net's results folder TRAINER__PLANS__CONFIGURATION")
    try:
        facts = parse_json(path.read_text(encoding="utf-8"), path)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CxrError(f"{path}: not readable as JSON ({error})") from error
    missing = [key for key in ("labels", "input_size", "definition") if not isinstance(facts, dict) or key not in facts]
    if missing:
        raise CxrError(f"{path}: keys {missing} are missing; expected a dataset written by nnunet-export")
    return facts
