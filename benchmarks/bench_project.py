"""Time to project a real CT, compared with the slow reference, numpy.sum, nanodrr and diffdrr.

Run from the repository's root, after ``python -m cxrfactory stage fetch-ct --output FOLDER``::

    PYTHONPATH=src python benchmarks/bench_project.py FOLDER

Volumes are read before the timing and held in memory as canonical [z, y, x]: int16 CT numbers, uint8 labels. Every
figure covers both views. The slow reference is one ``any`` for each structure and view, timed once; its masks must
equal
ours. The other figures are medians of the rounds. nanodrr marches near-parallel rays from a far source at 384 x 384. It
is timed once, with the attenuation that it needs. diffdrr is timed in the same way if it is installed.
"""

import argparse
import gzip
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np

from cxrfactory.drr.recipe import ProjectionRecipe
from cxrfactory.drr.study import project_study
from cxrfactory.errors import CxrError
from cxrfactory.projection.cone import ConeBeam, cone_integrals
from cxrfactory.projection.conventions import MU_WATER_PER_MM, VIEWS, attenuation, display
from cxrfactory.projection.frame import Frame
from cxrfactory.projection.integrals import path_integrals
from cxrfactory.projection.occupancy import occupancy, occupancy_binary

SIZE = 384


def read(path: Path, kind: type) -> tuple[np.ndarray, tuple[float, float, float]]:
    image = nib.as_closest_canonical(nib.load(path))
    spacing = tuple(float(step) for step in image.header.get_zooms()[2::-1])
    return np.ascontiguousarray(np.asarray(image.dataobj).transpose(2, 1, 0).astype(kind)), spacing


