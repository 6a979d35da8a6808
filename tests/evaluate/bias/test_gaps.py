import numpy as np
import pandas as pd
import pytest

from cxrfactory.config.studies import BiasConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.bias.gaps import measure_bias
from cxrfactory.evaluate.bias.groups import NO_FLAG, attributes, read_people
from cxrfactory.tables.parquet import write_table
from cxrfactory.tables.schemas import MANIFEST


def write_manifest(path, rows):
    table = pd.DataFrame(rows).reindex(columns=MANIFEST.names)
    table["included"] = table["included"].fillna(True).astype(bool)
    write_table(table, path, MANIFEST)
    return path


def write_product(path, scores, heart=None):
    table = pd.DataFrame({"image_id": list(scores), "dice_rca_mean": list(scores.values())})
    table["lungs_mean"] = table["dice_rca_mean"]
    table["heart_mean"] = np.nan if heart is None else heart
    table.to_parquet(path)
    return path


def release(tmp_path, women=0.80, men=0.85, patients=12, images=2):
    """Patients with some images each: women, then men; ages 10, 30, 50, ..."""
    rng = np.random.default_rng(0)
    rows, scores = [], {}
    for number in range(2 * patients):
        for image in range(images):
            image_id = f"i{number:02d}-{image}"
            sex = "F" if number < patients else "M"
            rows.append({"image_id": image_id, "patient_id": f"p{number}", "sex": sex, "view": "PA"})
            rows[-1] |= {"age": 10.0 + 20 * (number % 3), "findings": "Effusion|Edema" if number % 2 else ""}
            scores[image_id] = (women if sex == "F" else men) + rng.uniform(-0.01, 0.01)
    rows.append({"image_id": "left out", "included": False, "exclusion_reason": "view"})
    return write_manifest(tmp_path / "m.parquet", rows), write_product(tmp_path / "VinDr-CXR.parquet", scores), scores


def test_a_built_in_difference_is_found_and_no_other(tmp_path):
    manifest, product, scores = release(tmp_path)
    table = measure_bias(product, manifest, tmp_path / "out", BiasConfig(at_least=0.83))
    rows = table.set_index(["attribute", "group", "organ"])
    women = rows.loc[("sex", "F", "all")]
    truth = np.array([score for image_id, score in scores.items() if image_id < "i12"])
    assert women["images"] == 24
    assert women["patients"] == 12
    assert women["mean"] == pytest.approx(truth.mean())
    assert women["median"] == pytest.approx(np.median(truth))
    assert women["below"] == 1
    assert women["difference"] == pytest.approx(women["mean"] - rows.loc[("sex", "M", "all"), "mean"])
    assert women["difference_low"] < women["difference"] < women["difference_high"] < -0.03
    assert women["rank_biserial"] == -1
    assert women["p_holm"] < 0.01
    assert rows.loc[("sex", "M", "all"), "p"] == pytest.approx(women["p"])
    others = table[(table["attribute"] != "sex") & table["p"].notna()]
    assert len(others) > 0
    assert (others["p_holm"] > 0.05).all()
    assert set(table["release"]) == {"VinDr-CXR"}
    assert set(table["organ"]) == {"all", "lungs"}  # no score of the heart in the table
    assert len(pd.read_csv(tmp_path / "out" / "bias.csv")) == len(table)
    assert (tmp_path / "out" / "bias.png").read_bytes()[:4] == b"\x89PNG"


def test_groups_that_mirror_each_other_are_one_test(tmp_path):
    manifest, product, _ = release(tmp_path)
    table = measure_bias(product, manifest, tmp_path / "out", BiasConfig())
    compared = table[table["p"].notna()]
    # sex: one test; view: no rest; age: bands of 8 patients; findings: two of the same images, and none named
    assert sorted(compared.loc[compared["organ"] == "all", "group"]) == sorted(["F", "M", "Edema", "Effusion", NO_FLAG])
    smallest = compared["p"].min()
    assert compared["p_holm"].min() == pytest.approx(smallest * 2 * (1 + 3))
    notes = table.set_index(["attribute", "group"])["note"]
    assert set(notes.loc["view"]) == {"fewer than 10 patients in the rest"}
    assert set(notes.loc["age"]) == {"fewer than 10 patients"}
    assert table.loc[table["note"] != "", ["difference", "p", "ci_low"]].isna().all(axis=None)


