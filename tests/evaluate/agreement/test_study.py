"""Agreement of two tables: known noise, links, other systems, and every malformed table in one line."""

import filecmp

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrfactory.config.agreement import AgreementTestConfig
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.agreement.study import compare_grades
from cxrfactory.metrics.grades import grade_agreement

GRADES = ["negative", "mild", "moderate", "severe"]
CUTS = [0.5, 0.55, 0.6]


def settings(**changes):
    return AgreementTestConfig(**{"findings": ["ctr_rows=cardiomegaly"], "resamples": 50} | changes)


def value(table, measure, system="measured", cases="own"):
    rows = table[(table["measure"] == measure) & (table["system"] == system) & (table["cases"] == cases)]
    assert len(rows) == 1
    return rows.iloc[0]


def graded(rows, key="image_id", item="measurement"):
    return pd.DataFrame(rows, columns=[key, item, "grade", *(["value"] if len(rows[0]) > 3 else [])])


@pytest.fixture
def small(tmp_path):
    """Six images of four patients, reports of five studies, and the table that links them."""
    measured = graded(
        [("i1", "ctr_rows", "negative", 0.45), ("i2", "ctr_rows", "mild", 0.52), ("i3", "ctr_rows", "severe", 0.7),
         ("i4", "ctr_rows", "", np.nan), ("i5", "ctr_rows", "mild", 0.51), ("i6", "ctr_rows", "moderate", 0.57),
         ("i1", "scd", "severe", 30.0)]
    )  # fmt: skip
    reference = graded(
        [("s1", "cardiomegaly", "Negative"), ("s2", "cardiomegaly", "moderate"), ("s3", "cardiomegaly", "severe"),
         ("s4", "cardiomegaly", "mild"), ("s5", "cardiomegaly", "negative")], "study_id", "finding",
    )  # fmt: skip
    links = pd.DataFrame(
        {"image_id": ["i1", "i2", "i3", "i4", "i5", "i6"], "study_id": ["s1", "s1", "s2", "s4", "s5", "none"],
         "patient_id": ["a", "a", "b", "c", "c", "d"]}
    )  # fmt: skip
    for name, table in (("m", measured), ("r", reference), ("l", links)):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


def run(folder, **changes):
    return compare_grades(folder / "m.csv", [folder / "r.csv"], folder / "out", settings(**changes), [folder / "l.csv"])


def test_the_pairs_and_what_is_left_out(small):
    made = run(small)
    cases = made["cases"].set_index("case")
    assert cases[["reference_key", "reference", "answer"]].to_dict("index") == {
        "i1": {"reference_key": "s1", "reference": "negative", "answer": "negative"},
        "i2": {"reference_key": "s1", "reference": "negative", "answer": "mild"},
        "i3": {"reference_key": "s2", "reference": "moderate", "answer": "severe"},
        "i5": {"reference_key": "s5", "reference": "negative", "answer": "mild"},
    }
    assert made["left_out"].set_index("reason")["rows"].to_dict() == {"no grade": 1, "no reference grade": 1}
    assert value(made["agreement"], "accuracy")["value"] == 0.25
    assert value(made["agreement"], "off_by_one")["value"] == 1
    assert value(made["agreement"], "auc")["value"] == 1
    row = value(made["agreement"], "quadratic_kappa")
    assert (row["pairs"], row["patients"], row["published"]) == (4, 3, 0.89)


def test_all_files_are_written_and_two_runs_are_equal(small):
    run(small)
    (small / "out").rename(small / "first")
    run(small)
    names = {"agreement.csv", "agreement.md", "confusion.csv", "confusion.png", "roc.csv", "roc.png", "violin.png",
             "cases.csv", "left_out.csv"}  # fmt: skip
    assert {path.name for path in (small / "out").iterdir()} == names
    assert filecmp.cmpfiles(small / "first", small / "out", names, shallow=False)[1:] == ([], [])
    for name in ("confusion", "roc", "violin"):
        assert np.asarray(Image.open(small / f"out/{name}.png").convert("L")).std() > 10
    confusion = pd.read_csv(small / "out/confusion.csv")
    assert confusion["pairs"].sum() == 4
    assert len(confusion) == 16
    lines = (small / "out/agreement.md").read_text().splitlines()
    assert lines[-1].startswith("| cardiomegaly | paper |  | 1287 | 0.91 | 1.00 |  | 0.80 | 0.91 |  | 0.89 | 0.95 |")


