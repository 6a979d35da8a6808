"""The page of ``snakemake --report`` with tables of a hostile release."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from tests.privacy.pictures import chest, png
from tests.privacy.words import EVIL

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).parents[2]
SNAKEFILE = """
rule all:
    output:
        table=report("t.csv", caption="c.rst", category="Quality", labels={{"release": "vindr-cxr"}}),
        picture=report("p.png", caption="c.rst", category="Quality", labels={{"release": "vindr-cxr"}}),
    shell:
        "cp {source}/t.csv {{output.table}} && cp {source}/p.png {{output.picture}}"
"""


def test_the_report_of_a_run_embeds_tables_without_their_markup(tmp_path):
    """The page that ``snakemake --report`` makes of such a table and of the real captions."""
    source = tmp_path / "source"
    source.mkdir()
    with (source / "t.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["image_id"], *([text] for text in EVIL)])
    (source / "p.png").write_bytes(png(chest(0)))
    (tmp_path / "Snakefile").write_text(SNAKEFILE.format(source=source))
    (tmp_path / "c.rst").write_text((ROOT / "workflow/report/selection.rst").read_text())
    for arguments in (["--cores", "1"], ["--report", "r.html"]):
        command = [sys.executable, "-m", "snakemake", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    page = (tmp_path / "r.html").read_text()
    assert len(page) > 10_000
    for text in ("<script>alert(1)", "<img src=x onerror", "=HYPERLINK("):
        assert text not in page
