"""Tiny products of each kind for the tests of the page, and the server that shows one."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
import uvicorn

from cxrfactory.browse.start import build_application
from cxrfactory.models import registry
from cxrfactory.products.chexmask.card import package_card
from cxrfactory.products.cxlseg.card import close_cxlseg
from cxrfactory.products.radgenome.inputs import ProjectionShards, Taxonomy
from cxrfactory.products.radgenome.pack import package_radgenome
from tests.products.chexmask import packed
from tests.products.cxlseg import segmented
from tests.products.radgenome import projected

KEPT = {"Alpha": 10, "Zeta": 58}
EXCLUDED = {"Alpha": 1, "Zeta": 4}
REJECTED = {"Alpha": 0, "Zeta": 3}
MISSING = ("zeta-020", "zeta-021")  # ids without an image
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "'; DROP TABLE images --",
    "turned \u202eround",
    "{{7*7}} ${7*7} &lt;b&gt;",
]
REASON = "view is <b>LL</b>, not PA"
WEIGHTS = {"segmenter": "hybridgnet", "sha256": "ab" * 32, "metrics": {}}


def ids_of(release: str) -> list[str]:
    """Return the ids of a release's kept rows; a few of the second release are hostile words."""
    names = [f"{release.lower()}-{number:03d}" for number in range(KEPT[release])]
    return names if release == "Alpha" else [*HOSTILE, *names[len(HOSTILE) :]]


def score_of(place: int) -> float:
    """Return the score of a row; the rows are not in the order of their scores, and the first is the worst."""
    return 0.5 + 0.4 * (place * 29 % 68) / 68


def _release(name: str, first: int) -> packed.Release:
    ids = ids_of(name)
    facts = [
        {"view": ("PA", "AP")[place % 2], "sex": ("F", "M", None)[place % 3], "age": 20.0 + place % 60 or None}
        for place in range(len(ids))
    ]
    facts = [each | {"patient_id": f"p{place // 2}"} for place, each in enumerate(facts)]
    broken = [f"broken-{number}" for number in range(REJECTED[name])]
    return packed.Release(
        landmarks=[packed.landmark_row(image_id) for image_id in ids],
        scores=[
            packed.score_row(image_id, score_of(first + place), 0.9 + 0.001 * (place % 50))
            for place, image_id in enumerate(ids)
        ],
        rejected=[packed.rejected_row(image_id) for image_id in broken],
        manifest=[
            *(packed.manifest_row(image_id) | each for image_id, each in zip(ids, facts, strict=True)),
            *(packed.manifest_row(image_id) for image_id in broken),
            *(packed.manifest_row(f"side-{number}", REASON) for number in range(EXCLUDED[name])),
        ],
    )


def chexmask(folder: Path) -> tuple[Path, Path]:
    """Write 68 rows of two releases; return the product, and the folder of the images that are there."""
    parts, output = [], folder / "results" / "chexmask"
    (folder / "results" / "manifest").mkdir(parents=True)
    for name, first in (("Alpha", 58), ("Zeta", 0)):
        inputs = _release(name, first).write(folder / name)
        parts.append(folder / "parts" / name)
        packed.package_chexmask(
            **inputs, output=output, part=parts[-1], dataset=name, release=name, id_column="image_id"
        )
        (folder / name / "manifest.parquet").rename(folder / "results" / "manifest" / f"{name}.parquet")
    (folder / "weights.json").write_text(json.dumps(WEIGHTS))
    (folder / "config.yaml").write_text("seed: 1\n")
    package_card(output, parts, folder / "weights.json", folder / "config.yaml")
    images = folder / "images"
    images.mkdir()
    rows, columns = np.mgrid[:128, :96]  # a radiograph has at least 64 px a side
    for number, name in enumerate([*ids_of("Alpha"), *ids_of("Zeta")]):
        if name not in (*HOSTILE, *MISSING):
            picture = (rows * 2 + columns + 3 * number) % 160 + 40
            cv2.imwrite(str(images / f"{name}.png"), picture.astype(np.uint8))
    return output, images


def radgenome(folder: Path) -> Path:
    """Write three studies in two views."""
    inputs = projected.projected().write(folder / "in")
    (folder / "config.yaml").write_text("size: 32\n")

    def plan(labelled):
        return [
            (name, sorted(ids & set(labelled)))
            for name, ids in sorted(projected.REGIONS.items())
            if ids & set(labelled)
        ]

    package_radgenome(
        ProjectionShards(**inputs), folder / "radgenome", Taxonomy(projected.CLASSES, plan),
        validation_fraction=0.5, config=folder / "config.yaml",
    )  # fmt: skip
    return folder / "radgenome"


def cxlseg(folder: Path) -> Path:
    """Write lung-segmented radiographs with reports."""
    made = segmented.Release()
    made.reports[0] |= {"report": 'Lungs <b>clear</b> & "dry".\n<script>alert(1)</script>'}
    tables = made.write(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.PIXEL_MODELS, "threshold", "tests.models.stub_pixels:build")
        named = segmented.shards_of(tables, folder / "shards")
    segmented.pack(tables, named, folder / "packed")
    (folder / "config.yaml").write_text("seed: 1\n")
    close_cxlseg(
        folder / "cxlseg", [folder / "packed" / "product"], [folder / "packed" / "part"],
        folder / "w.safetensors", folder / "config.yaml",
    )  # fmt: skip
    return folder / "cxlseg"


@contextmanager
def served(product: Path, verdicts: Path, images: Path | None = None) -> Iterator[str]:
    """Show a product on a free port of this computer until the block ends; gives the address of the page."""
    application, path, opened = build_application(product, [], images, verdicts)
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
        if not thread.is_alive():
            raise RuntimeError("the server did not start")
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}{path}"
    finally:
        server.should_exit = True
        thread.join(5)
        opened.close()
