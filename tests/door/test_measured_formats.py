"""Masks of every format give the values of the same masks as PNG, to the bit; the writers are other programs."""

import subprocess

import nibabel
import numpy as np
import pyarrow.parquet as pq
import pytest
import SimpleITK as sitk
from PIL import Image

from cxrfactory.config.measure import MeasureConfig, MeasureInputConfig
from cxrfactory.door.measured import measure_files
from cxrfactory.errors import CxrError
from cxrfactory.imaging.drawing.png import save_png
from tests.export.dicom_films import program
from tests.measure.phantoms import HEIGHT
from tests.measure.sources.writers import (
    MASKS,
    OLD_SIDES,
    SCT,
    SIDE_MM,
    SIDES,
    SRT,
    dcmqi_seg,
    highdicom_seg,
    itk_image,
    label_map,
    nifti,
    placed_film,
    slicer_fields,
)

SETTINGS = MeasureConfig(samples=0)
PICTURE = np.diag([-SIDE_MM, -SIDE_MM, 1, 1])


def measured(target, **given):
    """Measurements and images without the name of the dataset."""
    output = target.with_name(target.name + ".measured")
    measure_files([target], output, SETTINGS, MeasureInputConfig(**given))
    tables = [pq.read_table(output / f"{name}.parquet").to_pandas() for name in ("measurements", "images")]
    return [table.drop(columns="dataset") for table in tables]


