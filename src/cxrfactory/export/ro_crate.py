"""Describe a run as an RO-Crate 1.1: its products, its config, its logs and tables of times.

The crate is one file, ``ro-crate-metadata.json``, in the folder of the results; nothing else is written or copied. It
follows the profile Process Run Crate 0.5 (w3id.org/ro/wfrun/process/0.5): each product is the result of one action of
this package. The products are described by what they say themselves (``croissant.json``), so a product of another
version is described as such.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.products.accounts import read_json
from cxrfactory.products.croissant import CROISSANT
from cxrfactory.products.product import CONFIG, README
from cxrfactory.tables.atomic import write_text
from cxrfactory.tables.sums import SUMS

CRATE = "ro-crate-metadata.json"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
# Files and folders of a run beside its products: name, what it is, MIME type (None for a folder).
_PARTS = (
    (CONFIG, "The config of the run, written out in full.", "application/yaml"),
    ("logs", "The log of every job.", None),
    ("benchmarks", "Time and memory of every job, as Snakemake measured them.", None),
    ("figures", "Figures of the run's report.", None),
)
_COMMIT = re.compile(r"^\| source commit \| ([0-9a-f]{40}(?:-dirty)?) \|$", re.MULTILINE)

log = get_logger(__name__)


def export_ro_crate(results: str | Path) -> Path:
    """Write ``ro-crate-metadata.json`` into the folder of a run's results, and return its path.

    Parameters
    ----------
    results
        Folder of the results (key ``results`` of the config). An older crate is replaced.

    Raises
    ------
    CxrError
        If the folder holds no finished product.
    """
    results = Path(results)
    products = finished_products(results)
    if not products:
        raise CxrError(
            f"{results}: no finished product; expected the folder of a run's results, with a product that has "
            f"{SUMS} and {CROISSANT}"
        )
    path = results / CRATE
    write_text(path, json.dumps(crate(results, products), indent=2, ensure_ascii=False) + "\n")
    log.info("%s: %d products", path, len(products))
    return path


def finished_products(results: Path) -> list[Path]:
    """Return the folders of the finished products in a folder of results, sorted by name."""
    folders = sorted(path for path in results.iterdir() if path.is_dir()) if results.is_dir() else []
    return [path for path in folders if (path / SUMS).is_file() and (path / CROISSANT).is_file()]


def crate(results: Path, products: Sequence[Path]) -> dict[str, Any]:
    """Return the content of the crate of a run with these products."""
    parts = [part for part in _PARTS if (results / part[0]).exists()]
    described = [each for path in products for each in _product(path, has_config=(results / CONFIG).is_file())]
    actions = [_action(path.name) for path in products]
    ends = max((path / SUMS).stat().st_mtime for path in products)
    root = {
        "@id": "./",
        "@type": "Dataset",
        "conformsTo": {"@id": _PROFILE},
        "name": "A run of cxrfactory",
        "description": "Anatomy-labelled datasets of chest radiographs or CT, with the config, the logs and the times "
        "of the run that made them.",
        # The day on which the last product was closed, as its file says; the crate of a folder is always the same.
        "datePublished": datetime.fromtimestamp(ends, UTC).date().isoformat(),
        "license": "The licences of the sources bind the products; the README.md of each product names them.",
        "hasPart": [*({"@id": f"{path.name}/"} for path in products), *({"@id": _part_id(*part)} for part in parts)],
        "mentions": [{"@id": action} for action in actions],
    }
    head = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    profile = {"@id": _PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    graph = [head, root, profile, *map(_part, parts), *described]
    unique = {each["@id"]: each for each in graph}  # products of one version share the entity of the program
    return {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": list(unique.values())}


def _part_id(name: str, purpose: str, encoding: str | None) -> str:
    return name if encoding else f"{name}/"


def _part(part: tuple[str, str, str | None]) -> dict[str, Any]:
    name, purpose, encoding = part
    entity = {"@id": _part_id(*part), "@type": "File" if encoding else "Dataset", "name": name, "description": purpose}
    return {**entity, "encodingFormat": encoding} if encoding else entity


def _action(name: str) -> str:
    return f"#make-{name}"


def _product(path: Path, has_config: bool) -> list[dict[str, Any]]:
    """Return the entities of a product: the folder, its own files, the program and the action that made it."""
    own = read_json(path / CROISSANT)
    card = (path / README).read_text(encoding="utf-8") if (path / README).is_file() else ""
    commit = _COMMIT.search(card)
    version = str(own.get("version", "unknown"))
    program = f"#cxrfactory-{commit[1] if commit else version}"
    files = [
        (README, "Card of the product: counts, columns, provenance, sources.", "text/markdown"),
        (CROISSANT, "Tables and columns of the product, in Croissant.", "application/ld+json"),
        (SUMS, "SHA-256 of every file of the product.", "text/plain"),
    ]
    present = [each for each in files if (path / each[0]).is_file()]
    return [
        {
            "@id": f"{path.name}/",
            "@type": "Dataset",
            "name": own.get("name", path.name),
            "description": own.get("description", ""),
            "license": own.get("license", ""),
            "hasPart": [{"@id": f"{path.name}/{name}"} for name, _, _ in present],
        },
        *(
            {"@id": f"{path.name}/{name}", "@type": "File", "name": name, "description": purpose,
             "encodingFormat": encoding}
            for name, purpose, encoding in present
        ),
        {
            "@id": program,
            "@type": "SoftwareApplication",
            "name": "cxrfactory",
            "version": version,
            **({"softwareVersion": f"git {commit[1]}"} if commit else {}),
        },
        {
            "@id": _action(path.name),
            "@type": "CreateAction",
            "name": f"Make {path.name}",
            "instrument": {"@id": program},
            **({"object": [{"@id": CONFIG}]} if has_config else {}),
            "result": [{"@id": f"{path.name}/"}],
            "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
        },
    ]  # fmt: skip
