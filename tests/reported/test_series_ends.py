"""CT series whose files are not all slices: there by name only, other objects beside them, in folders below."""

# One case a line reads better than the same over five.
# ruff: noqa: E501

import gzip
from functools import partial

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless, RLELossless, generate_uid

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume.ct import read_ct
from tests.imaging import ct_files

from . import Case

KIND = "series that are not whole"
SOURCE = "wasserth/TotalSegmentator#323"

pytestmark = pytest.mark.filterwarnings("ignore")  # pydicom warns of every cut file

SHAPE = (12, 5, 4)
CANONICAL = ct_files.chest(SHAPE)
AFFINE = ct_files.canonical_affine()
NAMES = {
    "IM0001": lambda k: f"IM{k + 1:04d}",
    "1.dcm": lambda k: f"{k + 1}.dcm",
    "1.IMA": lambda k: f"ANON.CT.0001.{k + 1:04d}.IMA",
    "identifiers": lambda k: f"CT.{generate_uid(entropy_srcs=[str(k)])}",
    "hexadecimal": lambda k: f"{(k + 7) * 2654435761 % 2**32:08x}{k:08x}",
}
SR, KO, PR = "1.2.840.10008.5.1.4.1.1.88.67", "1.2.840.10008.5.1.4.1.1.88.59", "1.2.840.10008.5.1.4.1.1.11.1"
SEG, RT, PDF = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.5.1.4.1.1.104.1"
CAPTURE, DIRECTORY = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.1.3.10"


def slices(**fields):
    made = ct_files.ct_slices(CANONICAL, AFFINE.copy(), **fields)
    for k, one in enumerate(made):
        one.InstanceNumber = k + 1
    return made


def series(folder, name="IM0001", made=None, below="ct"):
    place = folder / below
    place.mkdir(parents=True, exist_ok=True)
    return ct_files.write_series(place, slices() if made is None else made, NAMES[name])


def check(folder, notes=()):
    volume = read_ct(folder / "ct")
    np.testing.assert_array_equal(volume.values, CANONICAL)
    assert volume.notes == notes
    return volume


def refused(folder, says):
    with pytest.raises(ImageError, match=says) as caught:
        read_ct(folder / "ct")
    message = str(caught.value)
    assert "\n" not in message
    assert not any(word in message for word in (*ct_files.SECRETS, "IM0", "ANON", str(folder)))


def empty(path):
    path.write_bytes(b"")


def cut(path):
    path.write_bytes(path.read_bytes()[:100])


def zeros(path):
    path.write_bytes(bytes(path.stat().st_size))


def dangling(path):
    path.unlink()
    path.symlink_to(f".git/annex/objects/{path.name}")


def pointer(path):
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1000\n")


def annexed(path):
    path.write_text(f"/annex/objects/SHA256E-s1000--{'0' * 64}\n")


def unfinished(path):
    path.rename(path.with_name(f"{path.name}.part")).write_bytes(b"partly")


def hidden_copy(path):
    path.rename(path.with_name(f".{path.name}.aB3xYz")).write_bytes(b"partly")


SPOILED = {
    "empty": empty, "cut": cut, "zeros": zeros, "links to nothing": dangling, "pointers of git-lfs": pointer,
    "pointers of git-annex": annexed, "unfinished downloads": unfinished, "unfinished copies of rsync": hidden_copy,
}  # fmt: skip
PLACES = {
    "the last": slice(-3, None),
    "the first": slice(0, 3),
    "both ends": slice(0, None, 11),
    "the middle": slice(5, 6),
}


def by_name_only(folder, spoil, places, name):
    """``places`` are those of the patient: the slices at its ends, wherever their names come."""
    place = series(folder, name)
    paths = [place / NAMES[name](k) for k in range(SHAPE[0])]
    for path in paths[places]:
        spoil(path)
    count = len(paths[places])
    refused(folder, rf"^ct: {count} of 12 files are there by name only \({count} .*\): file \d.* by name;")


def without(folder, kept, says):
    series(folder, made=[one for k, one in enumerate(slices()) if k in kept])
    refused(folder, says)


