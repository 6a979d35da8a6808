"""The user's verdicts on images: an append-only file of JSON lines, which nothing but the user's own tools changes.

Each line is one step: a verdict (``good``, ``bad``, ``flag``, or ``none`` to take it back) with dataset, image id, note
and time, or ``{"undo": true}``, which takes back the last step that stands. Reading all lines in their order gives the
current verdicts.
"""

import csv
import io
import json
import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from cxrfactory.browse.filters import VERDICTS
from cxrfactory.errors import CxrError
from cxrfactory.products.browsed import Index
from cxrfactory.tables.arrow_values import numbers, word_array

CSV_COLUMNS = ("dataset", "image_id", "verdict", "note", "when")
LONGEST_NOTE = 2_000  # characters
NONE = VERDICTS.index("none")

Image = tuple[str, str]  # dataset, image id


@dataclass(frozen=True)
class Verdict:
    """One step of the user; ``when`` is UTC, ISO 8601."""

    dataset: str
    image_id: str
    verdict: str
    note: str
    when: str

    def as_json(self) -> dict[str, str]:
        """Return the step as it stands in the file."""
        return {name: getattr(self, name) for name in CSV_COLUMNS}


class Verdicts:
    """The current verdicts, and the file that keeps them.

    Parameters
    ----------
    path
        File of JSON lines; it is made at the first verdict.
    index
        The rows of the product.

    Raises
    ------
    CxrError
        If a line of the file is no such step.
    """

    def __init__(self, path: Path, index: Index) -> None:
        self.path, self._index = path, index
        self._lock = threading.Lock()
        self._steps: list[Verdict] = []
        self._by_image: dict[Image, list[Verdict]] = {}
        self.codes = np.full(len(index), NONE, np.uint8)  # place of each row's verdict in VERDICTS
        self._keys: dict[Image, int] = {}
        self._read()

    def put(self, key: int, verdict: str, note: str) -> Verdict:
        """Append a verdict on a row."""
        step = Verdict(
            self._index.dataset(key),
            self._index.image_id(key),
            verdict,
            note,
            datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        )
        with self._lock:
            self._append(step.as_json())
            self._push(step)
            self._keys[step.dataset, step.image_id] = key
            self._show((step.dataset, step.image_id))
        return step

    def undo(self) -> tuple[int | None, Verdict] | None:
        """Take back the last step that stands.

        Returns
        -------
        The key of its row (None if the product has no such row), and what now holds of it; None if no step stands.
        """
        with self._lock:
            if not self._steps:
                return None
            self._append({"undo": True, "when": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")})
            last = self._pop()
            image = last.dataset, last.image_id
            self._show(image)
            now = self.of(image) or Verdict(*image, "none", "", last.when)
            return self._keys.get(image), now

    def of(self, image: Image) -> Verdict | None:
        """Return the current verdict on an image, or None."""
        steps = self._by_image.get(image)
        return None if not steps or steps[-1].verdict == "none" else steps[-1]

    def current(self) -> list[tuple[int | None, Verdict]]:
        """Return the current verdicts with the keys of their rows, in the order of their times."""
        with self._lock:
            last = {(each.dataset, each.image_id): each for each in self._steps}
            found = [each for each in last.values() if each.verdict != "none"]
            return [(self._keys.get((each.dataset, each.image_id)), each) for each in found]

    def as_csv(self) -> str:
        """Return the current verdicts as CSV."""
        stream = io.StringIO()
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(CSV_COLUMNS)
        table.writerows([getattr(each, name) for name in CSV_COLUMNS] for _, each in self.current())
        return stream.getvalue()

    def name_of(self, key: int) -> str:
        """Return the verdict on a row as a word."""
        return VERDICTS[self.codes[key]]

    def _push(self, step: Verdict) -> None:
        self._steps.append(step)
        self._by_image.setdefault((step.dataset, step.image_id), []).append(step)

    def _pop(self) -> Verdict:
        step = self._steps.pop()
        return self._by_image[step.dataset, step.image_id].pop()

    def note_of(self, key: int) -> str:
        """Return the note of the current verdict on a row; empty if there is none."""
        found = self.of((self._index.dataset(key), self._index.image_id(key)))
        return "" if found is None else found.note

    def _show(self, image: Image) -> None:
        key = self._keys.get(image)
        if key is not None:
            now = self.of(image)
            self.codes[key] = NONE if now is None else VERDICTS.index(now.verdict)

    def _append(self, step: dict[str, Any]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as stream:
                stream.write(json.dumps(step, ensure_ascii=True).encode("ascii") + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise CxrError(f"the verdict was not kept: its file cannot be written ({error.strerror})") from error

    def _read(self) -> None:
        if not self.path.exists():
            return
        try:
            text = self.path.read_bytes()
        except OSError as error:
            raise CxrError(f"{self.path}: verdicts cannot be read ({error.strerror})") from error
        lines = text.split(b"\n")
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            step = _step(line)
            if step is None:
                raise CxrError(
                    f"{self.path}: line {number} is no verdict; expected one JSON object a line with "
                    f"{', '.join(CSV_COLUMNS)}; mend or remove that line, or name another file (--verdicts)"
                )
            if isinstance(step, Verdict):
                self._push(step)
            elif self._steps:
                self._pop()
        if text and not text.endswith(b"\n"):  # a line that somebody wrote by hand; ours must not join it
            with self.path.open("ab") as stream:
                stream.write(b"\n")
        self._find_keys()
        for image in self._keys:
            self._show(image)

    def _find_keys(self) -> None:
        wanted = {each.image_id for each in self._steps}
        if not wanted or not len(self._index):
            return
        found = pc.is_in(self._index.ids, value_set=word_array(sorted(wanted)))
        for key in np.flatnonzero(numbers(found)).tolist():
            self._keys.setdefault((self._index.dataset(key), self._index.image_id(key)), key)


def _step(line: bytes) -> Verdict | bool | None:
    """Return the verdict of a line, True for an undo, or None if it is neither."""
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, dict):
        return None
    if given.get("undo") is True:
        return True
    cells = [given.get(name, "" if name in ("note", "when") else None) for name in CSV_COLUMNS]
    if not all(isinstance(cell, str) for cell in cells) or cells[2] not in VERDICTS:
        return None
    return Verdict(*cells)
