"""Names of labels as tools write them: tables of many forms, headers of label volumes, folders with other files."""

# One case a line reads better than the same over five.
# ruff: noqa: E501

import gzip
import json
from functools import partial

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.imaging.volume.ct import read_ct
from cxrfactory.imaging.volume.grid import Grid
from cxrfactory.imaging.volume.label_names import read_names
from cxrfactory.imaging.volume.label_volume import open_labels
from tests.imaging import ct_files

from . import Case

KIND = "names of labels"
SOURCE = "wasserth/TotalSegmentator (label names in headers), MIC-DKFZ/nnUNet (dataset.json), Slicer (.ctbl, .seg.nrrd)"

SHAPE = (6, 5, 4)
GRID = Grid(SHAPE, ct_files.SPACING_MM, ct_files.ORIGIN_MM)
NAMES = {1: "lung_right", 2: "lung_left", 3: "heart", 14: "vertebrae_T8"}
LABELS = np.random.default_rng(3).choice([0, *NAMES], SHAPE).astype(np.uint8)

ROWS = [(str(value), name) for value, name in NAMES.items()]
NNUNET = {"channel_names": {"0": "CT"}, "numTraining": 1, "file_ending": ".nii.gz"}


def table(delimiter=",", header=("id", "name"), value=str, quote=""):
    lines = [delimiter.join(header)] + [delimiter.join((value(int(v)), f"{quote}{n}{quote}")) for v, n in ROWS]
    return "\n".join(lines) + "\n"


TABLES = {
    **{
        f"separated by {name}.{suffix}": table(sign)
        for name, sign in {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}.items()
        for suffix in ("csv", "tsv")
    },
    **{
        f"columns {'-'.join(header)}.csv": table(header=header)
        for header in (
            ("ID", "Name"),
            ("value", "structure"),
            ("index", "label"),
            ("label", "name"),
            ("LabelValue", "Name"),
            ("label_id", "label_name"),
        )
    },
    "names first.csv": "\n".join(["name,id", *(f"{name},{value}" for value, name in ROWS)]),
    "floats.csv": table(value=lambda v: f"{v}.0"),
    "floats of a spreadsheet.csv": table(";", value=lambda v: f"{v},0"),
    "separator of a spreadsheet.csv": "sep=;\n" + table(";"),
    "quoted.csv": table(quote='"'),
    "byte order mark.csv": "\ufeff" + table(";"),
    "Windows line ends.csv": table().replace("\n", "\r\n"),
    "index of pandas.csv": "\n".join([",id,name", *(f"{n},{value},{name}" for n, (value, name) in enumerate(ROWS))]),
    "background row.csv": table() + "0,background\n",
    "values first.json": json.dumps(dict(ROWS)),
    "names first.json": json.dumps({name: value for value, name in NAMES.items()}),
    "names first, floats.json": json.dumps({name: float(value) for value, name in NAMES.items()}),
    "names first, texts.json": json.dumps({name: value for value, name in ROWS}),
    "nnU-Net.json": json.dumps(NNUNET | {"labels": {"background": 0} | {name: value for value, name in NAMES.items()}}),
    "nnU-Net of one value a region.json": json.dumps(
        NNUNET | {"labels": {"background": 0} | {name: [value] for value, name in NAMES.items()}}
    ),
    "Decathlon.json": json.dumps({"modality": {"0": "CT"}, "labels": {"0": "background"} | dict(ROWS)}),
    "list.json": json.dumps(
        {"labels": [{"id": value, "name": name, "color": [1, 2, 3]} for value, name in NAMES.items()]}
    ),
    "3D Slicer.ctbl": "# Color table file labels\n# 5 values\n0 background 0 0 0 0\n"
    + "".join(f"{v} {n} 128 174 128 255\n" for v, n in ROWS),
    "3D Slicer, gaps.ctbl": "".join(f"{v} {NAMES.get(v, '(none)')} 1 2 3 255\n" for v in range(1, 15)),
    "FreeSurfer.txt": "#No. Label Name:   R   G   B   A\n0   Unknown   0 0 0 0\n"
    + "".join(f"{v:<4}{n:<40}1   2   3   0\n" for v, n in ROWS),
    "ITK-SNAP.txt": "#####\n# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL\n"
    + '    0     0    0    0        0  0  0    "Clear Label"\n'
    + "".join(f'{v:>5}   255    0    0        1  1  1    "{n}"\n' for v, n in ROWS),
    "short.txt": "".join(f"{v} {n}\n" for v, n in ROWS),
    "table.txt": table("\t"),
}
BAD_TABLES = {
    "regions.json": (json.dumps(NNUNET | {"labels": {"background": 0, "lungs": [1, 2]}}), "key 'lungs': a region of 2 values"),
    "half.csv": (table(value=lambda v: f"{v}.5"), r"label value '1\.5'; expected a whole number"),
    "swapped columns.csv": ("id,name\nlung,1\n", "label value 'lung'"),
    "index alone.csv": (",name\n0,lung_right\n", "columns , name; expected one called id"),
    "UTF-16.csv": (table().encode("utf-16"), "not readable as UTF-8 text .it is UTF-16.; save it as UTF-8"),
    "Latin-1.csv": ("id,name\n1,coraz\xf3n\n".encode("latin-1"), "not readable as UTF-8 text .*save it as UTF-8"),
    "colours.ctbl": ("1 right lung 1 2 3 4 5 6\n", "row 1: expected a value, a name without blanks"),
    "twice.json": ('{"labels": {"a": 1}, "labels": {"b": 1}}', "key 'labels' comes twice"),
    "a value twice.json": ('{"labels": {"a": 1, "b": 1}}', "label value 1 comes twice"),
}  # fmt: skip


