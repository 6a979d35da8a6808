import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config import TrainConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png, encode_png
from cxrfactory.tables.parquet import read_table, write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES, LABELLED_VIEWS
from cxrfactory.train.data.ahead import batches_of
from cxrfactory.train.data.augment import move
from cxrfactory.train.data.layers import LayeredAnnotations, load_layers
from cxrfactory.train.data.planes import unpacked
from cxrfactory.train.data.tables import regions_of

GRAPH = landmark_graph("lungs-heart")
CPU = torch.device("cpu")
NAMES = ("dark", "bright", "left_lung")  # of the drawn regions


@pytest.fixture
def layered(labelled, tmp_path):
    """The phantoms with masks of their dark and bright pixels; every third draws only the dark ones."""
    rows = read_table(labelled, LABELLED_IMAGES).to_dict("records")
    for number, row in enumerate(rows):
        image = decode_png(row["png"])
        masks = {"dark": image < 90, "bright": image > 190}
        row["regions"] = [
            {"name": name, "png": encode_png(mask.astype(np.uint8) * 255)}
            for name, mask in masks.items()
            if name == "dark" or number % 3
        ]
        row["view"] = "PA" if number % 2 else "LL"
    path = tmp_path / "layered.parquet"
    write_table(pd.DataFrame(rows), path, LABELLED_VIEWS)
    return path


def masks_of(found):
    return unpacked(found.planes, found.known.shape[1]).numpy()


def test_masks_of_a_batch_are_those_of_the_table(layered):
    data = load_layers(layered, "train", GRAPH, 128, NAMES)
    found = data.annotations(np.arange(4))
    masks, rows = masks_of(found), read_table(layered, LABELLED_VIEWS).to_dict("records")
    assert found.known[:, 1].tolist() == [False, True, True, False]  # not annotated, which is not absent
    for place in range(4):
        image = decode_png(rows[place]["png"])
        assert np.array_equal(masks[place, 0], image < 90)
        assert np.array_equal(masks[place, 1], (image > 190) & bool(place % 3))
        assert masks[place, 2].any()  # filled from the landmarks
    assert found.ignored is None
    assert data.views[:3] == ["LL", "PA", "LL"]


def test_ignored_pixels_are_kept_apart(layered, tmp_path):
    table = read_table(layered, LABELLED_VIEWS)
    mask = np.zeros((128, 128), np.uint8)
    mask[10:20, 10:20], mask[30:40, 5:9] = 255, 127
    table.at[0, "regions"] = [{"name": "dark", "png": encode_png(mask)}]
    write_table(table, tmp_path / "ignored.parquet", LABELLED_VIEWS)
    found = load_layers(tmp_path / "ignored.parquet", "train", GRAPH, 128, NAMES).annotations(np.arange(2))
    assert np.array_equal(masks_of(found)[0, 0], mask == 255)
    assert np.array_equal(found.valid()[0, 0].numpy(), mask != 127)
    assert found.valid()[1].all()


@pytest.mark.parametrize("padding", ["plain", "reflection"])
def test_masks_move_with_the_image(layered, padding):
    data = load_layers(layered, "train", GRAPH, (96, 128), NAMES)
    images = torch.from_numpy(data.images[:6]).unsqueeze(1).float() / 255
    assert images.shape == (6, 1, 96, 128)
    settings = TrainConfig(rotation_degrees=20, scale=0.2, shift=0.1, padding=padding)
    moved, annotations = move(
        images, LayeredAnnotations.of(data, np.arange(6)), settings, torch.Generator().manual_seed(0)
    )
    masks = masks_of(annotations.planes())
    dark = (moved[:, 0] < 0.35).numpy() & (moved[:, 0] > 0.05).numpy()  # what enters from outside is black
    agreement = 2 * (dark & masks[:, 0]).sum((1, 2)) / (dark.sum((1, 2)) + masks[:, 0].sum((1, 2)))
    assert agreement.min() > 0.9
    assert annotations.only(["dark"]).masks.shape == (6, 1, 96, 128)


def test_two_moves_are_one_after_the_other(layered):
    data = load_layers(layered, "train", GRAPH, 64, NAMES)
    start = LayeredAnnotations.of(data, np.arange(2))
    shift = torch.tensor([[1.0, 0, 0.25], [0, 1, 0]]).expand(2, 2, 3)  # eight columns
    grid = functional.affine_grid(shift, [2, 1, 64, 64], align_corners=False)
    twice = masks_of(start.sampled(grid).sampled(grid).planes())
    once = masks_of(start.planes())
    assert np.array_equal(twice[..., :48], once[..., 16:])
    assert not twice[..., 48:].any()


def test_batches_do_not_depend_on_the_number_of_workers(layered):
    data = load_layers(layered, "train", GRAPH, 64, NAMES)
    batches, stream = [np.arange(4), np.arange(4, 9)], torch.Generator()
    found = [
        list(batches_of(data, batches, None, TrainConfig(threads=threads, elastic=0.02), CPU, stream, 3))
        for threads in (1, 2)
    ]
    for (one, masks), (other, others) in zip(*found, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(masks.planes, others.planes)
    again = next(batches_of(data, batches, None, TrainConfig(threads=1, elastic=0.02), CPU, stream, 4))
    assert not torch.equal(again[0], found[0][0][0])  # another epoch, other changes


def test_views_and_regions_are_chosen(layered):
    assert regions_of([layered]) == ["bright", "dark"]
    assert set(load_layers(layered, "train", GRAPH, 64, NAMES, views=["LL"]).views) == {"LL"}
    with pytest.raises(CxrError, match="no image of split 'val' has view AP; found LL, PA"):
        load_layers(layered, "val", GRAPH, 64, NAMES, views=["AP"])
    with pytest.raises(CxrError, match="no image annotates the right clavicle; take it out of organs"):
        load_layers(layered, "train", GRAPH, 64, ("dark", "right_clavicle"))
    with pytest.raises(CxrError, match="no view at all"):
        load_layers(layered.with_name("labelled.parquet"), "train", GRAPH, 64, ("left_lung",), views=["PA"])