def counted(folder, says, **fields):
    series(folder, made=slices(**fields)[:9])
    refused(folder, says)


def noted(folder, says, kept=range(12), **fields):
    made = slices(**fields)
    series(folder, made=[made[k] for k in kept])
    assert says in read_ct(folder / "ct").notes


def other(sop_class, modality, **fields):
    one = ct_files.ct_slices(CANONICAL)[0]
    one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = sop_class
    one.Modality, one.SeriesInstanceUID, one.BurnedInAnnotation = modality, "1.2.3", "YES"
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(one, name)
    for name, value in fields.items():
        setattr(one, name, value)
    return one


def beside(folder, sop_class, modality, note):
    place = series(folder)
    other(sop_class, modality).save_as(place / "XX1", enforce_file_format=True)
    other(sop_class, modality).save_as(place / "XX2.dcm", enforce_file_format=True)
    check(folder, (f"2 {note} beside the DICOM slices left aside",))


def localizer(folder, same_series):
    """A scout of its own geometry, also in the series of the slices, whose numbers it begins."""
    made = slices()
    for k, one in enumerate(made):
        one.InstanceNumber = k + 2
    scout = ct_files.ct_slices(
        CANONICAL, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], ImageOrientationPatient=[1, 0, 0, 0, 0, -1]
    )[0]
    scout.InstanceNumber = 1
    if not same_series:
        scout.SeriesInstanceUID = "1.2.3"
    place = series(folder, made=made)
    scout.save_as(place / "IM0500", enforce_file_format=True)
    check(folder, (
        "1 localizers beside the DICOM slices left aside",
        *(() if same_series else ("InstanceNumbers run from 2 to 13: slices before or after may be missing",)),
    ))  # fmt: skip


def companions(folder):
    """What an export leaves beside slices."""
    place = series(folder)
    for name in (".DS_Store", "._IM0001", "Thumbs.db", "preview.png", "LICENSE", "checksums.md5"):
        (place / name).write_bytes(b"x" * 300)
    for name in ("README", "DONE", "scan.log"):
        (place / name).touch()
    other(DIRECTORY, None).save_as(place / "DICOMDIR", enforce_file_format=True)
    check(folder, (
        "1 DICOMDIR beside the DICOM slices left aside",
        "3 empty files beside the DICOM slices left aside",
        "2 hidden files beside the DICOM slices left aside",
        "4 other files beside the DICOM slices left aside",
    ))  # fmt: skip


def empty_beside(folder, name):
    """Empty files and dangling links whose names are none of a slice."""
    place = series(folder, name)
    for other in ("LOCKFILE", "DICOMDIR", "viewer2.exe", "INDEX.HTM"):
        (place / other).touch()
    (place / "latest").symlink_to("../gone")
    check(folder, (
        "1 dangling links beside the DICOM slices left aside",
        "4 empty files beside the DICOM slices left aside",
    ))  # fmt: skip


def below(folder, where):
    series(folder, below=f"ct/{where}")
    check(folder, ("DICOM slices taken from 1 folders below the CT's",))


def spread(folder):
    """A medium of 5 files a folder, as discs are written."""
    for k, one in enumerate(slices()):
        place = folder / f"ct/DIR{k // 5:03d}"
        place.mkdir(parents=True, exist_ok=True)
        one.save_as(place / f"FILE{k % 5:03d}", enforce_file_format=True)
    check(folder, ("DICOM slices taken from 3 folders below the CT's",))


def several_below(folder):
    for number in (1, 2, 3):
        made = slices(SeriesInstanceUID=f"1.2.{number}")
        series(folder, made=made, below=f"ct/ST0001/SE{number:04d}")
    refused(folder, "3 series among 36 slices; expected one CT series")


def spoiled_below(folder):
    place = series(folder, below="ct/ST0001/SE0001")
    for path in sorted(place.iterdir())[-2:]:
        path.write_bytes(b"")
    refused(folder, "2 of 12 files are there by name only .2 empty.: file 11 to 12 by name;")


