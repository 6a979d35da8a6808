import pandas as pd
import pytest
from typer.testing import CliRunner

from cxrfactory.cli.application import build_app
from cxrfactory.errors import CxrError
from cxrfactory.tables.calibration import stored_origin
from cxrfactory.tables.parquet import read_table
from cxrfactory.tables.schemas import RCA
from tests.rca.chests import SIZE, write_labelled, write_shard
from tests.rca.networks import write_network, write_segmenter


def run(*arguments):
    return CliRunner().invoke(build_app(), [str(each) for each in arguments])


@pytest.fixture
def folder(tmp_path):
    """Labelled toys, weights of both networks, a reference set and a shard with latent means of 8 numbers."""
    hows = {f"k{number}": {"shift": (number - 2, 0)} for number in range(6)}
    write_labelled(tmp_path / "labelled.parquet", hows, held_out=("k1", "k3", "k4"))
    write_network(tmp_path / "n.safetensors")
    write_segmenter(tmp_path / "s.safetensors")
    made = run(
        "rca-reference", "--labelled", tmp_path / "labelled.parquet", "--weights", tmp_path / "s.safetensors",
        "--output", tmp_path / "reference.parquet", "--fraction", 1, "--size", SIZE, "--split", "train",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    write_shard(tmp_path, {"q1": {}, "q2": {"shift": (3, 3)}}, latent=8)
    return tmp_path


def shard(folder, *options):
    return run(
        "rca", "--images", folder / "images.parquet", "--landmarks", folder / "landmarks.parquet",
        "--reference", folder / "reference.parquet", "--output", folder / "scores.parquet",
        "--rejected", folder / "lost.parquet", "--references", 2, "--size", SIZE, *options,
    )  # fmt: skip


@pytest.mark.parametrize("method", ["classical", "deep"])
def test_a_shard_is_scored_by_either_method(folder, method):
    done = shard(folder, "--method", method, "--network", folder / "n.safetensors", "--interpolation", "linear")
    assert done.exit_code == 0, done.output
    table = read_table(folder / "scores.parquet", RCA)
    assert list(table["image_id"]) == ["q1", "q2"]
    assert table["dice_rca_mean"].between(0.5, 1).all()
    assert table["typicality"].isna().all() == (method == "classical")
    origin = stored_origin(folder / "scores.parquet")
    assert (origin.method, origin.interpolation) == (method, "linear")
    assert (origin.network is None) == (method == "classical")


def test_an_unknown_method_is_refused(folder):
    error = shard(folder, "--method", "quick").exception
    assert isinstance(error, CxrError)
    assert str(error) == "--method: expected 'deep' or 'classical', found 'quick'"
    assert not (folder / "scores.parquet").exists()


def test_labelled_images_are_checked_and_the_result_is_calibrated_from(folder):
    done = run(
        "rca-check", "--labelled", folder / "labelled.parquet", "--weights", folder / "s.safetensors",
        "--model", folder / "s.safetensors", "--reference", folder / "reference.parquet", "--output", folder / "check",
        "--split", "val", "--references", 2, "--network", folder / "n.safetensors",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    table = pd.read_csv(folder / "check/rca_check.csv")
    assert set(table["image_id"]) == {"k1", "k3", "k4"}
    assert "model s" in set(table["kind"])
    error = run("rca-calibrate", "--masks", folder / "check", "--output", folder / "c.json").exception
    assert isinstance(error, CxrError)  # the folder is read; three images are too few
    assert "calibrate on" in str(error)


MIXED = "give --images, --landmarks and --truth, or --labelled and --weights (and --model, --split)"


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--labelled", "l.parquet"),
        ("--labelled", "l.parquet", "--weights", "w.safetensors", "--truth", "t.parquet"),
        ("--images", "i.parquet", "--landmarks", "p.parquet"),
        ("--images", "i.parquet", "--landmarks", "p.parquet", "--truth", "t.parquet", "--split", "val"),
    ],
)
def test_mixed_inputs_of_the_check_are_refused_in_one_line(tmp_path, options):
    found = run("rca-check", "--reference", "r.parquet", "--output", tmp_path / "o", "--method", "classical", *options)
    assert isinstance(found.exception, CxrError)
    assert str(found.exception) == MIXED


def test_a_network_is_trained_by_command(tmp_path):
    hows = {f"i{number}": {"shift": (number, 0)} for number in range(7)}
    write_labelled(tmp_path / "l.parquet", hows, size=128, held_out=("i5", "i6"))
    done = run(
        "train-registration", "--labelled", tmp_path / "l.parquet", "--output", tmp_path / "r.safetensors",
        "--history", tmp_path / "h.csv", "--steps", 1, "--batch-size", 4, "--partners", 1, "--threads", 1,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert list(pd.read_csv(tmp_path / "h.csv")["step"]) == [1]
    assert (tmp_path / "r.json").is_file()
