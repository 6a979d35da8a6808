import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import landmark_graph
from cxrfactory.config.rca import RcaReferenceConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import decode_png
from cxrfactory.rca.reference import (
    REFERENCE,
    build_reference,
    check_definition,
    encoder_of,
    is_reference,
    library_digest,
    read_reference,
)
from cxrfactory.tables.parquet import read_table, stored_graph, write_table
from cxrfactory.tables.schemas import LABELLED_IMAGES
from tests.rca.chests import SIZE, chest, codes_of, encode, landmarks_of, write_labelled

HEART_GRAPH, LUNG_GRAPH = landmark_graph("lungs-heart"), landmark_graph("lungs")
ALL = RcaReferenceConfig(fraction=1.0, size=SIZE)  # every labelled image is a reference


def test_share_of_references_is_stable_and_near_the_fraction():
    ids = [f"id-{number}" for number in range(4000)]
    chosen = {each for each in ids if is_reference(each, 0.8)}
    assert 0.78 < len(chosen) / len(ids) < 0.82
    assert {each for each in ids if is_reference(each, 0.3)} < chosen
    assert all(is_reference(each, 1.0) for each in ids)
    assert not any(is_reference(each, 0.0) for each in ids)


def test_references_carry_image_landmarks_and_latent_at_registration_size(tmp_path):
    write_labelled(tmp_path / "labelled.parquet", {"b": {}, "a": {"shift": (4, 2)}})
    build_reference(tmp_path / "labelled.parquet", tmp_path / "out.parquet", encode, HEART_GRAPH, ALL)
    table = read_table(tmp_path / "out.parquet", REFERENCE).set_index("image_id")
    assert list(table.index) == ["a", "b"]
    # Landmarks of a frame twice as big come to the centres of the small frame's pixels.
    np.testing.assert_allclose(
        np.asarray(table.loc["b", "landmarks"]).reshape(-1, 2), landmarks_of(), rtol=0, atol=1e-4
    )
    assert decode_png(table.loc["a", "png"]).shape == (SIZE, SIZE)
    np.testing.assert_array_equal(table.loc["b", "latent"], encode(chest(size=2 * SIZE)[0]))

    known = read_reference(tmp_path / "out.parquet")
    assert known.ids == ["a", "b"]
    assert known.has_heart
    assert known.size == SIZE
    np.testing.assert_array_equal(known.references[1].codes, codes_of(landmarks_of()))


def test_a_heart_alone_and_masks_alone_are_no_references(tmp_path):
    path = tmp_path / "labelled.parquet"
    write_labelled(path, {"a": {}, "b": {}, "c": {}, "d": {}}, labels=["H", "LH", "M", "L"])
    assert build_reference(path, tmp_path / "h.parquet", encode, HEART_GRAPH, ALL) == 1
    assert build_reference(path, tmp_path / "l.parquet", encode, LUNG_GRAPH, ALL) == 2
    assert read_reference(tmp_path / "l.parquet").ids == ["b", "d"]


def test_images_without_heart_serve_only_a_graph_without_heart(tmp_path):
    write_labelled(tmp_path / "labelled.parquet", {"a": {}, "b": {}, "c": {}}, labels=["L", "LH", "L"])
    assert build_reference(tmp_path / "labelled.parquet", tmp_path / "h.parquet", encode, HEART_GRAPH, ALL) == 1
    assert build_reference(tmp_path / "labelled.parquet", tmp_path / "l.parquet", encode, LUNG_GRAPH, ALL) == 3
    lungs = read_reference(tmp_path / "l.parquet")
    assert not lungs.has_heart
    assert set(np.unique(lungs.references[1].codes)) == {0, 1, 2}
    assert read_reference(tmp_path / "h.parquet").ids == ["b"]


def test_only_the_wanted_split_gives_references(tmp_path):
    write_labelled(tmp_path / "labelled.parquet", {"a": {}, "b": {}, "c": {}}, held_out=("b",))
    for split, ids in (("train", ["a", "c"]), ("val", ["b"])):
        out = tmp_path / f"{split}.parquet"
        build_reference(tmp_path / "labelled.parquet", out, encode, HEART_GRAPH, ALL, split)
        assert read_reference(out).ids == ids
    with pytest.raises(CxrError, match="no image is left"):
        build_reference(tmp_path / "labelled.parquet", tmp_path / "out", encode, HEART_GRAPH, ALL, "test")