def test_parquet_and_csv_give_the_same(small):
    first = run(small)
    for name in "mrl":
        pd.read_csv(small / f"{name}.csv").to_parquet(small / f"{name}.parquet")
    made = compare_grades(small / "m.parquet", [small / "r.parquet"], small / "out", settings(), [small / "l.parquet"])
    for name in first:
        pd.testing.assert_frame_equal(made[name], first[name])


def test_equal_keys_need_no_links_and_ids_may_be_rewritten(tmp_path):
    graded([(f"{n}", "ctr_rows", GRADES[n % 4], n / 9) for n in range(8)]).to_csv(tmp_path / "m.csv", index=False)
    reference = graded([(float(n), "cardiomegaly", GRADES[n % 4]) for n in range(8)], "study_id", "finding")
    reference.to_parquet(tmp_path / "r.parquet")
    made = compare_grades(tmp_path / "m.csv", [tmp_path / "r.parquet"], tmp_path / "out", settings())
    assert value(made["agreement"], "kappa")["value"] == 1
    assert value(made["agreement"], "kappa")["pairs"] == 8


def test_datasets_keep_equal_ids_apart(tmp_path):
    rows = [("north", "1", "ctr_rows", "mild", 0.5), ("south", "1", "ctr_rows", "severe", 0.7)]
    pd.DataFrame(rows, columns=["dataset", "image_id", "measurement", "grade", "value"]).to_csv(tmp_path / "m.csv")
    for name, grade in (("north", "mild"), ("south", "negative")):
        graded([("s", "cardiomegaly", grade)], "study_id", "finding").to_csv(tmp_path / f"{name}.csv", index=False)
        (tmp_path / "links").mkdir(exist_ok=True)
        (tmp_path / f"links/{name}.csv").write_text("image_id,study_id,patient_id\n1,s,p\n")
    keys = {"measured_key": ["dataset", "image_id"], "reference_key": ["dataset", "study_id"]}
    made = compare_grades(
        *(tmp_path / "m.csv", [tmp_path / "north.csv", tmp_path / "south.csv"], tmp_path / "out", settings(**keys)),
        [tmp_path / "links/north.csv", tmp_path / "links/south.csv"],
    )
    assert made["cases"][["case", "reference", "answer"]].to_numpy().tolist() == [
        ["north/1", "mild", "mild"],
        ["south/1", "negative", "severe"],
    ]


def test_words_and_repeated_mentions(small):
    text = "study_id,finding,grade\ns1,cardiomegaly,none\ns1,cardiomegaly,MARKED\ns2,cardiomegaly,mild\n"
    (small / "r.csv").write_text(text)
    with pytest.raises(CxrError, match=r"r.csv: row 1, column 'grade': found grade 'none'; expected one of negative"):
        run(small)
    words = {"words": ["none=negative", "marked=severe"]}
    with pytest.raises(CxrError, match=r"r.csv: row 2: key 's1' \(study_id\) has 'cardiomegaly' already in row 1"):
        run(small, **words)
    made = run(small, repeated="highest", **words)
    assert made["cases"].set_index("case")["reference"].to_dict() == {"i1": "severe", "i2": "severe", "i3": "mild"}


