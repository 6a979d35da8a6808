"""Close a product: left-out rows, the config, the weights' card, the dataset card, the checksums, one rename.

Every product is closed in the same way. The product's own modules fill a temporary folder. Then
:meth:`OpenProduct.close` writes ``README.md``, ``croissant.json`` and ``SHA256SUMS``, and one rename moves the folder
to its final place.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

from cxrfactory.errors import CxrError
from cxrfactory.products.accounts import EXCLUDED, REJECTED, TABLE_HEADERS
from cxrfactory.products.card_yaml import front_matter
from cxrfactory.products.croissant import CROISSANT, croissant_text
from cxrfactory.products.described import Description
from cxrfactory.products.markdown import escaped, markdown_table
from cxrfactory.products.provenance import library_versions, source_commit
from cxrfactory.tables.atomic import atomic_path, write_text
from cxrfactory.tables.folders import replaced_folder
from cxrfactory.tables.sums import SUMS, write_sums
from cxrfactory.tables.weights import sha256_of

README = "README.md"
CONFIG = "config.yaml"
WEIGHTS_CARD = "weights.json"


class Provenance(TypedDict):
    """Provenance of a product, for its card.

    ``commit`` is None outside a git checkout, ``config_sha256`` is None without a config, and ``weights`` (their card)
    is None if no network was used.
    """

    versions: dict[str, str]
    commit: str | None
    config_sha256: str | None
    weights: dict[str, Any] | None


class OpenProduct:
    """A product that is being built in a temporary folder.

    Parameters
    ----------
    folder
        Folder that receives the files until the product is closed.
    output
        Final path of the folder, for error messages.
    """

    def __init__(self, folder: Path, output: Path) -> None:
        self.folder, self.output = folder, output

    def copy(self, source: str | Path, name: str) -> Path:
        """Copy a file into the product under ``name``; return the path of the copy."""
        with atomic_path(self.folder / name) as temporary:
            shutil.copyfile(source, temporary)
        return self.folder / name

    def gather_left_out(self, parts: Sequence[Path]) -> list[str]:
        """Join the releases' tables of rejected and of excluded rows, in the order of ``parts``; return their names.

        Raises
        ------
        CxrError
            If a table is missing or has another header.
        """
        for name in (REJECTED, EXCLUDED):
            _joined([part / name for part in parts], self.folder / name, TABLE_HEADERS[name])
        return [REJECTED, EXCLUDED]

    def provenance(self, config: str | Path | None, weights_card: dict[str, Any] | None = None) -> Provenance:
        """Copy the config of the run, and return the product's provenance."""
        return {
            "versions": library_versions(),
            "commit": source_commit(),
            "config_sha256": None if config is None else sha256_of(self.copy(config, CONFIG)),
            "weights": weights_card,
        }

    def close(
        self,
        card: str,
        description: Description,
        known: Mapping[str, str] | None = None,
        files: Iterable[str] | None = None,
    ) -> int:
        """Write ``README.md``, ``croissant.json`` and ``SHA256SUMS``; return the number of files in ``SHA256SUMS``.

        Parameters
        ----------
        card
            Text of ``README.md`` below its head.
        description
            The product's tables and files, for the head of the card and for ``croissant.json``.
        known
            Expected checksums of some files, by name in the product, computed when they were packed.
        files
            Names of the files to sum besides these two; None for everything in the folder.

        Raises
        ------
        CxrError
            If a file's checksum differs from that in ``known``.
        """
        write_text(self.folder / README, front_matter(description) + card)
        write_text(self.folder / CROISSANT, croissant_text(description))
        if files is None:
            found = [path for path in self.folder.rglob("*") if path.is_file()]
        else:
            found = [self.folder / name for name in (*files, README, CROISSANT)]
        return write_sums(self.folder / SUMS, self.folder, found, known)


@contextmanager
def open_product(output: str | Path) -> Iterator[OpenProduct]:
    """Yield a product to fill and close; it then replaces ``output``, which stays unchanged on failure."""
    with replaced_folder(output) as folder:
        yield OpenProduct(folder, Path(output))


def provenance_table(provenance: Provenance, network: Mapping[str, Any]) -> str:
    """Format the table of a card's provenance: commit, config, weights, facts about their network, versions."""
    weights = provenance["weights"] or {}
    rows = {
        "source commit": provenance["commit"] or "not a git checkout",
        "config SHA-256": f"`{provenance['config_sha256']}`",
        "weights SHA-256": f"`{weights['sha256']}`",
        **{name: escaped(str(value)) for name, value in network.items()},
        **provenance["versions"],
    }
    return markdown_table(["what", "value"], [[name, str(value)] for name, value in rows.items()])


def check_config(config: str | Path) -> None:
    """Check that the config exists, before any work is done.

    Raises
    ------
    CxrError
        If it is not a file.
    """
    if not Path(config).is_file():
        raise CxrError(f"{config}: no such file; expected the config of the run")


def check_replaceable(output: Path, mark: str) -> None:
    """Check that a folder may be replaced: it must be empty or contain ``mark``, a file that such a product always has.

    Raises
    ------
    CxrError
        If ``output`` is a file, or a folder that holds files but not ``mark``.
    """
    holds_files = output.is_dir() and any(path.is_file() for path in output.rglob("*"))
    if output.is_file() or (holds_files and not (output / mark).is_file()):
        raise CxrError(f"{output}: exists and is no such product of an earlier run; give another folder")


def _joined(sources: Sequence[Path], target: Path, header: str) -> None:
    with atomic_path(target) as temporary, temporary.open("wb") as stream:
        stream.write(header.encode())
        for source in sources:
            if not source.is_file():
                raise CxrError(f"{source}: no such file; package the release first")
            with source.open("rb") as rows:
                found = rows.readline()
                if found != header.encode():
                    raise CxrError(f"{source}: header {found!r}; expected {header!r}")
                shutil.copyfileobj(rows, stream)
