"""Cards, tables and pictures show what a release says, and none of it becomes markup, a formula or a script."""

import csv
import json
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cxrfactory.errors import CxrError
from cxrfactory.ingest import diagram
from cxrfactory.ingest.manifest import read_manifest
from cxrfactory.ingest.summary import Selection
from cxrfactory.products.chexmask.card import package_card
from cxrfactory.products.markdown import escaped, markdown_table
from cxrfactory.products.radgenome.card_text import _reasons
from cxrfactory.products.radgenome.inputs import Accounts
from cxrfactory.tables.chexmask import read_chexmask
from cxrfactory.tables.schemas import STUDIES
from tests.privacy.words import EVIL
from tests.products.chexmask.packed import package_chexmask, release

TABLES = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


class Seen(HTMLParser):
    """What a reader of HTML sees: the tags, and the text of each cell."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.cells = set(), []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data):
        if self.cells:
            self.cells[-1] += data

    def handle_comment(self, data):
        self.tags.add("comment")


def seen(markdown):
    return Seen(TABLES.render(markdown))


def shown(text):
    """A text as a cell shows it: on one line, signs that cannot be seen by their code points."""
    return " ".join(text.split()).replace("\u202e", "\\u202e")


@pytest.mark.parametrize("text", EVIL)
def test_a_cell_shows_the_text_and_nothing_else(text):
    found = seen(markdown_table(["a", "b"], [[escaped(text), "end"]]))
    assert found.tags <= {"table", "thead", "tbody", "tr", "th", "td"}
    assert [cell.strip() for cell in found.cells if cell.strip()] == ["a", "b", shown(text), "end"]


@settings(deadline=None)
@given(st.text(alphabet="<>&|`*_[]()!#~$\\\"'-=:/ab \n{}.1@", max_size=30))
def test_no_text_becomes_markup(text):
    found = seen(markdown_table(["a", "b"], [[f"x{escaped(text)}x", "end"]]))
    assert found.tags == {"table", "thead", "tbody", "tr", "th", "td"}
    cells = [cell.strip() for cell in found.cells if cell.strip()]
    assert cells == ["a", "b", " ".join(f"x{' '.join(text.split())}x".split()), "end"]


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    """A packed release whose ids and reasons are all that is evil."""
    folder = tmp_path_factory.mktemp("pages")
    made = release(kept=[f"kept{number:02d}" for number in range(len(EVIL))])
    ids = {row["image_id"] for row in made.landmarks}
    names = dict(zip(sorted(ids), EVIL, strict=False))
    for rows in (made.manifest, made.landmarks, made.scores, made.rejected):
        for row in rows:
            row["image_id"] = names.get(row["image_id"], row["image_id"])
    kept = sorted(row["image_id"] for row in made.scores)
    for number, reason in enumerate(EVIL):
        made.manifest.append(excluded(f"out{number}", reason))
    inputs = made.write(folder)
    names = {"dataset": "d", "release": "R", "id_column": "dicom_id"}
    package_chexmask(**inputs, output=folder / "out", part=folder / "part", **names)
    weights = {"segmenter": "<script>", "sha256": "ab" * 32, "note": "```\n<script>alert(1)</script>"}
    (folder / "weights.json").write_text(json.dumps(weights))
    (folder / "config.yaml").write_text("seed: 1\n")
    places = {"weights_card": folder / "weights.json", "config": folder / "config.yaml"}
    package_card(output=folder / "out", parts=[folder / "part"], **places)
    return folder / "out", kept


def excluded(image_id, reason):
    return {
        "image_id": image_id, "path": None, "patient_id": None, "study_id": None, "view": None, "sex": None,
        "age": None, "findings": None, "included": False, "exclusion_reason": reason,
    }  # fmt: skip


def test_the_card_of_a_product_holds_no_markup_of_a_release(product):
    found = seen((product[0] / "README.md").read_text())
    assert not found.tags & {"script", "comment", "b"}
    cells = [cell.strip() for cell in found.cells]
    for reason in EVIL:
        assert shown(reason) in cells


def test_ids_come_back_exactly(product):
    folder, ids = product
    for part in ("OriginalResolution", "Preprocessed"):
        with (folder / part / "R.csv").open(newline="") as stream:
            assert sorted(row["dicom_id"] for row in csv.DictReader(stream)) == ids
        assert sorted(read_chexmask(folder / part / "R.csv")["image_id"]) == ids
    assert sorted(pd.read_parquet(folder / "Parquet/R.parquet")["image_id"]) == ids
    with (folder / "excluded.csv").open(newline="") as stream:
        assert set(EVIL) <= {row["reason"] for row in csv.DictReader(stream)}


def test_reasons_of_projected_studies_are_escaped():
    accounts = Accounts(STUDIES.empty_table(), [("r", f"s{n}", text) for n, text in enumerate(EVIL)], [])
    found = seen(_reasons(accounts).strip())
    assert found.tags <= {"table", "thead", "tbody", "tr", "th", "td"}
    assert {shown(text) for text in EVIL} <= {cell.strip() for cell in found.cells}


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_selection_diagram_draws_reasons_as_they_are(suffix, tmp_path):
    reasons = {f"{text}": 1 for text in EVIL[:8]} | {"$\\frac{a}{b$": 3, "</svg><script>": 2}
    some = [dict(list(reasons.items())[start : start + 8]) for start in (0, 2)]
    drawn = [Selection("$r_{$", 10, 10 - sum(part.values()), part, {}) for part in some]
    path = tmp_path / f"d.{suffix}"
    diagram.draw(drawn, ["$r_{$", "<b>"], path)
    data = path.read_bytes()
    if suffix == "svg":
        for text in (b"<script", b"<img", b"onerror=alert(1)>"):
            assert text not in data.replace(b"<!-- <script>alert(1)</script> -->", b"").replace(b"&lt;", b"")


def test_an_error_is_one_line_whatever_it_quotes(tmp_path):
    row = "a\x1b[2Jb\u202e,1,2,PA\n"
    table = tmp_path / "mimic-cxr-2.0.0-metadata.csv"
    table.write_text(f"dicom_id,subject_id,study_id,ViewPosition\n{row}{row}", encoding="utf-8")
    with pytest.raises(CxrError, match="stands already") as caught:
        read_manifest("mimic-cxr-jpg", tmp_path)
    assert str(caught.value).isprintable()
