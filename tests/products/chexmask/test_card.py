import hashlib
import json
import re

import pandas as pd
import pytest

import cxrfactory as cxr
from cxrfactory.errors import CxrError
from cxrfactory.products.chexmask.card import package_card
from cxrfactory.products.chexmask.card_text import _judged
from cxrfactory.products.provenance import library_versions, source_commit
from cxrfactory.tables.sums import write_sums

from .packed import package_chexmask, release

WEIGHTS = {"segmenter": "hybridgnet", "sha256": "ab" * 32, "metrics": {"dice": 0.95}}


@pytest.fixture
def product(tmp_path):
    """Two packed releases and what the card needs besides."""
    parts = []
    for name, heart in (("Zeta", True), ("Alpha", False)):
        inputs = release(heart=heart).write(tmp_path / name)
        parts.append(tmp_path / "parts" / name)
        package_chexmask(
            **inputs,
            output=tmp_path / "out",
            part=parts[-1],
            dataset=name.lower(),
            release=name,
            id_column={"Zeta": "dicom_id", "Alpha": "image_id"}[name],
        )
    (tmp_path / "weights.json").write_text(json.dumps(WEIGHTS))
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    return {
        "output": tmp_path / "out",
        "parts": parts,
        "weights_card": tmp_path / "weights.json",
        "config": tmp_path / "config.yaml",
    }


def cut(path):
    """Lose the last line, as a disk that was full might."""
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_sums_cover_every_file_and_are_right(product):
    package_card(**product)
    found = contents(product["output"])
    sums = dict(reversed(line.split("  ")) for line in found.pop("SHA256SUMS").decode().splitlines())
    assert sums == {name: hashlib.sha256(data).hexdigest() for name, data in found.items()}
    assert len(sums) == 6 + 8


def test_accounts_of_all_releases_in_one_table(product):
    package_card(**product)
    rejected = pd.read_csv(product["output"] / "rejected.csv")
    assert rejected["dataset"].tolist() == ["alpha", "alpha", "zeta", "zeta"]
    assert rejected["image_id"].tolist() == ["broken", "no-rca"] * 2
    excluded = pd.read_csv(product["output"] / "excluded.csv")
    assert excluded["image_id"].tolist() == ["other", "side"] * 2


def test_card_says_counts_quality_provenance_and_credits(product):
    package_card(**product, credits=["A CT (CC BY 3.0)\nby its makers"])
    text = (product["output"] / "README.md").read_text()
    assert "| Alpha | 7 | 2 | 2 | 3 | 2 |" in text
    assert "| all | 14 | 4 | 4 | 6 | 4 |" in text
    assert "| Zeta | excluded | view is LL | 2 |" in text
    assert "| Zeta | Mean | 0.600 |" in text
    assert "`image_id`, `dicom_id`" in text
    assert "`Heart` is empty" in text
    assert WEIGHTS["sha256"] in text
    assert hashlib.sha256(b"seed: 1\n").hexdigest() in text
    assert "- A CT (CC BY 3.0) by its makers\n" in text
    assert ">= 0.7" in text
    assert not re.search(r"20\d\d-\d\d-\d\d", text)  # no dates


def test_card_counts_films_that_may_be_mirrored_where_the_scores_tell(product, tmp_path, caplog):
    package_card(**product)
    assert "probability that a film is mirrored" not in (product["output"] / "README.md").read_text()
    told = release()
    for row, value in zip(told.scores, (0.95, 0.2, None), strict=True):
        row["mirrored"] = value
    names = {"dataset": "zeta", "release": "Zeta", "id_column": "dicom_id"}
    package_chexmask(**told.write(tmp_path / "told"), output=product["output"], part=product["parts"][0], **names)
    assert "zeta: 1 images may be mirrored, or have a heart on the right" in caplog.text
    package_card(**product)
    assert "More than 0.9 have: 1 of 3 in Zeta." in (product["output"] / "README.md").read_text()
    said = cxr.open_product(product["output"]).quality()
    assert said["mirrored"] == "1 of 2 images may be, or have a heart on the right"


def test_card_says_what_estimates_mean_where_there_are_some(product):
    package_card(**product)
    assert "dice_estimate" not in (product["output"] / "README.md").read_text()
    how = {"sha256": "cd" * 32, "alpha": 0.1, "features": ["mean"], "method": "deep", "references": 5, "size": 256}
    path = product["parts"][0] / "summary.json"
    summary = json.loads(path.read_text()) | {"calibration": how | {"images": 120, "masks": 2520}}
    summary["dice_estimate"] = summary["dice_rca_mean"]
    summary["interval_width"] = summary["dice_rca_max"]
    path.write_text(json.dumps(summary))
    write_sums(
        path.parent / "SHA256SUMS", path.parent, [each for each in path.parent.iterdir() if "SUMS" not in each.name]
    )
    package_card(**product)
    text = (product["output"] / "README.md").read_text()
    assert f"| Zeta | 90% | deep RCA at 256 px, references: 5 | 120 | 2,520 | `{how['sha256']}` |" in text
    assert "| Alpha | 90%" not in text
    assert "| Zeta | estimate | 0.600 |" in text
    assert "RCA per organ, estimates of the true Dice with intervals, and the geometry" in text
    for name in ("dice_estimate", "dice_low", "dice_high"):
        assert f"`{name}`" in text


