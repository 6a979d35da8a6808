import csv

import pytest
from typer.testing import CliRunner

from cxrfactory.cli.application import build_app
from cxrfactory.imaging.drawing.png import save_png
from tests.cli.test_main import run
from tests.measure.phantoms import HEART, LEFT, RIGHT, box


@pytest.fixture
def masks(tmp_path):
    folder = tmp_path / "masks"
    for structure, corners in (("heart", HEART), ("right_lung", RIGHT), ("left_lung", LEFT)):
        save_png(box(*corners), folder / f"film.{structure}.png")
    return folder


def measured(masks, *options):
    output = masks.parent / "out"
    done = CliRunner().invoke(build_app(), ["measure", str(masks), "--output", str(output), "--workers=1", *options])
    assert done.exit_code == 0, done.output
    rows = csv.DictReader((output / "measurements.csv").open())
    return {row["measurement"]: row for row in rows}


def test_masks_are_measured_by_the_command(masks):
    row = measured(masks)["ctr_columns"]
    assert (row["value"], row["grade"], row["near_cut"], row["view"]) == ("0.5", "mild", "true", "frontal")


def test_cuts_margins_and_sources_are_options(masks):
    options = ["--ctr-cuts=0.4,0.45,0.48", "--ctr-margin=0.01", "--ctr-source=a 'quoted' source", "--view=AP"]
    row = measured(masks, *options, "--pixel-mm=0.5")["ctr_columns"]
    assert (row["grade"], row["near_cut"], row["view"]) == ("severe", "false", "AP")
    definitions = (masks.parent / "out/definitions.csv").read_text()
    assert "a 'quoted' source" in definitions


def test_a_legend_names_the_values_of_label_maps(tmp_path):
    values = box(*RIGHT) + 2 * box(*LEFT)
    values[box(*HEART) > 0] = 9
    save_png(values, tmp_path / "maps" / "film.png")
    (tmp_path / "legend.csv").write_text("value,name\n1,right lung\n2,left lung\n9,heart\n")
    row = measured(tmp_path / "maps", f"--legend={tmp_path / 'legend.csv'}")["ctr_columns"]
    assert (row["image_id"], row["value"]) == ("film", "0.5")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--view=RAO", "error: --view: expected 'frontal', 'PA', 'AP' or 'LL', found 'RAO'"),
        ("--ctr-cuts=0.5,0.4,0.6", "error: --ctr-cuts are [0.5, 0.4, 0.6]; expected three numbers in ascending order"),
        ("--ctr-cuts=0.5", "error: --ctr-cuts: expected at least 3 values, found '0.5'"),
        ("--axes=z", "error: --axes: expected 'header', 'columns-first' or 'rows-first', found 'z'"),
        (
            "--legend=no.csv",
            "error: no.csv: no such file; expected a legend, such as a CSV of the columns value and name",
        ),
        ("--pixel-mm=0", "error: --pixel-mm: expected a number above 0, found '0.0'"),
    ],
)
def test_a_wrong_option_is_one_line(masks, option, said):
    done = run("measure", str(masks), "--output", str(masks.parent / "out"), option)
    assert (done.returncode, done.stderr.strip()) == (1, said)


def test_what_is_no_product_ends_in_one_line(tmp_path):
    done = run("measure", str(tmp_path / "nothing"), "--output", str(tmp_path / "out"))
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path / 'nothing'}: no such file or folder; expected a finished product")
    assert done.stderr.count("\n") == 1
