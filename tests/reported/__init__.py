"""Inputs that people reported in public trackers, one module a kind; each input ends as its case declares.

A module of a kind has ``KIND`` (a short name), ``SOURCE`` (where it was reported), ``CASES``, and one test that runs
every case. ``python -m tests.reported`` runs all cases and prints the counts of each kind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ENDS = ("right", "refused", "reported")


@dataclass(frozen=True)
class Case:
    """One input and its declared end.

    Attributes
    ----------
    id
        Short name of the input.
    ends
        ``right``: the values are the right ones; ``refused``: a named refusal or exclusion; ``reported``: the input is
        used or counted, and a note, count or flag says what was found.
    run
        Makes the input in an empty folder, gives it to the product, and asserts the end.
    """

    id: str
    ends: str
    run: Callable[[Path], None]

    def __post_init__(self) -> None:
        assert self.ends in ENDS, self.ends