def test_findings_without_a_grade_count_in_the_binary_measures_alone(small):
    """Reports as the stage severity writes them: a polarity, and words beyond the four grades."""
    (small / "r.csv").write_text(
        "study_id,finding,polarity,grade\ns1,cardiomegaly,absent,negative\ns2,cardiomegaly,present,unspecified\n"
        "s4,cardiomegaly,history,unspecified\ns5,cardiomegaly,present,borderline\n"
    )
    made = run(small)
    table = made["agreement"]
    assert (value(table, "accuracy")["pairs"], value(table, "accuracy")["value"]) == (3, pytest.approx(2 / 3))
    assert (value(table, "binary_accuracy")["pairs"], value(table, "binary_accuracy")["value"]) == (4, 0.75)
    assert (value(table, "auc")["pairs"], value(table, "auc")["value"]) == (4, 0.75)
    assert made["confusion"]["pairs"].sum() == 3
    assert made["cases"].set_index("case")["reference"].to_dict() == {
        "i1": "negative", "i2": "negative", "i3": "unspecified", "i5": "mild",
    }  # fmt: skip
    assert made["left_out"].set_index("reason")["rows"]["reference: polarity history"] == 1
    assert value(run(small, polarities=["present", "absent", "history"])["agreement"], "auc")["pairs"] == 4


def test_names_of_findings_may_be_in_any_case(small):
    expected = run(small)["cases"]
    for name, old, new in (("r.csv", "s2,cardiomegaly", "s2,Cardiomegaly"), ("m.csv", "i3,ctr_rows", "i3,CTR_ROWS")):
        text = (small / name).read_text()
        (small / name).write_text(text.replace(old, new))
        assert (small / name).read_text() != text
    assert run(small)["cases"].equals(expected)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("s1,cardiomegaly,Present,negative", "polarity 'Present' contradicts grade 'negative'"),
        ("s1,cardiomegaly,absent,mild", "polarity 'absent' contradicts grade 'mild'"),
        ("s1,cardiomegaly,absent,unspecified", "polarity 'absent' contradicts grade 'unspecified'"),
    ],
)
def test_a_polarity_against_the_grade_is_refused(small, row, said):
    (small / "r.csv").write_text(f"study_id,finding,polarity,grade\ns5,cardiomegaly,absent,negative\n{row}\n")
    with pytest.raises(CxrError, match=f"r.csv: row 2: {said}; expected the first grade where"):
        run(small)


def test_excluded_rows_are_left_out(small):
    table = pd.read_csv(small / "m.csv")
    table["excluded"] = ["", "fragmented heart", "", "", "", "", ""]
    table.to_csv(small / "m.csv", index=False)
    made = run(small)
    assert set(made["cases"]["case"]) == {"i1", "i3", "i5"}
    assert made["left_out"].set_index("reason")["rows"]["excluded"] == 1


def test_other_systems_by_image_and_by_report_are_compared_on_shared_cases(small):
    graded([("s1", "cardiomegaly", "negative"), ("s2", "cardiomegaly", "mild")], "study_id", "finding").to_csv(
        small / "reports.csv", index=False
    )
    graded(
        [("i1", "cardiomegaly", "mild", 0.9), ("i3", "cardiomegaly", "moderate", 0.8)], "image_id", "finding"
    ).to_csv(small / "images.csv", index=False)
    answers = {"by report": small / "reports.csv", "by image": small / "images.csv"}
    made = compare_grades(small / "m.csv", [small / "r.csv"], small / "out", settings(), [small / "l.csv"], answers)
    table = made["agreement"]
    assert {name: value(table, "accuracy", name)["pairs"] for name in ("measured", *answers)} == {
        "measured": 4, "by report": 2, "by image": 2,
    }  # fmt: skip
    # Shared: images i1 (study s1) and i3 (s2); i2 has no answer by image, i5 none of both.
    shared = {name: value(table, "accuracy", name, "shared") for name in ("measured", *answers)}
    assert {name: (row["pairs"], row["value"]) for name, row in shared.items()} == {
        "measured": (2, 0.5), "by report": (2, 0.5), "by image": (2, 0.5),
    }  # fmt: skip
    differences = made["differences"].set_index(["system", "measure"])["difference"]
    assert differences["by image", "accuracy"] == 0
    assert differences["by report", "specificity"] == 0
    assert differences["by image", "specificity"] == -1
    assert (small / "out/differences.csv").is_file()
    assert value(table, "auc", "by image")["value"] == 0
    assert "auc" not in set(table.loc[table["system"] == "by report", "measure"])
    assert table.loc[table["system"] != "measured", "published"].isna().all()