def assert_same(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        assert one.equals(other)


@pytest.fixture(scope="module")
def of_png(tmp_path_factory):
    """Measurements of the overlapping masks as PNG."""
    return png_of(tmp_path_factory.mktemp("png") / "png", MASKS)


@pytest.fixture(scope="module")
def of_label_map(tmp_path_factory):
    """Measurements of the masks that a label map can hold, as PNG."""
    values = label_map()
    masks = {name: values == value for value, name in enumerate(("right_lung", "left_lung", "heart"), 1)}
    return png_of(tmp_path_factory.mktemp("map") / "png", masks)


def png_of(folder, masks):
    for name, mask in masks.items():
        save_png(255 * np.asarray(mask, np.uint8), folder / f"film.{name}.png")
    found = measured(folder, pixel_mm=SIDE_MM)
    assert found[0]["value"].notna().sum() > 10
    assert "mm2" in set(found[0]["unit"])
    return found


@pytest.mark.parametrize(
    ("kind", "slices"), [("nii", 2), ("nii.gz", 3), ("nrrd", 2), ("nrrd", 3), ("mha", 2), ("mha", 3)]
)
def test_files_of_simpleitk_give_the_values_of_png(kind, slices, of_png, tmp_path):
    (tmp_path / "in").mkdir()
    for name, mask in MASKS.items():
        sitk.WriteImage(itk_image(mask if slices == 2 else mask[None]), tmp_path / "in" / f"film_{name}.{kind}")
    unit = {"pixel_mm": SIDE_MM} if (kind, slices) == ("nrrd", 2) else {}  # a header without a unit
    assert_same(measured(tmp_path / "in", **unit), of_png)


# How nibabel and dcm2niix store a film: pixels (i, j, k), and the affine that says where they are.
LYING = {
    "rows stored from below": (lambda mask: mask[::-1].T[..., None], [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    "columns stored from the right": (lambda mask: mask[:, ::-1].T[..., None], [[1, 0, 0], [0, -1, 0], [0, 0, 1]]),
    "rows first": (lambda mask: mask[..., None], [[0, -1, 0], [-1, 0, 0], [0, 0, 1]]),
    "coronal": (lambda mask: mask.T[..., None], [[-1, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "coronal, RAS": (lambda mask: mask[::-1, ::-1].T[:, None], [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
}


@pytest.mark.parametrize("lying", LYING)
def test_rows_and_columns_come_from_the_affine_of_nifti(lying, of_png, tmp_path):
    stored, axes = LYING[lying]
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = np.array(axes) * SIDE_MM, (7, -20, 3)
    (tmp_path / "film").mkdir()
    for name, mask in MASKS.items():
        nibabel.save(nifti(stored(mask), affine), tmp_path / "film" / f"{name}.nii.gz")
    assert_same(measured(tmp_path / "film"), of_png)


def test_the_axes_of_files_without_an_orientation_are_asked_for(of_png, tmp_path):
    for order, turned in (("columns-first", lambda mask: mask.T), ("rows-first", lambda mask: mask)):
        folder = tmp_path / order / "film"
        folder.mkdir(parents=True)
        for name, mask in MASKS.items():
            image = nifti(turned(mask)[..., None], np.diag([SIDE_MM, SIDE_MM, 1, 1]))
            nibabel.save(image, folder / f"{name}.nii.gz")
        with pytest.raises(CxrError, match=r"heart\.nii\.gz: its affine is the identity .* RAS .*; give --axes"):
            measured(folder)
        assert_same(measured(folder, axes=order), of_png)


def test_pynrrd_without_a_space_needs_the_axes(of_png, tmp_path):
    nrrd = pytest.importorskip("nrrd")
    (tmp_path / "in").mkdir()
    for name, mask in MASKS.items():
        nrrd.write(str(tmp_path / "in" / f"film.{name}.nrrd"), mask)
    with pytest.raises(CxrError, match=r"film\.heart\.nrrd: it states no orientation \(.*\); give --axes"):
        measured(tmp_path / "in")
    assert_same(measured(tmp_path / "in", axes="rows-first", pixel_mm=SIDE_MM), of_png)


SPACE = {
    "space": "left-posterior-superior",
    "space directions": [[SIDE_MM, 0, 0], [0, SIDE_MM, 0], [0, 0, 1]],
    "space origin": [0, 0, 0],
}


def test_segments_of_slicer_give_the_values_of_png(of_label_map, tmp_path):
    nrrd = pytest.importorskip("nrrd")
    fields = slicer_fields(["right lung", "Left Lung", "heart"])
    nrrd.write(str(tmp_path / "film.seg.nrrd"), label_map().T[..., None], {**SPACE, **fields})
    assert_same(measured(tmp_path / "film.seg.nrrd"), of_label_map)


@pytest.mark.parametrize("values", [[1, 2, 3], [1, 2, 1]])  # 3D Slicer counts the values of each layer from 1
def test_layers_of_slicer_overlap(values, of_png, tmp_path):
    nrrd = pytest.importorskip("nrrd")
    layers = np.stack([MASKS["right_lung"] + 2 * MASKS["left_lung"], MASKS["heart"] * values[2]])
    fields = slicer_fields(["Right lung", "Left lung", "Heart"], values, [0, 0, 1])
    directions = np.array([[np.nan] * 3, *SPACE["space directions"]])
    header = {**SPACE, "space directions": directions, "kinds": ["list", *["domain"] * 3], **fields}
    nrrd.write(str(tmp_path / "film.seg.nrrd"), layers.transpose(0, 2, 1)[..., None], header)
    assert_same(measured(tmp_path / "film.seg.nrrd"), of_png)


def test_segments_cut_out_of_the_image_are_refused(tmp_path):
    nrrd = pytest.importorskip("nrrd")
    fields = slicer_fields(["right lung", "left lung", "heart"]) | {"Segmentation_ReferenceImageExtentOffset": "12 5 0"}
    nrrd.write(str(tmp_path / "film.seg.nrrd"), label_map().T[..., None], {**SPACE, **fields})
    with pytest.raises(CxrError, match=r"a part cut out of the image; expected the whole image: save it in 3D Slicer"):
        measured(tmp_path / "film.seg.nrrd")


def totalsegmentator(values, names):
    """NIfTI with a table of names in its header, as TotalSegmentator writes it (nibabel)."""
    made = nifti(values.T[..., None], PICTURE)
    rows = "".join(f'<Label Key="{key}" Red="1" Green="1" Blue="0" Alpha="1">{name}</Label>' for key, name in names)
    xml = f'<?xml version="1.0" encoding="UTF-8"?><CaretExtension><VolumeInformation Index="0"><LabelTable>{rows}'
    xml += "</LabelTable></VolumeInformation></CaretExtension>"
    made.header.extensions.append(nibabel.nifti1.Nifti1Extension(0, xml.encode()))
    return made


def test_names_in_the_header_of_nifti_are_those_of_totalsegmentator(of_label_map, tmp_path):
    names = [(1, "lung_right"), (2, "lung_left"), (3, "heart"), (4, "urinary_bladder"), (5, "no such thing")]
    nibabel.save(totalsegmentator(label_map(), names), tmp_path / "film.nii.gz")
    assert_same(measured(tmp_path / "film.nii.gz"), of_label_map)


LEGENDS = {
    "legend.csv": "value,name\n0,background\n1,right lung\n2,lung_left\n3,Heart\n9,something else\n",
    "legend.json": '{"labels": {"background": 0, "right lung": 1, "left lung": 2, "heart": 3}}',
    "snap.txt": '# ITK-SnAP Label Description File\n    0     0    0    0        0  0  0    "Clear Label"\n'
    '    1   255    0    0        1  1  1    "Right lung"\n    2     0  255    0        1  1  1    "Left lung"\n'
    '    3     0    0  255        1  1  1    "Heart"\n    4   255  255    0        1  1  1    "Label 4"\n',
    "slicer.ctbl": "0 background 0 0 0 0\n1 right_lung 255 0 0 255\n2 left_lung 0 255 0 255\n3 heart 0 0 255 255\n",
}


@pytest.mark.parametrize(
    ("legend", "kind"),
    [
        *((legend, "png") for legend in LEGENDS),
        *(("legend.csv", kind) for kind in ("palette.png", "nii.gz", "nrrd")),
    ],
)
def test_a_legend_names_the_values_of_label_maps(legend, kind, of_label_map, tmp_path):
    (tmp_path / legend).write_text(LEGENDS[legend])
    (tmp_path / "in").mkdir()
    if kind == "palette.png":
        picture = Image.fromarray(label_map(), mode="P")
        picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
        picture.save(tmp_path / "in" / "film.png")
    elif kind == "png":
        save_png(label_map(), tmp_path / "in" / "film.png")
    else:
        sitk.WriteImage(itk_image(label_map()[None]), tmp_path / "in" / f"film.{kind}")
    unit = {"pixel_mm": SIDE_MM} if kind.endswith("png") else {}
    assert_same(measured(tmp_path / "in", legend=str(tmp_path / legend), **unit), of_label_map)


def test_a_legend_of_colours(of_label_map, tmp_path):
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [10, 20, 30], [9, 9, 9]], np.uint8)
    values = label_map()
    values[0, 0] = 4
    Image.fromarray(colours[values]).save(tmp_path / "film.png")
    legend = tmp_path / "legend.csv"
    rows = "value,name\n#FF0000,right lung\n#00ff00,left lung\n#0a141e,heart\n"
    legend.write_text(rows)
    with pytest.raises(CxrError, match=r"film\.png: label #090909 has no name; give a --legend with the row '#09"):
        measured(tmp_path / "film.png", legend=str(legend))
    legend.write_text(rows + "#090909,ignore\n")
    assert_same(measured(tmp_path / "film.png", legend=str(legend), pixel_mm=SIDE_MM), of_label_map)
    legend.write_text("value,name\n1,heart\n")
    with pytest.raises(CxrError, match=r"film\.png is a colour picture; .*; give a --legend of colours, with rows"):
        measured(tmp_path / "film.png", legend=str(legend))


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_segmentations_of_highdicom_give_the_values_of_png(kind, of_png, of_label_map, tmp_path):
    pytest.importorskip("highdicom")
    masks, pixels = MASKS, None
    if kind == "LABELMAP":
        masks = {name: MASKS[name] for name in ("right_lung", "left_lung", "heart")}
        pixels = label_map()[None]
    highdicom_seg(masks, kind, pixels=pixels).save_as(tmp_path / "film.seg.dcm", enforce_file_format=True)
    assert_same(measured(tmp_path / "film.seg.dcm"), of_label_map if kind == "LABELMAP" else of_png)


@pytest.mark.parametrize(("scheme", "codes", "sides"), [("SCT", SCT, SIDES), ("SRT", SRT, OLD_SIDES)])
def test_segmentations_of_dcmqi_are_named_by_their_codes(scheme, codes, sides, of_png, tmp_path):
    path = dcmqi_seg(tmp_path, codes, scheme, sides).rename(tmp_path / "film.dcm")
    assert_same(measured(path), of_png)


def test_volumes_of_dcmqi_give_the_values_of_png(of_png, tmp_path):
    path = dcmqi_seg(tmp_path, SCT, "SCT", SIDES)
    (tmp_path / "in").mkdir()
    words = ["--inputDICOM", str(path), "--outputDirectory", str(tmp_path / "in"), "-t", "nii", "-p", "film"]
    subprocess.run([program("segimage2itkimage"), *words], capture_output=True, check=True)
    for number, name in enumerate(MASKS, 1):  # it writes numbers for names
        (tmp_path / "in" / f"film-{number}.nii.gz").rename(tmp_path / "in" / f"film-{name}.nii.gz")
    assert_same(measured(tmp_path / "in"), of_png)


def test_a_folder_of_dicom_may_hold_the_films(of_png, tmp_path):
    pytest.importorskip("highdicom")
    (tmp_path / "in").mkdir()
    placed_film((HEIGHT, HEIGHT)).save_as(tmp_path / "in" / "1.2.3", enforce_file_format=True)
    highdicom_seg(MASKS).save_as(tmp_path / "in" / "film.seg.dcm", enforce_file_format=True)
    assert_same(measured(tmp_path / "in"), of_png)
    with pytest.raises(CxrError, match=r"1\.2\.3: a DICOM object of another kind; expected a DICOM segmentation"):
        measured(tmp_path / "in" / "1.2.3")


def test_two_segmentations_of_one_image_are_both_rejected(tmp_path):
    pytest.importorskip("highdicom")
    (tmp_path / "in").mkdir()
    other = placed_film(MASKS["heart"].shape, number=2)
    for name, source in (("a", None), ("b", None), ("c", other)):
        highdicom_seg(MASKS, source=source).save_as(tmp_path / "in" / f"{name}.dcm", enforce_file_format=True)
    accounts = measure_files([tmp_path / "in"], tmp_path / "out", SETTINGS)
    assert (accounts.measured, accounts.rejected) == (1, 2)
    text = (tmp_path / "out" / "rejected.csv").read_text()
    assert (
        'in,a,"b.dcm is a segmentation of the same image; give one of them alone, or one file of all segments"' in text
    )


def test_files_of_one_name_have_the_names_of_their_folders(of_png, tmp_path):
    pytest.importorskip("highdicom")
    for number, folder in enumerate("xy"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        made = highdicom_seg(MASKS, source=placed_film(MASKS["heart"].shape, number=number))
        made.save_as(tmp_path / "in" / folder / "1-1.dcm", enforce_file_format=True)
    _, images = measured(tmp_path / "in")
    assert images["image_id"].tolist() == ["x/1-1", "y/1-1"]


def test_a_size_of_one_millimetre_is_what_programs_write_where_they_know_none(tmp_path):
    for name, mask in MASKS.items():
        (tmp_path / "in").mkdir(exist_ok=True)
        sitk.WriteImage(itk_image(mask, 1.0), tmp_path / "in" / f"film.{name}.nii.gz")
    assert set(measured(tmp_path / "in")[0]["unit"]) & {"px", "px2", "mm"} == {"px", "px2"}
    assert "mm2" in set(measured(tmp_path / "in", pixel_mm=1)[0]["unit"])


def test_a_header_without_a_unit_states_no_size(of_png, tmp_path):
    (tmp_path / "in").mkdir()
    for name, mask in MASKS.items():
        nibabel.save(nifti(mask.T, PICTURE, "unknown"), tmp_path / "in" / f"film.{name}.nii")
    assert "px2" in set(measured(tmp_path / "in")[0]["unit"])
    assert_same(measured(tmp_path / "in", pixel_mm=SIDE_MM), of_png)


def test_a_size_against_the_header_rejects_the_image(tmp_path):
    sitk.WriteImage(itk_image(MASKS["heart"]), tmp_path / "film.heart.nii.gz")
    with pytest.raises(
        CxrError, match=r"its header states pixels of 0\.143 x 0\.143 mm, and --pixel-mm is 0\.2; leave"
    ):
        measured(tmp_path / "film.heart.nii.gz", pixel_mm=0.2)


def test_pixels_that_are_not_square_are_rejected(tmp_path):
    image = itk_image(MASKS["heart"])
    image.SetSpacing((0.2, 0.1))
    sitk.WriteImage(image, tmp_path / "film.heart.nii.gz")
    with pytest.raises(CxrError, match=r"pixels of 0\.1 x 0\.2 mm; expected square ones"):  # rows, then columns
        measured(tmp_path / "film.heart.nii.gz")


def wrong(folder):
    """Files that are no mask of a radiograph, and what is said about each."""
    volume = np.zeros((4, 5, 6), np.uint8)
    sitk.WriteImage(itk_image(volume), folder / "a.heart.nii.gz")
    yield (
        "a.heart.nii.gz",
        r"a\.heart\.nii\.gz: a volume of 6 x 5 x 4 voxels; expected one slice, of a radiograph; pr",
    )
    sitk.WriteImage(itk_image(volume), folder / "b.heart.nrrd")
    yield "b.heart.nrrd", r"b\.heart\.nrrd: a volume of 6 x 5 x 4 voxels; expected one slice"
    sitk.WriteImage(itk_image(label_map()), folder / "c.heart.nii.gz")
    yield "c.heart.nii.gz", r"c\.heart\.nii\.gz has 4 values; expected two, .* or a --legend that names the values"
    nibabel.save(totalsegmentator(label_map(), [(1, "lung_right"), (2, "hart")]), folder / "d.nii.gz")
    yield (
        "d.nii.gz",
        r"d\.nii\.gz: label 2 is called 'hart', which is no known structure; did you mean 'heart'\? giv",
    )
    nibabel.save(totalsegmentator(label_map(), [(1, "lung_right"), (3, "heart")]), folder / "e.nii.gz")
    yield "e.nii.gz", r"e\.nii\.gz: label 2 has no name; give a --legend with the row '2,NAME', or '2,ignore'"
    nibabel.save(totalsegmentator(label_map(), [(1, "heart"), (2, "lung_left"), (3, "Heart")]), folder / "f.nii.gz")
    yield "f.nii.gz", r"f\.nii\.gz: labels 1 and 3 are both heart; expected one label a structure"
    (folder / "g.heart.nii.gz").write_bytes(b"\x1f\x8b")
    yield "g.heart.nii.gz", r"g\.heart\.nii\.gz: not a readable NIfTI volume"
    sitk.WriteImage(itk_image(MASKS["heart"].astype(np.float32) / 3), folder / "h.heart.nii.gz")
    yield "h.heart.nii.gz", r"labels that are not whole"
    sitk.WriteImage(itk_image(MASKS["heart"]), folder / "film.nii.gz")
    yield (
        "film.nii.gz",
        r"film\.nii\.gz: its name ends with no structure; .* or give a --legend for label maps",
    )
    turned = np.eye(4)
    turned[:2, :2] = [[-np.cos(0.1), np.sin(0.1)], [-np.sin(0.1), -np.cos(0.1)]]
    nibabel.save(nifti(MASKS["heart"].T[..., None], turned), folder / "i.heart.nii.gz")
    yield "i.heart.nii.gz", r"i\.heart\.nii\.gz: its axes are turned by 5\.7 degrees"
    sagittal = np.array([[0, 0, 1, 5], [-1, 0, 0, 5], [0, -1, 0, 5], [0, 0, 0, 1]])
    nibabel.save(nifti(MASKS["heart"].T[..., None], sagittal), folder / "j.heart.nii.gz")
    yield "j.heart.nii.gz", r"j\.heart\.nii\.gz: a sagittal slice .*; give --axes columns-first"


def test_what_is_no_mask_of_a_radiograph_is_one_line(tmp_path):
    for name, said in wrong(tmp_path):
        with pytest.raises(CxrError, match=said) as raised:
            measured(tmp_path / name)
        assert "\n" not in str(raised.value)


def test_wrong_segmentations_are_one_line(tmp_path):
    pytest.importorskip("highdicom")
    path = tmp_path / "film.dcm"

    def refused(made, said):
        made.save_as(path, enforce_file_format=True)
        with pytest.raises(CxrError, match=said) as raised:
            measured(path)
        assert "\n" not in str(raised.value)

    shares = MASKS["heart"] * np.linspace(0.3, 1, MASKS["heart"].shape[1])
    refused(highdicom_seg({"heart": shares}, "FRACTIONAL"), "segment 1 holds shares from .* of 255; expected a binary")
    unknown = {**SCT, "heart": ("22253000", "Pain")}
    refused(highdicom_seg(MASKS, codes=unknown), r"label 1 is called 'Segment 1', which is no known structure; give a")
    said = r"label 1 is called left lung, and its code means heart; correct one of them, or give a --legend with"
    refused(highdicom_seg(MASKS, labels={"heart": "Left lung"}), said)
    two = highdicom_seg(MASKS)
    group = two.PerFrameFunctionalGroupsSequence[1].SegmentIdentificationSequence[0]
    group.ReferencedSegmentNumber = 1
    refused(two, r"segment 1 has 2 frames, as of a volume; expected one of a radiograph; project a CT")
    short = highdicom_seg(MASKS)
    short.PixelData = short.PixelData[:100]
    refused(short, r"film\.dcm: not a readable DICOM segmentation \(ValueError\); expected a DICOM segmentation")


def test_a_legend_names_segments_by_number_or_label(of_png, tmp_path):
    pytest.importorskip("highdicom")
    unknown = {name: ("22253000", "Pain") for name in MASKS}
    made = highdicom_seg(MASKS, codes=unknown, labels={"heart": "Cor"})
    made.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    (tmp_path / "legend.csv").write_text("value,name\nCor,heart\n2,right lung\n3,left lung\n")
    assert_same(measured(tmp_path / "film.dcm", legend=str(tmp_path / "legend.csv")), of_png)