def test_references_are_of_one_definition(tmp_path):
    write_labelled(tmp_path / "labelled.parquet", {"a": {}, "b": {}, "c": {}}, labels=["W", "LH", "L"])
    whole = landmark_graph("whole-lungs")
    assert build_reference(tmp_path / "labelled.parquet", tmp_path / "w.parquet", encode, whole, ALL) == 1
    assert build_reference(tmp_path / "labelled.parquet", tmp_path / "l.parquet", encode, LUNG_GRAPH, ALL) == 2
    assert read_reference(tmp_path / "w.parquet").ids == ["a"]
    with pytest.raises(CxrError, match=r"landmarks by the definition 'whole-lungs', .*references by 'jsrt'"):
        check_definition(tmp_path / "w.parquet", tmp_path / "l.parquet")
    check_definition(tmp_path / "w.parquet", tmp_path / "w.parquet")
    write_labelled(tmp_path / "labelled.parquet", {"a": {}}, labels=["L"])
    with pytest.raises(CxrError, match="RCA needs images with labels of 'whole-lungs'"):
        build_reference(tmp_path / "labelled.parquet", tmp_path / "w.parquet", encode, whole, ALL)


def test_two_runs_give_the_same_bytes(tmp_path):
    write_labelled(tmp_path / "labelled.parquet", {"a": {}, "b": {"scale": 0.9}})
    for name in ("one", "two"):
        build_reference(tmp_path / "labelled.parquet", tmp_path / name, encode, HEART_GRAPH, ALL)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def spoiled_labels(path, **changes):
    write_labelled(path, {"a": {}})
    table = read_table(path, LABELLED_IMAGES)
    for column, value in changes.items():
        table[column] = pd.Series([value])
    write_table(table, path, LABELLED_IMAGES)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": "XY"}, "image 'a': labels 'XY'; expected one of L, LH, LHC"),
        ({"labels": "L"}, "image 'a': 120 landmarks; labels 'L' expect 94"),
        ({"landmarks": np.full(240, -500, np.float32)}, "image 'a': right_lung, left_lung, heart covers no pixel"),
    ],
)
def test_faulty_labels_are_named(tmp_path, changes, said):
    spoiled_labels(tmp_path / "labelled.parquet", **changes)
    with pytest.raises(CxrError, match=said):
        build_reference(tmp_path / "labelled.parquet", tmp_path / "out", encode, HEART_GRAPH, ALL)
    assert not (tmp_path / "out").exists()


def test_an_empty_set_is_an_error(tmp_path):
    write_labelled(tmp_path / "labelled.parquet", {"a": {}})
    with pytest.raises(CxrError, match="no image is left"):
        build_reference(
            tmp_path / "labelled.parquet",
            tmp_path / "out",
            encode,
            HEART_GRAPH,
            RcaReferenceConfig(fraction=1e-9, size=SIZE),
        )


def test_the_encoder_gives_the_latent_mean_of_the_weights(tmp_path):
    torch = pytest.importorskip("torch")
    from cxrfactory.models.hybridgnet import HybridGNet
    from cxrfactory.models.inputs import to_input
    from cxrfactory.tables.weights import write_weights

    torch.manual_seed(1)
    network = HybridGNet(HEART_GRAPH, input_size=64, latent=8, channels=(4, 4, 4, 4, 4, 4)).eval()
    card = {"segmenter": "hybridgnet", "settings": network.settings()}
    card |= {"normalisation": {}, "data": {}, "metrics": {}}
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    write_weights(tmp_path / "w.safetensors", tensors, card)
    run, graph = encoder_of(tmp_path / "w.safetensors")
    assert graph == HEART_GRAPH
    image = chest()[0]
    with torch.inference_mode():
        expected = network.encode(torch.from_numpy(to_input(image, 64))[None, None]).mu[0].numpy()
    np.testing.assert_allclose(run(image), expected, atol=1e-4)
    assert run(image).shape == (8,)


def test_digest_is_of_the_content_and_not_of_the_file(tmp_path):
    write_labelled(tmp_path / "labelled.parquet", {"a": {}, "b": {"shift": (3, 0)}})
    build_reference(tmp_path / "labelled.parquet", tmp_path / "r.parquet", encode, HEART_GRAPH, ALL)
    table = read_table(tmp_path / "r.parquet", REFERENCE)
    digest = library_digest(tmp_path / "r.parquet")
    assert len(digest) == 64
    graph = stored_graph(tmp_path / "r.parquet")
    write_table(table[::-1], tmp_path / "same.parquet", REFERENCE, sort=False, graph=graph)
    assert (tmp_path / "same.parquet").read_bytes() != (tmp_path / "r.parquet").read_bytes()
    assert library_digest(tmp_path / "same.parquet") == digest
    seen = {digest}
    for column, value in (("image_id", "z"), ("latent", table["latent"][0] + 1), ("png", table["png"][1])):
        other = table.copy()
        other.at[0, column] = value
        write_table(other, tmp_path / "other.parquet", REFERENCE, graph=graph)
        seen.add(library_digest(tmp_path / "other.parquet"))
    assert len(seen) == 4