def slow_masks(labels: np.ndarray, values: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return tuple(
        np.stack([display((labels == value).any(axis=axis), view) for value in values])
        for view, axis in (("PA", 1), ("LL", 2))
    )


def median_ms(function: Callable[[], object], rounds: int) -> float:
    function()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def row(name: str, milliseconds: float, base: float) -> None:
    print(f"  {name:44}{milliseconds:10.1f} ms {base / milliseconds:8.1f} x")


def masks(labels: np.ndarray, frame: Frame, rounds: int) -> None:
    values, *found = occupancy(labels)
    started = time.perf_counter()
    wanted = slow_masks(labels, values)
    base = 1000 * (time.perf_counter() - started)
    for one, other in zip(found, wanted, strict=True):
        assert np.array_equal(one, other), "masks differ from the slow reference"
    del wanted
    print(f"masks of {len(values)} structures, both views, equal to the reference")
    row("one any per structure and view", base, base)
    for threads in (1, 2):
        row(f"one pass, {threads} thread(s)", median_ms(lambda n=threads: occupancy(labels, values, n), rounds), base)
        unnamed = median_ms(lambda n=threads: occupancy(labels, threads=n), rounds)
        row(f"one pass, values found first, {threads} thread(s)", unnamed, base)
    one = labels == values[0]
    row("one binary volume (a stream of them)", median_ms(lambda: occupancy_binary(one), rounds), base / len(values))
    gathered = median_ms(lambda: [frame.masks(m, v) for m, v in zip(found, VIEWS, strict=True)], rounds)
    print(f"  {'into the frame':44}{gathered:10.1f} ms")


def images(hu: np.ndarray, spacing: tuple[float, float, float], frame: Frame, rounds: int) -> None:
    mu = attenuation(hu)
    base = median_ms(lambda: (mu.sum(axis=1), mu.sum(axis=2)), rounds)
    print("path integrals, both views")
    row("numpy.sum of a ready float32 volume", base, base)

    def plain() -> tuple[np.ndarray, np.ndarray]:
        volume = np.maximum(np.float32(MU_WATER_PER_MM) * (1 + hu.astype(np.float32) / 1000), 0)
        return volume.sum(axis=1), volume.sum(axis=2)

    row("attenuation and numpy.sum", median_ms(plain, 3), base)
    for threads in (1, 2):
        row(
            f"one pass over int16, {threads} thread(s)",
            median_ms(lambda n=threads: path_integrals(hu, spacing, threads=n), rounds),
            base,
        )
    floats = hu.astype(np.float32)
    row("one pass over float32, 1 thread", median_ms(lambda: path_integrals(floats, spacing), rounds), base)
    far = ConeBeam(1e5, 0.99e5)
    try:
        found = cone_integrals(hu, frame, far, "PA")
    except CxrError as error:
        print(f"  nanodrr: left out ({error})")
    else:
        wanted = frame.image(path_integrals(hu, spacing)[0], "PA")
        print(f"  nanodrr differs by {np.abs(found - wanted).mean() / wanted.max():.4f} of the maximum, mean over PA")
        row("nanodrr", median_ms(lambda: [cone_integrals(hu, frame, far, view) for view in VIEWS], 1), base)
    try:
        import diffdrr.drr  # noqa: F401
    except ImportError as error:
        print(f"  diffdrr: left out ({error})")
    else:
        row("diffdrr", diffdrr_ms(hu, spacing, frame), base)


def folder_of_binaries(ct: Path, labels: Path, count: int) -> None:
    """Time a study whose labels are a folder of overlapping binary volumes, and reading them with nibabel."""
    image = nib.load(labels)
    values = np.asanyarray(image.dataobj)
    present = [value for value in np.unique(values) if value]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            pair = present[number % len(present)], present[(number * 7) % len(present)]
            packed = nib.Nifti1Image(np.isin(values, pair).astype(np.uint8), image.affine).to_bytes()
            Path(folder, f"structure {number:03d}.nii.gz").write_bytes(gzip.compress(packed, compresslevel=1))
        started = time.perf_counter()
        project_study(ct, folder, None, ProjectionRecipe(SIZE))
        projected = time.perf_counter() - started
        started = time.perf_counter()
        for path in sorted(Path(folder).glob("*.nii.gz")):
            np.asanyarray(nib.load(path).dataobj)
        read_only = time.perf_counter() - started
    print(f"{count} binary volumes: study to masks {projected:.1f} s, reading them with nibabel {read_only:.1f} s")


def diffdrr_ms(hu: np.ndarray, spacing: tuple[float, float, float], frame: Frame) -> float:
    import torch
    from diffdrr.data import read as diffdrr_read
    from diffdrr.drr import DRR
    from torchio import ScalarImage

    volume = torch.from_numpy(attenuation(hu).transpose(2, 1, 0).copy())[None]
    subject = diffdrr_read(ScalarImage(tensor=volume, affine=np.diag([*spacing[::-1], 1.0])))
    camera = DRR(subject, sdd=1e5, height=frame.size, delx=frame.pixel_mm)
    poses = [torch.tensor([[turn, 0.0, 0.0]]) for turn in (0.0, np.pi / 2)]
    away = torch.tensor([[0.0, 0.99e5, 0.0]])
    with torch.no_grad():
        return median_ms(
            lambda: [camera(pose.float(), away, parameterization="euler_angles", convention="ZXY") for pose in poses], 1
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds cxr.nii.gz and mask.nii.gz")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--binaries", type=int, default=0, help="also project a folder of so many binary volumes")
    options = parser.parse_args()
    hu, spacing = read(options.folder / "cxr.nii.gz", np.int16)
    labels, _ = read(options.folder / "mask.nii.gz", np.uint8)
    frame = Frame.around(hu.shape, spacing, SIZE)
    print(f"volume {hu.shape}, spacing {spacing} mm")
    masks(labels, frame, options.rounds)
    images(hu, spacing, frame, options.rounds)
    if options.binaries:
        folder_of_binaries(options.folder / "cxr.nii.gz", options.folder / "mask.nii.gz", options.binaries)


if __name__ == "__main__":
    main()
