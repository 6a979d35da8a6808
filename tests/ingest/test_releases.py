"""Each release's rules on a few rows of its own table."""

import gzip
import re

import pytest

from cxrfactory.config import DatasetConfig
from cxrfactory.errors import CxrError
from cxrfactory.ingest.manifest import ingest_release, read_manifest

MIMIC = "mimic-cxr-2.0.0-metadata.csv.gz"
MIMIC_HEADER = (
    "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,StudyDate,"
    "ViewCodeSequence_CodeMeaning\n"
)


def by_id(manifest):
    return manifest.set_index("image_id").to_dict("index")


def mimic(write):
    return write(
        MIMIC,
        MIMIC_HEADER
        + "a,10000032,50414267,CHEST (PA AND LAT),PA,21800506,postero-anterior\n"
        + "b,10000032,50414267,CHEST (PA AND LAT),LATERAL,21800506,lateral\n"
        + "c,10000032,53189527,CHEST (PORTABLE AP),,21800626,\n"
        + "d,19999987,53911762,CHEST (PA AND LAT),,21800626,\n"
        + "e,19999987,53911762,CHEST (SINGLE VIEW),,21800626,antero-posterior\n"
        + "f,19999987,53911762,,,21800626,lateral\n"
        + "g,19999987,53911762,CHEST (PORTABLE AP),UPSIDE DOWN,21800626,\n"
        + "h,19999987,53911762,ABDOMEN AP AND CHEST,,21800626,\n",
    )


def test_mimic_selects_by_view_position(write):
    rows = by_id(read_manifest("mimic-cxr-jpg", mimic(write)))
    assert rows["a"] == {
        "path": "files/p10/p10000032/s50414267/a.jpg",
        "patient_id": "10000032",
        "study_id": "50414267",
        "view": "PA",
        "sex": None,
        "age": pytest.approx(float("nan"), nan_ok=True),
        "findings": None,
        "included": True,
        "exclusion_reason": None,
    }
    assert [key for key, row in rows.items() if row["included"]] == ["a"]
    assert rows["b"]["exclusion_reason"] == "ViewPosition is LATERAL, not PA or AP"
    assert {rows[key]["exclusion_reason"] for key in "cdefh"} == {"ViewPosition is missing"}
    assert rows["g"]["exclusion_reason"] == "ViewPosition 'UPSIDE DOWN' is unknown, expected PA or AP"


def test_mimic_procedure_decides_only_missing_views_and_never_guesses(write):
    rows = by_id(read_manifest("mimic-cxr-jpg", mimic(write), view_from_procedure=True))
    assert {key: row["view"] for key, row in rows.items() if row["included"]} == {"a": "PA", "c": "AP", "e": "AP"}
    for key in "dh":
        assert rows[key]["exclusion_reason"] == "ViewPosition is missing and the procedure names no single view"
    assert rows["f"]["view"] == "LATERAL"
    assert rows["f"]["exclusion_reason"].endswith("is LATERAL, not PA or AP")
    assert "UPSIDE DOWN" in rows["g"]["exclusion_reason"]


def test_added_view_words_decide_for_a_table(write, tmp_path):
    root, output = mimic(write), tmp_path / "manifest.parquet"
    settings = DatasetConfig(root=str(root), layout="mimic-cxr-jpg")
    rows = by_id(ingest_release(settings, "north", output, view_words=["UPSIDE DOWN=PA"]))
    assert rows["g"]["included"]
    assert rows["g"]["view"] == "PA"


def test_mimic_procedure_needs_its_columns(write):
    root = write(MIMIC, "dicom_id,subject_id,study_id,ViewPosition\na,10000032,5,PA\n")
    assert read_manifest("mimic-cxr-jpg", root)["included"].all()
    with pytest.raises(CxrError, match="PerformedProcedureStepDescription"):
        read_manifest("mimic-cxr-jpg", root, view_from_procedure=True)


def test_mimic_findings_come_from_the_label_table(write):
    root = mimic(write)
    write(
        "mimic-cxr-2.0.0-chexpert.csv.gz",
        "subject_id,study_id,Atelectasis,Edema,No Finding\n10000032,50414267,1.0,1.0,\n10000032,53189527,-1.0,,\n",
    )
    rows = by_id(read_manifest("mimic-cxr-jpg", root))
    assert [rows[key]["findings"] for key in "abcd"] == ["Atelectasis|Edema", "Atelectasis|Edema", "", None]


