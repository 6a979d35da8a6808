"""The paths of a manifest, found one by one."""

import mmap
import tempfile
import threading
from pathlib import Path

import pyarrow as pa

from cxrfactory.errors import CxrError
from cxrfactory.tables.one_row import RowReader
from cxrfactory.tables.parquet import open_parquet

_COLUMN = "path"
MOST_ROWS = 20_000  # of a row group that is read for each path; 2 ms


class PathTable:
    """The column ``path`` of a manifest; several threads may use it.

    A manifest has row groups of a few thousand rows, and one of them is read for a path. Older manifests have a single
    group of all rows; their paths are read once, into a temporary file, so that memory holds the parts in use only.

    Parameters
    ----------
    manifest
        Table of the ingest stage.
    """

    def __init__(self, manifest: Path) -> None:
        self._manifest = manifest
        self._reader = RowReader(manifest, [_COLUMN])
        self._lock = threading.Lock()
        self._copied: pa.Table | None = None

    def __getitem__(self, place: int) -> str:
        """Return the path of a row of the manifest.

        Raises
        ------
        CxrError
            If the manifest has no such row, lacks the column, or is damaged.
        """
        if _COLUMN not in self._reader.names:
            raise CxrError(f"{self._manifest.name}: no column '{_COLUMN}'; expected a manifest of the ingest stage")
        with self._lock:
            if self._copied is None and self._reader.most_rows > MOST_ROWS:
                self._copied = _in_a_file(self._manifest)
        if self._copied is not None:
            return self._copied[_COLUMN][place].as_py()
        return self._reader.row(place, [_COLUMN])[_COLUMN]


def _in_a_file(manifest: Path) -> pa.Table:
    """Return the paths as a table that lies in a temporary file without a name."""
    with open_parquet(manifest) as source, tempfile.TemporaryFile() as file:
        with pa.ipc.new_file(file, pa.schema([source.schema_arrow.field(_COLUMN)])) as writer:
            for batch in source.iter_batches(columns=[_COLUMN]):
                writer.write_batch(batch)
        file.flush()
        return pa.ipc.open_file(pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))).read_all()