def test_tables_of_one_finding_need_no_column_for_it(tmp_path):
    (tmp_path / "m.csv").write_text("id,mine\n1,yes\n2,no\n3,no\n")
    (tmp_path / "r.csv").write_text("id,true\n1,yes\n2,yes\n3,no\n")
    names = {"measured_key": ["id"], "reference_key": ["id"], "measured_item": None, "reference_item": None}
    names |= {"measured_grade": "mine", "reference_grade": "true", "measured_value": None, "grades": ["no", "yes"]}
    made = compare_grades(tmp_path / "m.csv", [tmp_path / "r.csv"], tmp_path / "out", settings(**names))
    table = made["agreement"]
    assert value(table, "sensitivity")["value"] == 0.5
    assert value(table, "specificity")["value"] == 1
    assert "auc" not in set(table["measure"])


def test_a_finding_without_a_common_case_is_left_out_and_none_at_all_is_an_error(small, caplog):
    made = run(small, findings=["ctr_rows=cardiomegaly", "scd=scoliosis"])
    assert set(made["agreement"]["finding"]) == {"cardiomegaly"}
    assert "has 1 keys of 'scd' (image_id: such as 'i1')" in caplog.text
    (small / "l.csv").write_text("image_id,study_id\nx,s1\n")
    with pytest.raises(CxrError) as caught:
        run(small)
    assert str(caught.value).startswith("no common keys: ")
    assert f"{small / 'm.csv'} has 5 keys of 'ctr_rows' (image_id: such as 'i1')" in str(caught.value)
    assert f"through {small / 'l.csv'}" in str(caught.value)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("m.csv", "image_id,measurement,value\ni1,ctr_rows,0.5\n", "column 'grade' is missing; found image_id, "),
        ("m.csv", "image_id,measurement,grade\ni1,ctr_rows,mild\n", "column 'value' is missing"),
        ("m.csv", "image_id,measurement,grade,value\ni1,ctr_rows,mild,0.5\ni2,ctr_rows,mild,much\n",
         "row 2, column 'value': found 'much'; expected a finite number"),
        ("m.csv", "image_id,measurement,grade,value\ni1,ctr_rows,mild,inf\n", "row 1, column 'value': found 'inf'"),
        ("m.csv", "image_id,measurement,grade,value\ni1,ctr_rows,grand,0.5\n",
         "row 1, column 'grade': found grade 'grand'; expected one of negative, mild, moderate, severe"),
        ("m.csv", "image_id,measurement,grade,value\n,ctr_rows,mild,0.5\n", "column 'image_id': the key is empty"),
        ("m.csv", "image_id,measurement,grade,value\ni1,area,mild,0.5\n",
         "column 'measurement' holds none of ctr_rows"),
        ("m.csv", "image_id,measurement,grade,value\ni1,ctr_rows,mild,0.5\ni1,ctr_rows,mild,0.5\n",
         "row 2: key 'i1' (image_id) has 'ctr_rows' already in row 1"),
        ("m.csv", "image_id,measurement,grade,grade,value\ni1,ctr_rows,mild,mild,0.5\n",
         "column 'grade' occurs 2 times"),
        ("m.csv", "image_id,measurement,grade,value\ni1,ctr_rows,mild,0.5,7\n", "not readable as CSV"),
        ("m.csv", "", "the file is empty"),
        ("m.csv", "image_id;measurement;grade;value\ni1;ctr_rows;mild;0.5\n", "expected commas between the columns"),
        ("m.csv", "image_id\tmeasurement\n", "found image_id measurement; expected commas between the columns"),
        ("r.csv", "study_id,grade\ns1,mild\n", "column 'finding' is missing; found study_id, grade"),
        ("r.csv", "study_id,finding,grade\n", "column 'finding' holds none of cardiomegaly"),
        ("l.csv", "image_id,patient_id\ni1,p\n", "column 'study_id' is missing"),
        ("l.csv", "image_id,study_id\ni1,s1\ni1,s2\n", "key 'i1' occurs with two reports"),
    ],
)  # fmt: skip
def test_a_malformed_table_is_refused_in_one_line(small, file, text, said):
    (small / file).write_text(text)
    with pytest.raises(CxrError) as caught:
        run(small)
    line = str(caught.value)
    assert line.startswith(f"{small / file}: ")
    assert said in line
    assert line.isprintable()
    assert not (small / "out").exists()