def named(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    assert read_names(path) == NAMES


def faulty(folder, name, text, says):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CxrError, match=f"^{name}.*{says}") as caught:
        read_names(path)
    assert "\n" not in str(caught.value)


def caret(names=NAMES, more=""):
    rows = "".join(
        f'<Label Key="{v}" Red="0" Green="1" Blue="0" Alpha="1"><![CDATA[{n}]]></Label>\n' for v, n in names.items()
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>{more} <CaretExtension><VolumeInformation Index="0"><LabelTable>\n{rows}</LabelTable></VolumeInformation></CaretExtension>'.encode()


def with_extension(folder, content, code=0, values=LABELS, suffix=".nii.gz"):
    stored, affine = ct_files.stored(values, (0, 1, 2), (True, True, False))
    image = nib.Nifti1Image(stored, affine)
    image.header.extensions.append(nib.nifti1.Nifti1Extension(code, content))
    nib.save(image, folder / f"labels{suffix}")
    return folder / f"labels{suffix}"


def in_extension(folder, code, suffix):
    found = open_labels(with_extension(folder, caret({0: "???"} | NAMES), code, suffix=suffix), GRID)
    assert found.names == NAMES
    assert found.notes == ("labels named by the table in their header (4 names)",)
    np.testing.assert_array_equal(found.values, LABELS)


def no_names(folder, content):
    """An extension that is no table of labels, or a damaged or malicious one."""
    found = open_labels(with_extension(folder, content), GRID)
    assert found.names == {value: f"label_{value}" for value in NAMES}


def unusable(folder, names):
    with pytest.raises(CxrError, match="the table of names in its header cannot be used") as caught:
        open_labels(with_extension(folder, caret(names)), GRID)
    assert "Doe" not in str(caught.value)


def beside_table(folder):
    """The table that the user names counts, and a note says that the header has another name."""
    found = open_labels(with_extension(folder, caret()), GRID, NAMES | {3: "myocardium"})
    assert found.names[3] == "myocardium"
    assert found.notes == ("1 of 4 labels have another name in the name table than in the header; the table's",)
    assert open_labels(with_extension(folder, caret()), GRID, NAMES).notes == ()


def too_few(folder):
    """A value that the header does not name is no structure without a name."""
    with pytest.raises(ImageError, match=r"1 label values are not in the name table \(14\)"):
        open_labels(with_extension(folder, caret({1: "a", 2: "b", 3: "c"})), GRID)


def of_a_ct(folder):
    """Names in the header of a CT, whatever they are, disturb nothing."""
    values, affine = ct_files.stored(ct_files.chest(), (0, 1, 2), (True, True, False))
    image = nib.Nifti1Image(values, affine)
    image.header.extensions.append(nib.nifti1.Nifti1Extension(0, caret({1: "a", 2: "a"})))
    nib.save(image, folder / "ct.nii.gz")
    np.testing.assert_array_equal(read_ct(folder / "ct.nii.gz").values, ct_files.chest())


def slicer(folder, layers, fields, suffix=".seg.nrrd"):
    stored, affine = zip(*(ct_files.stored(layer, (0, 1, 2), (True, True, False)) for layer in layers), strict=True)
    arrays = [np.ascontiguousarray(each.transpose(2, 1, 0)) for each in stored]
    image = sitk.GetImageFromArray(
        arrays[0] if len(arrays) == 1 else np.stack(arrays, axis=-1), isVector=len(arrays) > 1
    )
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine[0]
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    for key, value in fields.items():
        image.SetMetaData(key, value)
    sitk.WriteImage(image, str(folder / f"labels{suffix}"))
    return folder / f"labels{suffix}"


def segments(names, layer=lambda value: 0, value=str):
    fields = {"Segmentation_MasterRepresentation": "Binary labelmap"}
    for number, (label, name) in enumerate(names.items()):
        fields |= {
            f"Segment{number}_Name": name,
            f"Segment{number}_LabelValue": value(label),
            f"Segment{number}_Layer": str(layer(label)),
        }
    return fields


def in_segments(folder, suffix):
    found = open_labels(slicer(folder, [LABELS], segments(NAMES), suffix), GRID)
    assert found.names == NAMES
    np.testing.assert_array_equal(found.values, LABELS)


def overlapping(folder):
    """Two layers: the heart overlaps both lungs."""
    heart = (np.random.default_rng(5).random(SHAPE) < 0.5).astype(np.uint8)
    fields = segments({1: "lung_right", 2: "lung_left"}) | {
        "Segment2_Name": "heart",
        "Segment2_LabelValue": "1",
        "Segment2_Layer": "1",
    }
    found = open_labels(slicer(folder, [LABELS, heart], fields), GRID)
    assert found.names == ("lung_right", "lung_left", "heart")
    for _ in range(2):
        read = dict(found)
        np.testing.assert_array_equal(read["lung_left"], LABELS == 2)
        np.testing.assert_array_equal(read["lung_right"], LABELS == 1)
        np.testing.assert_array_equal(read["heart"], heart)
    assert found.notes == ("3 segments of 2 layers, named by their header",)


def layers_without_names(folder):
    with pytest.raises(ImageError, match="2 numbers a voxel; expected one"):
        open_labels(slicer(folder, [LABELS, LABELS], {}), GRID)


def same_name_in_layers(folder):
    fields = segments({1: "lung"}) | {"Segment1_Name": "lung", "Segment1_LabelValue": "1", "Segment1_Layer": "1"}
    with pytest.raises(ImageError, match="two of one name"):
        open_labels(slicer(folder, [LABELS, LABELS], fields), GRID)


def folder_of_masks(folder, beside, note):
    """What stands beside the masks of TotalSegmentator is counted and disturbs nothing."""
    place = folder / "segmentations"
    place.mkdir()
    for value, name in NAMES.items():
        ct_files.write_nifti(
            place / f"{name}.nii.gz",
            *ct_files.stored((value == LABELS).astype(np.uint8), (0, 1, 2), (True, True, False)),
        )
    for name in beside:
        (place / name).mkdir() if name.endswith("/") else (place / name).write_bytes(b"{}")
    found = open_labels(place, GRID)
    assert found.names == tuple(sorted(NAMES.values()))
    for name, mask in found:
        np.testing.assert_array_equal(mask, {n: v for v, n in NAMES.items()}[name] == LABELS)
    assert found.notes == ((f"left aside beside the label volumes: {note}",) if note else ())


def mask_by_name_only(folder, spoil):
    place = folder / "segmentations"
    place.mkdir()
    ct_files.write_nifti(
        place / "heart.nii.gz", *ct_files.stored((LABELS == 3).astype(np.uint8), (0, 1, 2), (True, True, False))
    )
    if spoil == "link":
        (place / "lung_left.nii.gz").symlink_to("gone")
    else:
        (place / "lung_left.nii.gz").write_bytes(b"")
    with pytest.raises(ImageError, match=r"links to files that do not exist|an empty file"):
        list(open_labels(place, GRID))


def gzip_by_content(folder, kind):
    """A packed file without .gz is read; one that only says .gz is refused with the name that it needs."""
    values, affine = ct_files.stored(ct_files.chest(), (0, 1, 2), (True, True, False))
    data = kind(values, affine).to_bytes()
    (folder / "packed.nii").write_bytes(gzip.compress(data))
    np.testing.assert_array_equal(read_ct(folder / "packed.nii").values, ct_files.chest())
    (folder / "plain.nii.gz").write_bytes(data)
    with pytest.raises(
        ImageError, match=r"not compressed, though its name says so.; if it is NIfTI, rename it to \.nii"
    ):
        read_ct(folder / "plain.nii.gz")


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
CASES = [
    *(Case(name, "right", partial(named, name=name, text=text)) for name, text in TABLES.items()),
    *(Case(name, "refused", partial(faulty, name=name, text=text, says=says)) for name, (text, says) in BAD_TABLES.items()),
    *(
        Case(f"table in extension {code} of {suffix}", "right", partial(in_extension, code=code, suffix=suffix))
        for code in (0, 6, 30)
        for suffix in (".nii", ".nii.gz")
    ),
    *(
        Case(f"extension of {name}", "reported", partial(no_names, content=content))
        for name, content in {
            "a comment": b"made by hand", "another XML": b"<?xml version='1.0'?><x/>", "a cut table": caret()[:-60],
            "entities": caret(more=ENTITIES), "an empty table": caret({}),
        }.items()
    ),
    *(
        Case(f"table in the header with {name}", "refused", partial(unusable, names=names))
        for name, names in {"a name twice": {1: "Doe", 2: "Doe"}, "no name": {1: "", 2: "b"}, "a value too large": {70000: "Doe"}, "a text for a value": {"Doe": "x"}}.items()
    ),
    Case("table beside names in the header", "reported", beside_table),
    Case("a value that the header does not name", "refused", too_few),
    Case("names in the header of a CT", "right", of_a_ct),
    *(Case(f"segments in {suffix}", "right", partial(in_segments, suffix=suffix)) for suffix in (".seg.nrrd", ".nrrd", ".seg.nhdr")),
    Case("segments of two layers", "right", overlapping),
    Case("two layers without names", "refused", layers_without_names),
    Case("two layers with one name", "refused", same_name_in_layers),
    *(
        Case(f"folder of masks and {note or 'nothing'}", "reported" if note else "right", partial(folder_of_masks, beside=beside, note=note))
        for beside, note in (
            ((), ""),
            (("statistics.json",), "1 other files"),
            (("statistics.json", "preview_total.png", "times.csv", ".DS_Store", "other_task/"), "1 folders, 1 hidden, 3 other files"),
        )
    ),
    *(Case(f"mask that is there by name only, {spoil}", "refused", partial(mask_by_name_only, spoil=spoil)) for spoil in ("link", "empty")),
    *(Case(f"compression by content, {kind.__name__}", "right", partial(gzip_by_content, kind=kind)) for kind in (nib.Nifti1Image, nib.Nifti2Image)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)