def linked_below(folder):
    """A linked folder is not entered, so that a link cannot lead out; it is counted."""
    series(folder, below="elsewhere")
    (folder / "ct").mkdir()
    (folder / "ct/SE1").symlink_to(folder / "elsewhere")
    refused(folder, r"0 DICOM slices in the folder; expected one CT series \(left aside: 1 linked folders\)")


def linked_slices(folder):
    """git-annex whose contents are there."""
    place = series(folder, below="annex")
    (folder / "ct").mkdir()
    for path in place.iterdir():
        (folder / "ct" / path.name).symlink_to(path)
    check(folder)


def packed(folder, every):
    place = series(folder, "1.dcm")
    for path in sorted(place.iterdir())[:: 1 if every else 2]:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    check(folder)


def packed_and_cut(folder):
    place = series(folder, "1.dcm")
    path = place / "3.dcm"
    data = gzip.compress(path.read_bytes())
    path.with_name("3.dcm.gz").write_bytes(data[: len(data) // 2])
    path.unlink()
    refused(folder, "cannot be (read|decoded)|there by name only")


def rounded(folder, step, decimals, start):
    """Positions of even slices, written with few decimals."""
    count = 40
    hu = ct_files.chest((count, 5, 4))
    affine = AFFINE.copy()
    affine[2, 2], affine[2, 3] = step, start
    made = ct_files.ct_slices(hu, affine)
    for k, one in enumerate(made):
        one.ImagePositionPatient = [*one.ImagePositionPatient[:2], f"{start + k * step:.{decimals}f}"]
    series(folder, made=made)
    volume = read_ct(folder / "ct")
    np.testing.assert_array_equal(volume.values, hu)
    assert volume.spacing_mm[0] == pytest.approx(step, abs=10**-decimals / (count - 1) + 1e-9)


def rounded_and_missing(folder, step, decimals, gone):
    affine = AFFINE.copy()
    affine[2, 2] = step
    made = ct_files.ct_slices(ct_files.chest((40, 5, 4)), affine)
    for k, one in enumerate(made):
        one.ImagePositionPatient = [*one.ImagePositionPatient[:2], f"{k * step:.{decimals}f}"]
    series(folder, made=[one for k, one in enumerate(made) if k not in gone])
    refused(folder, "slice steps are uneven")


CASES = [
    *(
        Case(f"{where} are {kind}, named {name}", "refused", partial(by_name_only, spoil=spoil, places=places, name=name))
        for name in NAMES
        for kind, spoil in SPOILED.items()
        for where, places in PLACES.items()
    ),
    *(
        Case(f"the last slice cut at {length}, {name}", "refused", lambda folder, s=syntax, n=length: _cut_at(folder, s, n))
        for name, syntax in (("plain", None), ("JPEG 2000", JPEG2000Lossless), ("RLE", RLELossless))
        for length in (1, 131, 132, 140, 200, 400, 700, 1000, 0.5, 0.8, 0.95, 0.99, -50, -10)
    ),
    Case("numbers missing where positions are even", "refused", lambda folder: _renumbered(folder)),
    Case("a slice missing", "refused", partial(without, kept=[0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11], says="slice steps are uneven")),
    Case("fewer than the header counts in the series", "refused", partial(counted, says="9 instances, but the header counts 12 in the series", NumberOfSeriesRelatedInstances=12)),
    Case("fewer than the header counts in the acquisition", "reported", partial(noted, says="the header counts 12 images in the acquisition; 9 are here", kept=range(9), ImagesInAcquisition=12)),
    Case("numbers that begin late", "reported", partial(noted, says="InstanceNumbers run from 4 to 12: slices before or after may be missing", kept=range(3, 12))),
    Case("every second slice of a series", "right", lambda folder: _thinned(folder)),
    Case("every second slice is lost, told by its thickness", "reported", lambda folder: _every_second(folder, "5 mm apart, and their header states a SliceThickness of 2.5 mm", SliceThickness="2.5")),
    Case("every second slice is lost, told by the spacing", "reported", lambda folder: _every_second(folder, "SpacingBetweenSlices of 2.5 mm", SliceThickness="5", SpacingBetweenSlices="-2.5")),
    Case("structured reports beside", "reported", partial(beside, sop_class=SR, modality="SR", note=r"reports and selections (SR, KO)")),
    Case("key objects beside", "reported", partial(beside, sop_class=KO, modality="KO", note=r"reports and selections (SR, KO)")),
    Case("presentation states beside", "reported", partial(beside, sop_class=PR, modality="PR", note=r"presentation states (PR)")),
    Case("segmentations beside", "reported", partial(beside, sop_class=SEG, modality="SEG", note="segmentations, registrations and raw data")),
    Case("radiotherapy structures beside", "reported", partial(beside, sop_class=RT, modality="RTSTRUCT", note="radiotherapy objects")),
    Case("documents beside", "reported", partial(beside, sop_class=PDF, modality="DOC", note="documents")),
    Case("dose pictures of modality CT beside", "reported", partial(beside, sop_class=CAPTURE, modality="CT", note="captured pictures")),
    Case("a localizer in the series", "reported", partial(localizer, same_series=True)),
    Case("a localizer of its own series", "reported", partial(localizer, same_series=False)),
    Case("what an export leaves beside", "reported", companions),
    *(Case(f"empty files beside slices named {name}", "reported", partial(empty_beside, name=name)) for name in NAMES),
    Case("in a folder below", "reported", partial(below, where="SE0001")),
    Case("in a folder two levels below", "reported", partial(below, where="ST0001/SE0001")),
    Case("spread over folders", "reported", spread),
    Case("several series below", "refused", several_below),
    Case("by name only in a folder below", "refused", spoiled_below),
    Case("a linked folder", "refused", linked_below),
    Case("linked slices", "right", linked_slices),
    Case("every slice in gzip", "right", partial(packed, every=True)),
    Case("some slices in gzip", "right", partial(packed, every=False)),
    Case("a slice cut in gzip", "refused", packed_and_cut),
    *(
        Case(f"steps of {step} mm with {decimals} decimals from {start}", "right", partial(rounded, step=step, decimals=decimals, start=start))
        for step, decimals in ((0.625, 1), (0.625, 2), (0.3125, 1), (1.25, 1), (0.7, 1), (2.5, 0), (0.6, 1), (1.0, 0), (0.625, 3))
        for start in (0.0, -231.4, -1007.375)
        if not (decimals == 0 and start % 1)
    ),
    *(
        Case(f"steps of {step} mm with {decimals} decimals, {len(gone)} missing from {gone[0]}", "refused", partial(rounded_and_missing, step=step, decimals=decimals, gone=gone))
        for step, decimals in ((0.625, 1), (0.3125, 1), (1.25, 1), (2.5, 0), (1.0, 0))
        for gone in ((1,), (20,), (38,), (20, 21), (5, 30))
    ),
]  # fmt: skip


def _cut_at(folder, syntax, length):
    """A slice cut at any place, also in a compressed image, whose decoder would make up the rest."""
    hu = ct_files.chest((6, 32, 32))
    made = ct_files.ct_slices(hu)
    for one in made if syntax else ():
        one.compress(syntax, generate_instance_uid=False)
    path = series(folder, made=made) / NAMES["IM0001"](5)
    data = path.read_bytes()
    path.write_bytes(data[: length if isinstance(length, int) else int(length * len(data))])
    refused(
        folder, "there by name only|ends before its modality|modality unknown|DICOM without|cannot be (read|decoded)"
    )


def _renumbered(folder):
    made = slices()
    for k, one in enumerate(made):
        one.InstanceNumber = k + 1 + (4 if k >= 6 else 0)
    series(folder, made=made)
    refused(folder, "4 InstanceNumbers are missing between 1 and 16, the first after 6")


def _every_second(folder, says, **fields):
    """Files lost so that positions stay even, which only the header's lengths tell."""
    series(folder, made=slices(**fields)[::2])
    assert [says in note for note in read_ct(folder / "ct").notes] == [True]


def _thinned(folder):
    """Numbers of one step, as when a series was thinned on purpose."""
    made = slices()
    for k, one in enumerate(made):
        one.InstanceNumber = 1 + 2 * k
    series(folder, made=made)
    check(folder)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)