def test_two_runs_give_the_same_bytes(product):
    package_card(**product, credits=["c"])
    first = contents(product["output"])
    product["parts"].reverse()
    package_card(**product, credits=["c"])
    assert contents(product["output"]) == first
    assert first["rca.png"].startswith(b"\x89PNG")


def test_files_of_an_earlier_run_are_refused(product):
    (product["output"] / "Preprocessed" / "Old.csv").write_text("old")
    with pytest.raises(CxrError, match=r"Old\.csv: belongs to no packaged release"):
        package_card(**product)
    assert not (product["output"] / "SHA256SUMS").exists()


def test_releases_packed_in_folders_of_their_own_are_collected(product, tmp_path):
    package_card(**product)
    expected = contents(product["output"])
    for name in ("Zeta", "Alpha"):
        for path in sorted(product["output"].glob(f"*/{name}.*")):
            target = tmp_path / "single" / name / path.relative_to(product["output"])
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
    folders = [tmp_path / "single" / name for name in ("Zeta", "Alpha")]
    product["output"] = tmp_path / "collected"
    package_card(**product, collect=folders)
    assert contents(product["output"]) == expected
    assert len(contents(tmp_path / "single")) == 6  # the sources stay
    package_card(**product, collect=folders)  # and again over what is there
    assert contents(product["output"]) == expected
    (folders[0] / "Preprocessed" / "Old.csv").write_text("old")
    with pytest.raises(CxrError, match=r"Old\.csv: belongs to no packaged release"):
        package_card(**product, collect=folders)
    with pytest.raises(CxrError, match="no such folder"):
        package_card(**product, collect=[tmp_path / "none"])
    with pytest.raises(CxrError, match="also in"):
        package_card(**product, collect=[folders[1], folders[1]])


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda p: (p["output"] / "Parquet" / "Zeta.parquet").unlink(), "package the release first"),
        (lambda p: p["config"].unlink(), "expected the config of the run"),
        (lambda p: p["weights_card"].write_text("{"), "not readable as JSON"),
        (lambda p: p["weights_card"].write_text("[]"), "expected an object"),
        (lambda p: p["weights_card"].write_text("{}"), "key 'sha256' is missing"),
        (lambda p: p["parts"].append(p["parts"][0]), "name a release twice"),
        (lambda p: p["parts"].clear(), "no parts given"),
        (lambda p: (p["parts"][0] / "rejected.csv").write_text("x\n"), r"rejected\.csv: damaged: its SHA-256 is not"),
        (lambda p: cut(p["parts"][0] / "excluded.csv"), r"excluded\.csv: damaged: its SHA-256 is not"),
        (lambda p: cut(p["output"] / "Preprocessed" / "Zeta.csv"), r"Zeta\.csv: damaged: its SHA-256 is not"),
        (lambda p: cut(p["parts"][0] / "product.sha256"), r"product\.sha256: damaged"),
        (lambda p: (p["parts"][0] / "SHA256SUMS").unlink(), r"SHA256SUMS: no such file"),
        (lambda p: (p["parts"][0] / "summary.json").unlink(), "no such file"),
    ],
)
def test_missing_or_broken_inputs(product, break_it, message):
    break_it(product)
    with pytest.raises(CxrError, match=message):
        package_card(**product)
    assert not (product["output"] / "SHA256SUMS").exists()


def test_provenance():
    versions = library_versions()
    assert versions["numpy"].startswith("2.")
    commit = source_commit()
    assert commit is None or re.fullmatch(r"[0-9a-f]{40}(-dirty)?", commit)


def test_card_tells_of_estimates_for_a_new_hospital_and_flags(product):
    summary = json.loads((product["parts"][0] / "summary.json").read_text())
    summary["quality"] = {
        **{"sha256": "cd" * 32, "weights": "ab" * 32, "alpha": 0.1},
        **{"sources": {"lungs": {"two": 30, "one": 20}}, "own_films": {"lungs": 25}},
    }
    summary |= {"flagged": 1, "dice_estimate": summary["dice_rca_mean"], "interval_width": summary["dice_rca_mean"]}
    text = _judged([summary])
    assert f"| Zeta | 90% | 1 of 3 | lungs: 20 of one, 30 of two | 25 | `{'cd' * 32}` |" in text
    assert "| Zeta | estimate |" in text
    assert _judged([]) == ""
