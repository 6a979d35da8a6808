"""The two commands on small tables, and their errors, as a user meets them.

python -m cxrfactory study agreement ...
python -m cxrfactory study agreement-values ...
"""

import pandas as pd
import pytest
from typer.testing import CliRunner

from cxrfactory.cli.application import build_app
from cxrfactory.errors import CxrError


def run(*words):
    return CliRunner().invoke(build_app(), [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "m.csv").write_text(
        "image_id,measurement,grade,value\na,ctr_rows,negative,0.45\nb,ctr_rows,mild,0.53\nc,ctr_rows,severe,0.66\n"
    )
    (tmp_path / "r.csv").write_text(
        "study_id,finding,grade\na,cardiomegaly,no\nb,cardiomegaly,mild\nc,cardiomegaly,mild\n"
    )
    (tmp_path / "x.csv").write_text("image_id,finding,grade\na,cardiomegaly,mild\nb,cardiomegaly,mild\n")
    return tmp_path


def test_grades_are_compared(tables):
    words = ["--measured", tables / "m.csv", "--reference", tables / "r.csv", "--answers", f"vlm={tables / 'x.csv'}"]
    words += ["--findings", "ctr_rows=cardiomegaly", "--words", "no=negative,none=negative", "--resamples", "20"]
    done = run("study", "agreement", *words, "--output", tables / "out")
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tables / "out/agreement.csv").set_index(["system", "cases", "measure"])["value"]
    assert table["measured", "own", "accuracy"] == pytest.approx(2 / 3, abs=1e-6)
    assert table["measured", "shared", "accuracy"] == 1
    assert table["vlm", "shared", "accuracy"] == 0.5


def test_values_are_compared(tables):
    (tables / "t.csv").write_text("truth,ours\n0.4,0.42\n0.5,0.5\n0.6,0.61\n")
    words = ["--table", tables / "t.csv", "--true", "truth", "--measured", "ours", "--cut", "none"]
    done = run("study", "agreement-values", *words, "--output", tables / "out")
    assert done.exit_code == 0, done.output
    row = pd.read_csv(tables / "out/values.csv").iloc[0]
    assert (row["group"], row["part"], row["pairs"]) == ("t", "all", 3)
    assert row["mae"] == pytest.approx(0.01, abs=1e-6)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--words", "no"], "words holds 'no'; expected WORD=GRADE"),
        (["--findings", "ctr_rows"], "findings holds 'ctr_rows'; expected MEASUREMENT=FINDING"),
        (["--repeated", "lowest"], "--repeated: expected"),
        (["--answers", "x.csv"], "--answers 'x.csv': expected NAME=FILE"),
    ],
)
def test_an_option_that_does_not_fit_is_one_line(tables, words, said):
    with pytest.raises(CxrError) as caught:
        run("study", "agreement", "--measured", "m", "--reference", "r", "--output", tables / "out", *words)
    assert said in str(caught.value).replace("--words", "words").replace("--findings", "findings")
