import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml

from cxrfactory.config import DatasetConfig
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import save_png
from cxrfactory.ingest.datasets import complete, without_originals
from cxrfactory.ingest.manifest import ingest_release
from cxrfactory.ingest.one_dataset import ingest_dataset
from cxrfactory.ingest.summary import count
from cxrfactory.ingest.verdicts import REASON, exclude_by_verdict
from cxrfactory.tables.parquet import read_table
from cxrfactory.workflow.plan import Plan
from tests.rca.chests import chest

ROOT = Path(__file__).parents[2]
TABLE = "annotations/image_labels_train.csv"
HEADER = "dataset,image_id,verdict,note,when\n"


@pytest.fixture
def release(write):
    """Folder of a release in the layout of VinDr-CXR with the images a, b, c, d."""
    return write(TABLE, "image_id,rad_id\n" + "".join(f"{name},R1\n" for name in "abcd"))


def reasons(manifest):
    return dict(zip(manifest["image_id"], manifest["exclusion_reason"], strict=True))


def test_bad_images_of_the_dataset_are_excluded_and_the_accounts_hold(release, tmp_path):
    verdicts = tmp_path / "verdicts.csv"
    verdicts.write_text(
        HEADER
        + "mine,a,bad,John Smith's film,2026-11-01\n"
        + "VinDr-CXR,b, Bad ,,2026-11-02\n"  # the name of the release in the product
        + "other,c,bad,another dataset,2026-11-02\n"
        + "mine,d,good,,2026-11-02\n"
    )
    settings = DatasetConfig(root=str(release), layout="vindr-cxr", exclude=str(verdicts))
    manifest = ingest_release(settings, "mine", tmp_path / "m.parquet", tmp_path / "s.csv")
    assert reasons(manifest) == {"a": REASON, "b": REASON, "c": None, "d": None}
    counted = count(manifest, "mine")
    assert (counted.rows, counted.included, counted.reasons) == (4, 2, {REASON: 2})
    for name in ("m.parquet", "s.csv"):
        assert b"Smith" not in (tmp_path / name).read_bytes()
    stored = read_table(tmp_path / "m.parquet").set_index("image_id")
    assert stored["exclusion_reason"].dropna().to_dict() == dict.fromkeys("ab", REASON)
    assert stored["included"].to_dict() == {"a": False, "b": False, "c": True, "d": True}


def test_the_last_verdict_counts_and_an_earlier_reason_stays(tmp_path):
    rows = pd.DataFrame({"image_id": ["a", "b", "c"], "exclusion_reason": [None, None, "view is LL"]})
    (tmp_path / "v.csv").write_text(HEADER + "x,a,bad,,\nx,b,good,,\nx,a,good,,\nx,b,bad,,\nx,c,bad,,\n")
    found = exclude_by_verdict(rows, tmp_path / "v.csv", "x", "folder")
    assert found.set_index("image_id")["exclusion_reason"].dropna().to_dict() == {"b": REASON, "c": "view is LL"}
    assert exclude_by_verdict(rows, None, "x", "folder") is rows


def test_ids_that_a_spreadsheet_rewrote_match_and_an_id_of_a_study_is_called_so(tmp_path):
    rows = pd.DataFrame(
        {"image_id": ["0017", "0018", "0019"], "study_id": ["50414267"] * 2 + ["50414268"], "exclusion_reason": None}
    )
    (tmp_path / "v.csv").write_text(HEADER + "x,17.0,bad,,\nx,0019,bad,,\n")
    found = exclude_by_verdict(rows, tmp_path / "v.csv", "x", "folder")
    assert found["exclusion_reason"].tolist() == [REASON, None, REASON]
    for study in ("50414267", "s50414267", "50414267.0"):
        (tmp_path / "v.csv").write_text(HEADER + f"x,{study},bad,,\n")
        with pytest.raises(CxrError, match=rf"'{study}' is not in x \(.* it is a study, of 2 images\); expected"):
            exclude_by_verdict(rows, tmp_path / "v.csv", "x", "folder")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEADER + "x,a,bad,,\nx,e,bad,,\nx,f,bad,,\n", r"row 2: image 'e' is not in x \(2 of 3 ids are unknown\)"),
        ("image_id,verdict\na,bad\n", "column 'dataset' is missing"),
        ("", "the file is empty"),
        (None, "no such file; expected a CSV table with the columns dataset, image_id, verdict"),
    ],
)
def test_faults_of_the_table_are_one_line(tmp_path, text, said):
    rows = pd.DataFrame({"image_id": ["a"], "exclusion_reason": [None]})
    if text is not None:
        (tmp_path / "v.csv").write_text(text)
    with pytest.raises(CxrError, match=said) as error:
        exclude_by_verdict(rows, tmp_path / "v.csv", "x", "folder")
    assert "\n" not in str(error.value)


