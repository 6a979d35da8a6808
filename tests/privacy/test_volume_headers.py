"""Volume files whose header says a mark where a number or a known word belongs: the refusal does not quote it."""

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume.ct import read_ct
from tests.privacy.marks import found_in, mark

HU = np.linspace(-1000, 400, 4 * 5 * 6).astype(np.int16).reshape(4, 5, 6)
NRRD = ("type", "dimension", "space", "sizes", "space directions", "kinds", "endian", "encoding", "space origin")
META = ("NDims", "BinaryData", "BinaryDataByteOrderMSB", "CompressedData", "TransformMatrix", "Offset",
        "CenterOfRotation", "AnatomicalOrientation", "ElementSpacing", "DimSize", "ElementType",
        "ElementDataFile")  # fmt: skip
# A reader may take a wrong one of these for none, or never look.
IGNORED = ("BinaryData", "CompressedData", "CenterOfRotation", "AnatomicalOrientation", "kinds",
           "BinaryDataByteOrderMSB", "ElementSpacing", "Offset", "space origin", "endian")  # fmt: skip


def with_mark(path, separator, field):
    """Replace a field's value in a text header, and add a field and a comment of marks."""
    image = sitk.GetImageFromArray(HU)
    image.SetSpacing((2.0, 3.0, 4.0))
    image.SetOrigin((10.0, -5.0, 7.0))
    image.SetMetaData("PatientName", mark())
    sitk.WriteImage(image, str(path))
    head, line, rest = path.read_bytes().partition(f"\n{field}{separator}".encode())
    assert line, f"{field} is not in {head}"
    path.write_bytes(head + line + mark().encode() + b"\n" + rest.partition(b"\n")[2])


def said_of(path, capfd, caplog):
    """What is said and printed of a file."""
    try:
        said = " ".join(read_ct(path).notes)
    except ImageError as error:
        said = str(error)
    else:
        said = f"READ {said}"
    printed = capfd.readouterr()
    return "\n".join([said, printed.out, printed.err, caplog.text])


@pytest.mark.parametrize("field", NRRD)
def test_nrrd(field, tmp_path, capfd, caplog):
    with_mark(tmp_path / "ct.nrrd", ": ", field)
    said = said_of(tmp_path / "ct.nrrd", capfd, caplog)
    assert not found_in(said.encode())
    assert field in IGNORED or not said.startswith("READ")


@pytest.mark.parametrize("field", META)
def test_meta_image(field, tmp_path, capfd, caplog):
    with_mark(tmp_path / "ct.mha", " = ", field)
    said = said_of(tmp_path / "ct.mha", capfd, caplog)
    assert not found_in(said.encode())
    assert field in IGNORED or not said.startswith("READ")


@pytest.mark.parametrize("place", range(0, 348, 4))
def test_nifti(place, tmp_path, capfd, caplog):
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    affine[:3, 3] = (-10, 5, 7)
    image = nib.Nifti1Image(HU, affine)
    data = bytearray(image.to_bytes())
    word = mark().encode()[: 348 - place]
    data[place : place + len(word)] = word
    (tmp_path / "ct.nii").write_bytes(data)
    said = said_of(tmp_path / "ct.nii", capfd, caplog)
    assert not found_in(said.encode())
    assert b"ZQX" not in said.encode()
