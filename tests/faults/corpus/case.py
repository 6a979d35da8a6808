"""One malformed or odd input, and what must become of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

KEPT = "kept"  # a usable value
REJECTED = "rejected"  # a row of the rejected table, and the run goes on
REFUSED = "refused"  # one line that ends the command


@dataclass(frozen=True)
class Case:
    """An input.

    Attributes
    ----------
    name
        Of the test.
    outcome
        ``KEPT``, ``REJECTED`` or ``REFUSED``.
    make
        Writes the input: what it is given (a path to write to, a folder) and returns depends on the family.
    says
        Regular expression that the reason must match.
    expected
        Pixels (or numbers) that a kept input must give; None where only its being kept is asked for.
    bomb
        Runs in a process of its own with little memory.
    """

    name: str
    outcome: str
    make: Callable[..., Any]
    says: str = ""
    expected: np.ndarray | None = None
    bomb: bool = False

    @property
    def id(self) -> str:
        """Name of the test."""
        return self.name.replace(" ", "-")


def of_bytes(name: str, outcome: str, data: Callable[[], bytes], says: str = "", **more: Any) -> Case:
    """A case of one file that holds ``data()``."""

    def make(path: Path) -> None:
        path.write_bytes(data())

    return Case(name, outcome, make, says, **more)


def flipped(data: bytes, place: int, value: int | None = None) -> bytes:
    """``data`` with one byte inverted, or replaced by ``value``."""
    changed = bytearray(data)
    changed[place] = changed[place] ^ 0xFF if value is None else value
    return bytes(changed)