def test_mimic_ids_may_be_those_of_its_folders(write):
    root = mimic(write)
    plain = by_id(read_manifest("mimic-cxr-jpg", root))
    table = next(root.glob("*metadata*"))
    text = gzip.decompress(table.read_bytes()).decode()
    table.write_bytes(gzip.compress(re.sub(r",(\d{8}),(\d{8})", r",p\1,s\2", text).encode()))
    assert "s50414267" in gzip.decompress(table.read_bytes()).decode()
    found = by_id(read_manifest("mimic-cxr-jpg", root))
    for key, row in plain.items():
        assert all(found[key][name] == row[name] for name in ("path", "patient_id", "study_id"))


def test_procedure_switch_is_refused_where_there_is_no_such_text(write):
    root = write("train.csv", "image_id\na\n")
    with pytest.raises(CxrError, match="no procedure text"):
        read_manifest("vindr-cxr", root, view_from_procedure=True)


CHEXPERT = "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Edema\n"


def test_chexpert_joins_both_tables_and_follows_frontal_lateral(write):
    front = "CheXpert-v1.0/train/patient00001/study1/view1_frontal.jpg"
    side = "CheXpert-v1.0/train/patient00001/study1/view2_lateral.jpg"
    odd = "CheXpert-v1.0/train/patient00002/study1/view1_frontal.jpg"
    none = "CheXpert-v1.0/valid/patient00003/study1/view1_frontal.jpg"
    write("train.csv", f"{CHEXPERT}{front},Female,68,Frontal,AP,,1.0\n{side},Female,68,Lateral,,,1.0\n")
    root = write("valid.csv", f"{CHEXPERT}{odd},Unknown,0,Frontal,LL,1.0,0.0\n{none},Male,70,,PA,1.0,0.0\n")
    rows = by_id(read_manifest("chexpert", root))
    assert list(rows) == [front, side, odd, none]
    assert rows[front]["path"] == "train/patient00001/study1/view1_frontal.jpg"
    assert (rows[front]["patient_id"], rows[front]["study_id"]) == ("patient00001", "patient00001/study1")
    assert (rows[front]["view"], rows[front]["sex"], rows[front]["age"]) == ("AP", "F", 68.0)
    assert rows[front]["findings"] == "Edema"
    assert (rows[side]["view"], rows[side]["included"]) == ("LATERAL", False)
    assert (rows[odd]["view"], rows[odd]["included"], rows[odd]["sex"]) == ("LL", True, None)
    assert rows[none]["exclusion_reason"] == "Frontal/Lateral is missing"


def test_chexpert_keeps_the_archive_folder_where_it_exists(write):
    name = "CheXpert-v1.0-small/train/patient1/study1/view1_frontal.jpg"
    root = write("CheXpert-v1.0-small/train.csv", f"{CHEXPERT}{name},Male,1,Frontal,AP,,\n")
    assert read_manifest("chexpert", root)["path"].tolist() == [name]


PADCHEST = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
PADCHEST_HEADER = (
    ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,Projection,Report,Labels\n"
)


def test_padchest_selects_by_projection_and_survives_line_breaks(write):
    root = write(
        PADCHEST,
        PADCHEST_HEADER
        + '0,a.png,0,20140915,s1,p1,1930.0,F,PA,"two\nlines","[\'normal\']"\n'
        + "1,b.png,13,20140915,s1,p1,1930.0,F,L,x,\"['cardiomegaly',\n 'COPD signs']\"\n"
        + "2,c.png,13,20150101,s2,p2,,nan,AP_horizontal,x,nan\n"
        + "3,d.png,13,20150101,s2,p2,1950,M,AP,x,[]\n"
        + "4,e.png,13,20150101,s2,p2,1950,M,UNK,x,[]\n"
        + "5,f.png,13,20150101,s2,p2,1950,M,,x,[]\n",
    )
    rows = by_id(read_manifest("padchest", root))
    assert {key: row["view"] for key, row in rows.items() if row["included"]} == {"a.png": "PA", "d.png": "AP"}
    assert (rows["a.png"]["path"], rows["a.png"]["age"], rows["a.png"]["findings"]) == ("0/a.png", 84.0, "normal")
    assert rows["b.png"]["findings"] == "cardiomegaly|COPD signs"
    assert rows["c.png"]["sex"] is None
    assert rows["c.png"]["findings"] is None
    assert rows["c.png"]["exclusion_reason"] == "Projection is AP_horizontal, not PA or AP"
    assert rows["e.png"]["exclusion_reason"] == "Projection is UNK, not PA or AP"
    assert rows["f.png"]["exclusion_reason"] == "Projection is missing"
    assert not any("2014" in str(value) for row in rows.values() for value in row.values())