def test_with_pseudonyms_the_table_holds_the_products_ids_and_no_original_is_quoted(tmp_path):
    (tmp_path / "films").mkdir()
    for name in ("smith.png", "jones.png"):
        save_png(chest(size=64)[0], tmp_path / "films" / name)
    settings = DatasetConfig(
        root=str(tmp_path / "films"), layout="folder", view="all-frontal", pseudonymise=True,
        private=str(tmp_path / "private"),
    )  # fmt: skip
    first = ingest_dataset(settings, "north", tmp_path / "m.parquet")["image_id"][0]
    (tmp_path / "v.csv").write_text(HEADER + f"north,{first},bad,,\n")
    judged = settings.model_copy(update={"exclude": str(tmp_path / "v.csv")})
    manifest = ingest_dataset(judged, "north", tmp_path / "m.parquet")
    assert manifest.set_index("image_id")["exclusion_reason"].dropna().to_dict() == {first: REASON}
    (tmp_path / "v.csv").write_text(HEADER + "north,smith.png,bad,,\n")
    with pytest.raises(CxrError, match=r"row 1: an image .* is not in north") as error:
        ingest_dataset(judged, "north", tmp_path / "m.parquet")
    assert "smith" not in str(error.value)
    values = {"datasets": {"north": judged.model_dump(exclude_none=True)}, "infer": {"weights": "pretrained"}}
    config = Plan.of(values).config
    assert without_originals(complete(config)).datasets["north"].exclude == "hidden"


def test_the_table_is_an_input_and_an_option_of_ingest():
    values = {
        "infer": {"weights": "pretrained"},
        "datasets": {
            "mine": {"root": "r", "layout": "vindr-cxr", "exclude": "v.csv"},
            "own": {"root": "o", "layout": "folder", "view": "all-frontal", "exclude": "w.csv"},
            "bare": {"root": "b", "layout": "padchest"},
        },
    }
    releases = Plan.of(values).releases
    found = {name: SimpleNamespace(dataset=name) for name in values["datasets"]}
    assert [releases.verdicts(found[name]) for name in found] == [["v.csv"], ["w.csv"], []]
    options = [[each for each in releases.ingest_options(found[name]) if "exclude" in each] for name in found]
    assert options == [["--exclude=v.csv"], ["--exclude=w.csv"], []]


@pytest.mark.workflow
def test_ingest_runs_again_when_the_verdicts_change(release, tmp_path):
    verdicts = tmp_path / "verdicts.csv"
    verdicts.write_text(HEADER)
    values = {
        "results": "r",
        "infer": {"weights": "pretrained"},
        "datasets": {"mine": {"root": str(release), "layout": "vindr-cxr", "exclude": str(verdicts)}},
    }
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(values))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def snakemake(*arguments):
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
        done = subprocess.run(
            [*command, "--configfile", "c.yaml", *arguments, "--", "r/manifest/mine.parquet"],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout + done.stderr

    snakemake()
    assert read_table(tmp_path / "r/manifest/mine.parquet")["included"].tolist() == [True] * 4
    assert "Nothing to be done" in snakemake("--dry-run")
    verdicts.write_text(HEADER + "mine,c,bad,,\n")
    assert f"--exclude={verdicts}" in snakemake("--printshellcmds")
    assert reasons(read_table(tmp_path / "r/manifest/mine.parquet"))["c"] == REASON
