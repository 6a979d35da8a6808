from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.hearts.case_table import HeartCase, write_cases
from cxrfactory.hearts.infer.prepare import pictured, pictures_of, prepare_cases, prepare_graph
from cxrfactory.hearts.infer.shard import infer_hearts
from cxrfactory.hearts.template import Template, write_template
from cxrfactory.hearts.views import HeartViews, ImagePlane
from cxrfactory.models.hybridvnet.finder import HeartFinder
from cxrfactory.models.hybridvnet.graph import read_graph
from cxrfactory.models.hybridvnet.network import NetworkSettings
from cxrfactory.models.hybridvnet.picture_table import read_pictures
from cxrfactory.models.hybridvnet.predict import MeshPredictor
from cxrfactory.models.hybridvnet.weights import build, settings_of, stored_arrays
from cxrfactory.tables.weights import read_weights, write_weights
from tests.models.hybridvnet.blocks import block_of_parts
from tests.models.hybridvnet.eggs import Egg, egg_graph

SMALL = NetworkSettings(
    grid=(8, 24, 24), plane_side=24, stack_channels=(8, 16), plane_channels=(8, 16), widths=(16, 16, 8, 8)
)


def views_of(egg, name):
    pictures = egg.pictures
    stack = tuple(
        ImagePlane(each.astype(np.float32), origin, pictures.across, pictures.down, pictures.spacing_mm, 8.0)
        for each, origin in zip(pictures.stack, pictures.origins_mm, strict=True)
    )
    planes = {
        view: ImagePlane(each.pixels.astype(np.float32), each.origin_mm, each.across, each.down, each.spacing_mm, 8.0)
        for view, each in pictures.long_axis.items()
    }
    return HeartViews(name, name, "ED", stack, planes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Cases, and weights that were never trained: the mean shape about the finder's frame, and noise."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("infer")
    rng = np.random.default_rng(4)
    eggs = [Egg(rng, views=("2ch", "3ch", "4ch") if number else ("4ch",)) for number in range(3)]
    cases = [HeartCase(views_of(egg, f"egg{number}"), egg.vertices, "train") for number, egg in enumerate(eggs)]
    write_cases(place / "cases.parquet", cases)
    write_cases(place / "one.parquet", cases[1:2])
    torch.manual_seed(0)
    graph = egg_graph()
    network = build("hybridvnet", graph, SMALL)
    network.fit_shapes((graph.reference_mm / 144 + 0.5)[None])
    for name, each in (("hybridvnet", network), ("heart-finder", HeartFinder())):
        facts = {"normalisation": "", "data": {}, "metrics": {}}
        write_weights(
            place / f"{name}.safetensors",
            stored_arrays(each),
            {"segmenter": name, "settings": settings_of(each), **facts},
        )
    return place


def infer(folder, table, out, **options):
    return infer_hearts(
        folder / table, folder / "hybridvnet.safetensors", folder / "heart-finder.safetensors", out,
        out.with_suffix(".rejected"), device="cpu", **options,
    )  # fmt: skip


def test_rows_do_not_depend_on_other_cases_and_bytes_repeat(folder, tmp_path):
    assert infer(folder, "cases.parquet", tmp_path / "a.parquet", samples=4) == (3, 0)
    infer(folder, "cases.parquet", tmp_path / "b.parquet", samples=4)
    infer(folder, "one.parquet", tmp_path / "one.parquet", samples=4)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    rows = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert pq.read_table(tmp_path / "one.parquet").to_pylist() == rows[1:2]
    assert [row["views"] for row in rows] == [["4ch"], ["2ch", "3ch", "4ch"], ["2ch", "3ch", "4ch"]]
    assert [len(rows[0][name]) for name in ("vertices", "vertices_std", "latent")] == [642 * 3, 642, 56]
    assert min(rows[0]["vertices_std"]) > 0
    assert pq.read_table(tmp_path / "a.rejected").num_rows == 0


def test_without_samples_there_is_no_spread(folder, tmp_path):
    infer(folder, "one.parquet", tmp_path / "a.parquet", samples=0, passes=1)
    assert not any(pq.read_table(tmp_path / "a.parquet")["vertices_std"].to_pylist()[0])


def test_answer_that_is_no_number_is_rejected(folder, tmp_path, monkeypatch):
    inner = MeshPredictor.predict

    def broken(self, pictures, key):
        if key == "egg1/ED":
            raise ImageError("the network's answer holds numbers that are not finite")
        return inner(self, pictures, key)

    monkeypatch.setattr(MeshPredictor, "predict", broken)
    assert infer(folder, "cases.parquet", tmp_path / "a.parquet", samples=0) == (2, 1)
    assert pq.read_table(tmp_path / "a.rejected").to_pylist() == [
        {"case_id": "egg1", "frame": "ED", "stage": "infer", "reason": "the network's answer holds numbers that are "
         "not finite"}
    ]  # fmt: skip


def test_weights_of_another_kind_are_refused(folder):
    finder = read_weights(folder / "heart-finder.safetensors")
    with pytest.raises(CxrError, match="weights of a heart-finder with a heart-finder; expected a network of a mesh"):
        MeshPredictor(*finder, *finder)


def test_second_pass_starts_from_the_frame_of_the_mesh(folder):
    egg = Egg(np.random.default_rng(9))
    weights = [*read_weights(folder / "hybridvnet.safetensors"), *read_weights(folder / "heart-finder.safetensors")]
    frame = MeshPredictor(*weights, device="cpu").frame_about(egg.pictures, egg.vertices)
    np.testing.assert_allclose(frame.centre_mm, egg.vertices.mean(0), atol=1e-3)
    assert frame.axes[0] @ egg.pose[:, 0] > 0.97


def test_pictures_keep_their_places(folder):
    """Pixels of 1 mm are averaged to 2 mm, and the grey value of a position stays where it is."""
    across, down = np.eye(3)[0], np.eye(3)[1]
    pixels = np.add.outer(np.arange(60.0), 2 * np.arange(80.0)).astype(np.float32)
    plane = ImagePlane(pixels, np.array([5.0, 6.0, 7.0]), across, down, (1.0, 1.0), 8.0)
    pictures = pictures_of(
        HeartViews("a", "a", "ED", (plane, replace(plane, origin_mm=np.array([5.0, 6.0, -3.0]))), {})
    )
    assert pictures.stack.shape == (2, 30, 40)
    assert pictures.spacing_mm == (2.0, 2.0)
    np.testing.assert_allclose(pictures.origins_mm, [[5.5, 6.5, 7.0], [5.5, 6.5, -3.0]])
    low, high = np.percentile(pictures.stack, [0, 100])
    assert (low, high) == (0, 255)
    steps = (
        np.diff(pictures.stack[0].astype(float), axis=1).mean(),
        np.diff(pictures.stack[0].astype(float), axis=0).mean(),
    )
    assert steps[0] == pytest.approx(2 * steps[1], rel=0.1)


def test_prepared_table_is_read_again(folder, tmp_path):
    assert prepare_cases(folder / "cases.parquet", tmp_path / "p.parquet") == 3
    found = list(read_pictures(tmp_path / "p.parquet"))
    assert [heart.key for heart in found] == ["egg0/ED", "egg1/ED", "egg2/ED"]
    egg = Egg(np.random.default_rng(4), views=("4ch",))
    wanted = pictured(HeartCase(views_of(egg, "egg0"), egg.vertices, "train"))
    np.testing.assert_array_equal(found[0].pictures.stack, wanted.pictures.stack)
    np.testing.assert_allclose(found[0].pictures.origins_mm, wanted.pictures.origins_mm)
    np.testing.assert_array_equal(found[0].vertices_mm, egg.vertices)
    plane = found[0].pictures.long_axis["4ch"]
    np.testing.assert_allclose(plane.down, egg.pictures.long_axis["4ch"].down)
    assert list(read_pictures(tmp_path / "p.parquet", "validate")) == []


def test_graphs_of_a_template_file(tmp_path):
    block = block_of_parts()
    template = Template(block, ("inside",) * len(block.vertices_mm), {"apex": np.zeros(3)})
    write_template(template, tmp_path / "t.npz")
    for kind, nodes in (("surface", None), ("volume", len(block.vertices_mm))):
        prepare_graph(tmp_path / "t.npz", kind, tmp_path / "g.npz")
        graph = read_graph(tmp_path / "g.npz")
        assert graph.kind == kind
        assert graph.nodes == (nodes or len(np.unique(block.interfaces[0])))