def test_age_bands_findings_and_what_is_unknown(tmp_path):
    ages = [0.0, 17.9, 18.0, 39.9, 40.0, 79.9, 80.0, 101.0, None]
    findings = ["A|B", "A", "", None, None, None, None, None, "B | A"]
    rows = [
        {"image_id": f"i{number}", "age": age, "findings": finding, "view": "PA" if number else "AP"}
        for number, (age, finding) in enumerate(zip(ages, findings, strict=True))
    ]
    people = read_people([write_manifest(tmp_path / "m.parquet", rows)])
    assert people["patient"].nunique() == 9
    found = {each.name: each for each in attributes(people)}
    assert list(found) == ["view", "age", "finding"]
    age = found["age"]
    assert age.groups == ["0 to 17", "18 to 39", "40 to 59", "60 to 79", "80 and over"]
    assert [list(np.flatnonzero(each)) for each in age.members] == [[0, 1], [2, 3], [4], [5], [6, 7]]
    assert not age.known[8]
    finding = found["finding"]
    assert finding.groups == [NO_FLAG, "A", "B"]
    assert [list(np.flatnonzero(each)) for each in finding.members] == [[2], [0, 1, 8], [0, 8]]
    assert list(np.flatnonzero(finding.known)) == [0, 1, 2, 8]
    assert found["view"].mirrored
    assert not finding.mirrored


def test_one_number_of_two_releases_is_two_patients(tmp_path):
    paths = [
        write_manifest(tmp_path / f"{name}.parquet", [{"image_id": name, "patient_id": "1"}]) for name in ("a", "b")
    ]
    assert read_people(paths)["patient"].nunique() == 2
    with pytest.raises(CxrError, match="image 'a' occurs twice"):
        read_people([paths[0], paths[0]])


def test_nothing_to_compare_still_has_its_files(tmp_path):
    manifest = write_manifest(tmp_path / "m.parquet", [{"image_id": "a"}])
    table = measure_bias(write_product(tmp_path / "p.parquet", {"a": 0.9}), manifest, tmp_path / "out", BiasConfig())
    assert table.empty
    assert (tmp_path / "out" / "bias.csv").read_text().startswith("release,attribute,group,organ,")
    assert (tmp_path / "out" / "bias.png").stat().st_size > 0


def test_published_csv_can_be_compared(tmp_path):
    manifest, _, scores = release(tmp_path)
    path = tmp_path / "VinDr-CXR.csv"
    pd.DataFrame({"image_id": list(scores), "Dice RCA (Mean)": list(scores.values())}).to_csv(path, index=False)
    table = measure_bias(path, manifest, tmp_path / "out", BiasConfig())
    assert set(table["organ"]) == {"all"}
    assert table["p_holm"].min() < 0.01


def test_refused(tmp_path):
    manifest, product, scores = release(tmp_path)
    with pytest.raises(CxrError, match=r"not among the included of .*, first 'x'"):
        measure_bias(
            write_product(tmp_path / "a.parquet", {**scores, "x": 0.5}), manifest, tmp_path / "out", BiasConfig()
        )
    with pytest.raises(CxrError, match=r"'dice_rca_mean' holds 1.5; expected \[0, 1\]"):
        measure_bias(write_product(tmp_path / "b.parquet", {"i00-0": 1.5}), manifest, tmp_path / "out", BiasConfig())
    pd.read_parquet(product).drop(columns="dice_rca_mean").to_parquet(tmp_path / "c.parquet")
    with pytest.raises(CxrError, match=r"columns \['dice_rca_mean'\] are missing"):
        measure_bias(tmp_path / "c.parquet", manifest, tmp_path / "out", BiasConfig())


def test_the_published_sample_of_chexpert(real_data, tmp_path):
    path = real_data / "chexmask_gold" / "CheXpert.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} of the published gold standard is not there")
    scores = pd.read_csv(path, usecols=["Path", "Dice RCA (Mean)"]).set_index("Path")["Dice RCA (Mean)"]
    folders = scores.index.str.split("/")
    rows = [
        {"image_id": image_id, "patient_id": parts[1], "view": "PA" if number % 2 else "AP"}
        for number, (image_id, parts) in enumerate(zip(scores.index, folders, strict=True))
    ]
    table = measure_bias(path, write_manifest(tmp_path / "m.parquet", rows), tmp_path / "out", BiasConfig())
    first = table.set_index("group").loc["AP"]
    assert first[["images", "rest_images"]].tolist() == [28, 28]
    assert first["mean"] == pytest.approx(scores.iloc[::2].mean())
    assert first["difference"] == pytest.approx(scores.iloc[::2].mean() - scores.iloc[1::2].mean())
    assert first["p"] > 0.05  # every other image: no group at all