def test_padchest_images_may_lie_in_one_folder(write):
    root = write(PADCHEST, PADCHEST_HEADER + "0,a.png,0,20140915,s,p,1930,F,PA,x,[]\n1,b.png,1,,s,p,,F,PA,x,[]\n")
    write("images/a.png", "x")
    write("1/b.png", "x")
    assert read_manifest("padchest", root)["path"].tolist() == ["images/a.png", "1/b.png"]


NIH_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\n"
)


def test_nih_keeps_all_and_finds_the_twelve_folders(write):
    root = write(
        "Data_Entry_2017.csv",
        NIH_HEADER
        + "1_0.png,Cardiomegaly|Edema,0,1,058Y,M,PA,2682,2749,0.143,0.143,\n"
        + "1_1.png,No Finding,1,1,414Y,F,AP,2682,2749,0.143,0.143,\n"
        + "2_0.png,No Finding,1,2,,F,,2682,2749,0.143,0.143,\n",
    )
    write("images_001/images/1_0.png", "x")
    write("images_012/images/1_1.png", "x")
    manifest = read_manifest("chestx-ray8", root, check_files=True)
    rows = by_id(manifest)
    assert rows["1_0.png"]["path"] == "images_001/images/1_0.png"
    assert rows["1_1.png"]["path"] == "images_012/images/1_1.png"
    assert manifest["age"].isna().tolist() == [False, True, True]
    assert rows["1_0.png"]["findings"] == "Cardiomegaly|Edema"
    assert rows["2_0.png"]["exclusion_reason"] == "file is missing: images/2_0.png"
    assert read_manifest("chestx-ray8", root)["included"].all()


def test_vindr_label_tables_give_one_row_an_image(write):
    header = "image_id,rad_id,Edema,No finding\n"
    write("annotations/image_labels_train.csv", header + "a,R1,1,0\na,R2,1,0\na,R3,0,1\nb,R1,0,1\nb,R2,1,0\n")
    root = write("annotations/image_labels_test.csv", "image_id,Edema,No finding\nc,0,1\n")
    rows = by_id(read_manifest("vindr-cxr", root))
    assert [(key, row["path"], row["findings"]) for key, row in rows.items()] == [
        ("a", "train/a.dicom", "Edema"),
        ("b", "train/b.dicom", ""),
        ("c", "test/c.dicom", "No finding"),
    ]
    assert all(row["included"] and row["view"] is None for row in rows.values())


def test_vindr_box_tables_count_a_reader_once(write):
    root = write(
        "train.csv",
        "image_id,class_name,class_id,rad_id\na,Edema,1,R1\na,Edema,1,R1\na,No finding,14,R2\na,No finding,14,R3\n",
    )
    assert read_manifest("vindr-cxr", root)["findings"].tolist() == ["No finding"]


def test_vindr_table_of_ids_alone_and_dcm_files(write):
    root = write("annotations/image_labels_train.csv", "image_id,rad_id\na,R1\n")
    write("train/a.dcm", "x")
    manifest = read_manifest("vindr-cxr", root, check_files=True)
    assert manifest[["path", "findings", "included"]].to_numpy().tolist() == [["train/a.dcm", None, True]]


def test_vindr_image_in_both_tables_is_a_duplicate(write):
    write("annotations/image_labels_train.csv", "image_id\na\n")
    root = write("annotations/image_labels_test.csv", "image_id\nb\na\n")
    with pytest.raises(CxrError, match=r"image_labels_test\.csv: row 2: image id 'a' stands already in row 1 of"):
        read_manifest("vindr-cxr", root)


def test_candid_folds_repeated_rows(write):
    root = write(
        "Pneumothorax_reports.csv",
        "SOPInstanceUID,filename,EncodedPixels,Report\n"
        '1.2.3,P1_1.dcm,-1,"text\n"\n1.2.4,P2_1.dcm,10 3,x\n1.2.4,P2_1.dcm,-1,x\n1.2.5,P3_1,-1,x\n1.2.5,P4_1,-1,x\n',
    )
    write("dataset/1.2.3", "x")
    write("dataset/1.2.4.dcm", "x")
    manifest = read_manifest("candid-ptx", root)
    assert manifest[["image_id", "path", "patient_id", "findings"]].to_numpy().tolist() == [
        ["1.2.3", "dataset/1.2.3", "P1", ""],
        ["1.2.4", "dataset/1.2.4.dcm", "P2", "Pneumothorax"],
        ["1.2.5", "dataset/1.2.5", None, ""],
    ]


def test_candid_without_an_id_column(write):
    root = write("Pneumothorax_reports.csv", "id\n1\n")
    with pytest.raises(CxrError, match=r"'SOPInstanceUID' \(or 'ImageID'\) is missing; found id"):
        read_manifest("candid-ptx", root)