def test_a_file_that_is_no_table_or_missing_is_refused(small):
    (small / "m.csv").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(CxrError, match=r"m.csv: not readable as CSV"):
        run(small)
    (small / "m.csv").unlink()
    with pytest.raises(CxrError, match=r"m.csv: no such file; expected a table \(.csv or .parquet\)"):
        run(small)


def test_the_same_report_in_two_tables_is_refused(small):
    with pytest.raises(CxrError, match=r"key 's1' occurs in two of these tables"):
        compare_grades(small / "m.csv", [small / "r.csv"] * 2, small / "out", settings(), [small / "l.csv"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"findings": ["ctr_rows"]}, "expected MEASUREMENT=FINDING"),
        ({"findings": ["a=b", "A=c"]}, "occurs twice in findings"),
        ({"grades": ["no", "No"]}, "occurs twice in grades"),
        ({"words": ["big=huge"]}, "expected a name in grades after '='"),
        ({"words": ["Mild=severe"]}, "begins with a grade"),
        ({"unspecified": ["Severe"]}, "which grades or words name too"),
        ({"findings": ["a=b", "c=d"], "measured_item": None}, "several pairs"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        settings(**changes)


@pytest.mark.parametrize("spread", [0.4, 0.8, 1.6])
def test_virtual_reports_reproduce_the_noise_that_was_built_in(tmp_path, spread):
    """Reports of virtual hearts, graded with noise of a known kappa; the table's kappa lies within 0.02 of it."""
    rng = np.random.default_rng(8)
    steps = np.arange(4)
    noise = np.exp(-((steps[:, None] - steps[None, :]) ** 2) / (2 * spread**2))
    noise /= noise.sum(axis=1, keepdims=True)
    count = 20_000
    ratios = rng.normal(0.52, 0.06, count)
    true = np.searchsorted(CUTS, ratios, side="right")
    said = (rng.random((count, 1)) > noise[true].cumsum(axis=1)).sum(axis=1)
    keys = [f"x{number:05d}" for number in range(count)]
    graded(list(zip(keys, ["ctr_rows"] * count, np.array(GRADES)[true], ratios, strict=True))).to_parquet(
        tmp_path / "m.parquet"
    )
    report = graded(
        list(zip(keys, ["cardiomegaly"] * count, np.array(GRADES)[said], strict=True)), "study_id", "finding"
    )
    report.to_parquet(tmp_path / "r.parquet")
    made = compare_grades(tmp_path / "m.parquet", [tmp_path / "r.parquet"], tmp_path / "out", settings())
    shares = np.bincount(true, minlength=4) / count
    population = grade_agreement((shares[:, None] * noise).T)
    for name in ("kappa", "linear_kappa", "quadratic_kappa", "accuracy", "binary_accuracy"):
        assert value(made["agreement"], name)["value"] == pytest.approx(float(population[name]), abs=0.02)


def test_a_table_in_another_encoding_is_refused_with_what_to_do(small):
    (small / "m.csv").write_bytes("image_id,measurement,grade,value\nM\u00fcller,ctr_rows,mild,0.5\n".encode("latin-1"))
    with pytest.raises(CxrError, match=r"m.csv: not readable as CSV: it is not UTF-8 text; save it as UTF-8"):
        run(small)


def test_grades_in_numbers_may_have_become_decimals(small):
    (small / "m.csv").write_text(
        "image_id,measurement,grade,value\ni1,ctr_rows,0.0,0.4\ni2,ctr_rows,,\ni3,ctr_rows,1.0,0.6\n"
    )
    (small / "r.csv").write_text("study_id,finding,grade\ns1,cardiomegaly,0\ns3,cardiomegaly,1\n")
    (small / "l.csv").write_text("image_id,study_id\ni1,s1\ni3,s3\n")
    made = run(small, grades=["0", "1"], words=[])
    assert value(made["agreement"], "accuracy")["value"] == 1
