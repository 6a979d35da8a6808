"""What stands in place of films and volumes, by its first bytes."""

import nibabel as nib
import numpy as np
import pytest

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.imaging.volume.ct import read_ct
from cxrfactory.tables.foreign_content import instead_of_film, stand_in
from cxrfactory.tables.listing import list_folder

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1000\n"
PAGES = (
    b"<!DOCTYPE html>\n<html>",
    b"\xef\xbb\xbf\r\n <HTML lang='en'>",
    b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC',
)


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (LFS, "Git LFS"),
        (b"/annex/objects/SHA256E-s1000--0.nii.gz\n", "git annex get"),
        *((page, "a web page") for page in PAGES),
        (b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code>', "an XML text"),
        (b"PK\x03\x04\x14\0", "a ZIP archive; unpack it"),
        (b"%PDF-1.7\n", "a PDF document"),
    ],
)
def test_stand_ins_are_named(head, says):
    assert says in stand_in(head)
    assert instead_of_film(head) == stand_in(head)


@pytest.mark.parametrize(
    "head", [b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"version 2\n", b"<svg>", b"\0" * 144, b"annex"]
)
def test_what_is_not_known_is_not_named(head):
    assert stand_in(head) is None


def test_films_and_volumes_say_what_was_found_and_what_to_do(tmp_path):
    film, volume = tmp_path / "film.dcm", tmp_path / "ct.nii.gz"
    film.write_bytes(PAGES[0].ljust(900))
    volume.write_bytes(LFS)
    with pytest.raises(
        ImageError, match=r"neither JPEG, PNG, TIFF nor DICOM by its content, but a web page, .* again$"
    ):
        read_radiograph(film)
    with pytest.raises(ImageError, match=r"ct\.nii\.gz: no volume, but a pointer of Git LFS; fetch"):
        read_ct(volume)
    volume.write_bytes(b"")
    with pytest.raises(ImageError, match=r"ct\.nii\.gz: an empty file \(0 bytes\)"):
        read_ct(volume)


def test_a_volume_in_a_folder_of_films_is_no_archive(tmp_path):
    for name in ("ct.nii.gz", "ct.nii"):
        nib.save(nib.Nifti1Image(np.zeros((80, 80, 8), np.int16), np.eye(4)), tmp_path / name)
    listing = list_folder(tmp_path)
    assert [(each.relative, each.reason, each.named) for each in listing.aside] == [("ct.nii.gz", "volume", True)]
    with pytest.raises(ImageError, match="but a NIfTI volume; give films"):
        read_radiograph(tmp_path / "ct.nii")
