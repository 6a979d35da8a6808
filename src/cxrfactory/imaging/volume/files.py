"""Reading of volume files (NIfTI, NRRD, MetaImage) as stored: the array, its affine if stated, and its scaling."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from cxrfactory.errors import ImageError
from cxrfactory.imaging.volume import itk, nifti
from cxrfactory.imaging.volume.orientation import AffineRules, VolumeLayout, bare_affine
from cxrfactory.imaging.volume.stored import StoredSlice, StoredVolume
from cxrfactory.tables.foreign_content import HEAD_BYTES, stand_in

VOLUME_SUFFIXES = nifti.SUFFIXES + itk.SUFFIXES


def volume_suffix(path: Path) -> str | None:
    """Return the suffix that marks a file as a volume (one of :data:`VOLUME_SUFFIXES`), or None."""
    name = path.name.lower()
    return next((suffix for suffix in VOLUME_SUFFIXES if name.endswith(suffix)), None)


def read_stored(path: Path, rules: AffineRules | None = None, layer: int | None = None) -> StoredVolume:
    """Read one volume file.

    A bare affine (:func:`cxrfactory.imaging.volume.orientation.bare_affine`) counts as no orientation, because writers
    store one if none is set; all volumes of RadGenome-ChestCT are stored this way.

    Parameters
    ----------
    path
        The file; its suffix is one of :data:`VOLUME_SUFFIXES`.
    rules
        Which affine counts; by default a bare affine and contradictory ones do not.
    layer
        Which number of each voxel to read from an NRRD file whose voxels have several, from 0.

    Raises
    ------
    ImageError
        If the file is missing, damaged, of another format, or not a single 3D volume with one real number per voxel.
    """
    rules = rules or AffineRules()
    suffix = _suffix_of(path)
    return _settled(nifti.read(path, rules) if suffix in nifti.SUFFIXES else itk.read(path, layer), rules)


def read_stored_slice(path: Path, rules: AffineRules | None = None, layer: int | None = None) -> StoredSlice:
    """Read one file of two dimensions or of one slice; a bare affine counts.

    Parameters
    ----------
    path, rules, layer
        As in :func:`read_stored`.

    Raises
    ------
    ImageError
        If the file is missing, damaged, of another format, has several slices, or several numbers per voxel.
    """
    rules = AffineRules((rules or AffineRules()).prefer, trust_identity=True)
    suffix = _suffix_of(path)
    found = nifti.read_slice(path, rules) if suffix in nifti.SUFFIXES else itk.read_slice(path, layer)
    _settled(found.volume, rules)
    return found


def read_stored_frames(path: Path, rules: AffineRules | None = None) -> nifti.StoredFrames:
    """Read a NIfTI file of one or several times; affines count as in :func:`read_stored`.

    Raises
    ------
    ImageError
        If the file is missing, damaged, of another format, or not a 3D or 4D volume with one real number per voxel.
    """
    rules = rules or AffineRules()
    if not path.is_file():
        raise ImageError(f"{path.name}: no such file")
    frames = nifti.read_frames(path, rules)
    _settled(frames.volume, rules)
    return frames


def _suffix_of(path: Path) -> str:
    if not path.is_file():
        missing = "no such file, but a link to one" if path.is_symlink() else "no such file"
        raise ImageError(f"{path.name}: {missing}")
    suffix = volume_suffix(path)
    if suffix is None:
        raise ImageError(f"{path.name}: not a volume file by its name; expected {', '.join(VOLUME_SUFFIXES)}")
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise ImageError(f"{path.name}: an empty file (0 bytes); expected a volume, so fetch it again")
    found = stand_in(head)
    if found is not None:
        raise ImageError(f"{path.name}: no volume, but {found}")
    return suffix


def _settled(stored: StoredVolume, rules: AffineRules) -> StoredVolume:
    """Apply the rule on bare affines, and return the volume in native byte order."""
    if stored.affine is not None and (bare := bare_affine(stored.affine, stored.values.shape)):
        if rules.trust_identity:
            stored.notes = (*stored.notes, f"{bare}; trusted, as the config says")
        else:
            stored.affine, stored.lacking = None, bare
    if not stored.values.dtype.isnative:
        stored.values = stored.values.byteswap(inplace=True).view(stored.values.dtype.newbyteorder("="))
    return stored


def placed_affine(stored: StoredVolume, layout: VolumeLayout | None, name: str) -> Float[np.ndarray, "4 4"]:
    """Return the affine to use: the layout's if a layout is given, else the file's own.

    Parameters
    ----------
    stored
        The volume.
    layout
        Spacing and axes from the config, or None.
    name
        Name of the file, for the error message.

    Returns
    -------
    Matrix from index (i, j, k) to world (x, y, z) in mm, RAS+.

    Raises
    ------
    ImageError
        If neither exists, or the file states two orientations that differ.
    """
    if layout is not None:
        return layout.affine()
    if stored.conflict:
        raise ImageError(f"{name}: {stored.conflict}")
    if stored.affine is None:
        advice = "; or, if it is right as it stands, trust_identity: true" if "affine is" in stored.lacking else ""
        raise ImageError(
            f"{name}: a volume without an orientation ({stored.lacking}); expected an affine in the file, "
            f"or spacing and axes of the release in the config (axes, spacing_mm){advice}"
        )
    return stored.affine


def layout_note(layout: VolumeLayout) -> str:
    """Return the note that spacing and axes come from the config."""
    steps = " x ".join(f"{step:g}" for step in layout.spacing_mm)
    return f"spacing {steps} mm and axes {layout.axes.upper()} are the config's, not the file's"
