"""The last screen of a run: accounts, quality, where to look, the next command."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxrfactory.tables.parquet import read_table, write_arrow
from cxrfactory.workflow.closing import closing_lines, made_products, say_products
from tests.door.conftest import product  # noqa: F401  (fixture)
from tests.export.conftest import radgenome  # noqa: F401  (fixture)

SOURCES = Path(__file__).parents[2] / "src"


def workflow(*outputs, quiet=None):
    jobs = [SimpleNamespace(output=[path]) for path in outputs]
    return SimpleNamespace(dag=SimpleNamespace(jobs=jobs), output_settings=SimpleNamespace(quiet=quiet))


def test_lines_of_a_product_with_scores(product):  # noqa: F811
    scores = read_table(product / "Parquet" / "demo.parquet")["dice_rca_mean"]
    lines = closing_lines(product)
    assert lines[:3] == [
        str(product),
        "  demo         7 rows = 3 kept + 2 excluded + 2 rejected",
        f"  Dice by RCA  {scores.mean():.3f} on average (mean over the reference images)",
    ]
    assert lines[3].startswith(f"  look at      {product}/README.md")
    assert lines[-1] == f"  next         python -m cxrfactory browse {product}"


def test_estimates_and_flags_are_told(product, tmp_path):  # noqa: F811
    whole = tmp_path / "it's mine"
    shutil.copytree(product, whole)
    path = whole / "Parquet" / "demo.parquet"
    table = pq.read_table(path).append_column("dice_estimate", pa.array([0.9, None, 0.8]))
    write_arrow(table.append_column("flagged", pa.array([True, False, False])), path)
    lines = closing_lines(whole)
    assert "  Dice estimate  0.850 on average" in lines
    assert "  flagged        1 of 3 images" in lines
    assert lines[-1].endswith(f"browse '{tmp_path}/it'\"'\"'s mine'")


def test_lines_of_a_product_without_scores(radgenome):  # noqa: F811
    lines = closing_lines(radgenome)
    assert [line.split()[0] for line in lines[1:]] == ["alpha", "beta", "look", "next"]
    assert lines[1].endswith("3 rows = 2 kept + 1 excluded + 0 rejected")


def test_products_of_the_run_alone_are_told(product, tmp_path):  # noqa: F811
    folders = {"one": str(product), "other": str(tmp_path / "none"), "third": str(tmp_path)}
    assert made_products(workflow(f"{product}/", f"{tmp_path}/none", "x.csv"), folders) == [str(product)]
    printed = []
    say_products(workflow(str(product)), folders, lambda function, *lines, **options: printed.extend(lines))
    assert printed == ["", *closing_lines(product)]


def test_a_quiet_run_says_nothing_and_a_fault_is_one_warning(tmp_path, caplog):
    def never(*arguments, **options):
        raise AssertionError

    folders = {"one": str(tmp_path)}
    say_products(workflow(str(tmp_path), quiet={"all"}), folders, never)
    assert caplog.records == []
    say_products(workflow(str(tmp_path)), folders, never)  # no product lies there
    (record,) = caplog.records
    assert record.getMessage().startswith("the last screen is not shown: CxrError: ")


@pytest.mark.workflow
def test_a_real_run_ends_with_the_screen(product, tmp_path):  # noqa: F811
    (tmp_path / "Snakefile").write_text(f"""
import sys
sys.path.insert(0, {str(SOURCES)!r})
from cxrfactory.workflow.closing import say_products

onsuccess:
    say_products(workflow, {{"demo": "made"}})

rule made:
    output:
        directory("made"),
    shell:
        "cp -r {product} {{output}}"
""")
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "made"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("  next         python -m cxrfactory browse made\n")
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "browse" not in again.stderr  # nothing was to be done
