"""Tiny data for the door: films of a toy chest, weights, a CT with labels, and a finished product with its release."""

import json

import cv2
import numpy as np
import pytest

from cxrfactory.imaging.drawing.png import save_png
from cxrfactory.imaging.geometry import Geometry
from cxrfactory.imaging.turns import ORIENTATIONS, lies_on_its_side, stored, stored_box
from cxrfactory.products.chexmask.card import package_card
from cxrfactory.tables.quality_calibration import write_quality_calibration
from cxrfactory.tables.weights import read_weights
from tests.drr.conftest import NAMES, save, volumes
from tests.infer.conftest import made_calibration, two_headed_weights, weights  # noqa: F401  (fixtures)
from tests.products.chexmask.packed import landmark_row, package_chexmask
from tests.products.chexmask.packed import release as packed_release
from tests.rca.chests import chest

HEIGHT, WIDTH = 128, 96  # of the radiographs of the product's release
GEOMETRY = Geometry(HEIGHT, WIDTH, 4, 0, 120, 94, 32)


def picture(height, width, shift=0):
    """A toy chest of any shape."""
    square, _ = chest(shift=(shift, 0), size=max(height, width))
    return np.ascontiguousarray(square[:height, :width])


@pytest.fixture(scope="session")
def films(tmp_path_factory):
    """Folder of one film and one broken file."""
    folder = tmp_path_factory.mktemp("films")
    save_png(picture(200, 160), folder / "film.png")
    (folder / "broken.png").write_bytes(b"")
    return folder


@pytest.fixture(scope="session")
def calibration(two_headed_weights, tmp_path_factory):  # noqa: F811
    """Quality calibration of the weights with two heads, by which all lungs are low and no heart is."""
    path = tmp_path_factory.mktemp("calibration") / "quality.json"
    write_quality_calibration(made_calibration(read_weights(two_headed_weights)[1]["sha256"]), path)
    return path


@pytest.fixture(scope="session")
def scan(tmp_path_factory):
    """Folder of a CT, its label volume, and the labels' names."""
    folder = tmp_path_factory.mktemp("scan")
    hu, labels = volumes()
    save(hu, folder / "ct.nii.gz")
    save(labels, folder / "labels.nii.gz")
    (folder / "names.csv").write_text(NAMES)
    return folder


def turned(geometry, letters):
    """Return the geometry of the same film, stored turned or mirrored."""
    shape = geometry.original_height, geometry.original_width
    shape = shape[::-1] if lies_on_its_side(letters) else shape
    crop = geometry.crop_top, geometry.crop_left, geometry.crop_height, geometry.crop_width
    return Geometry(*shape, *stored_box(*crop, letters, *shape), geometry.size, ORIENTATIONS.index(letters) + 1)


@pytest.fixture(scope="session")
def product(tmp_path_factory):
    """Folder of a finished product of one release, ``results/chexmask``, with its manifest and its radiographs."""
    return packed_product(tmp_path_factory.mktemp("run"))


def packed_product(folder, letters="LF"):
    """Pack a product whose films are stored turned or mirrored."""
    geometry = turned(GEOMETRY, letters)
    made = packed_release()
    made.landmarks = [landmark_row(row["image_id"], geometry=geometry) for row in made.landmarks]
    inputs = made.write(folder / "in")
    output, part = folder / "results" / "chexmask", folder / "part"
    names = {"dataset": "demo", "release": "demo", "id_column": "image_id"}
    package_chexmask(**inputs, output=output, part=part, **names)
    (folder / "weights.json").write_text(json.dumps({"segmenter": "hybridgnet", "sha256": "ab" * 32, "metrics": {}}))
    (folder / "config.yaml").write_text("datasets:\n  demo:\n    root: release\n")
    package_card(output, [part], folder / "weights.json", folder / "config.yaml")
    (folder / "results" / "manifest").mkdir()
    (folder / "in" / "manifest.parquet").rename(folder / "results" / "manifest" / "demo.parquet")
    (folder / "release").mkdir()
    for shift, name in enumerate("abc"):
        cv2.imwrite(str(folder / "release" / f"{name}.png"), stored(picture(HEIGHT, WIDTH, shift), letters))
    return output
