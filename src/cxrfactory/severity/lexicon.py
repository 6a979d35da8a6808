"""The phrases that sentences are read by: two tables (YAML) as one look-up by first word."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

import yaml

from cxrfactory.errors import CxrError

ABNORMAL, NORMAL, LIMIT = "abnormal", "normal", "limit"
GRADES = ("borderline", "mild", "moderate", "severe")
_SIDES = ("before", "after")


@dataclass(slots=True)
class Entry:
    """What one phrase may mean.

    Attributes
    ----------
    named
        Findings that the phrase names.
    structure
        Numbers of the statements whose structure it names.
    states
        Kind of the state (abnormal, normal, limit) that it says, by number of the statement.
    before, after
        Cues (absent, uncertain, history) that it gives to a mention after it, and to a mention before it.
    change, grade
        How the finding changed, and its grade, or "".
    marks
        Other parts that it plays: stop, with, verb, filler, other, comma, and, or, no_denial.
    """

    named: tuple[str, ...] = ()
    structure: tuple[int, ...] = ()
    states: dict[int, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    change: str = ""
    grade: str = ""
    marks: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Lexicon:
    """All phrases.

    Attributes
    ----------
    titles
        Title of each finding by its name, in the order of the table.
    finding_of
        Finding of each statement of a structure and its state, by the statement's number.
    kin
        By finding: the findings that say something of the same structure, itself among them.
    phrases
        By first word: the other words of each phrase and its entry, longest phrase first.
    openers
        First words of the phrases that name a finding or a structure; a sentence without any of them mentions nothing.
    """

    titles: Mapping[str, str]
    finding_of: tuple[str, ...]
    kin: Mapping[str, frozenset[str]]
    phrases: Mapping[str, tuple[tuple[tuple[str, ...], Entry], ...]]
    openers: frozenset[str]


def spellings(phrase: str) -> Iterator[tuple[str, ...]]:
    """Yield the rows of words that a phrase of the tables stands for.

    Examples
    --------
    >>> sorted(spellings("the? heart|cardiac size"))
    [('cardiac', 'size'), ('heart', 'size'), ('the', 'cardiac', 'size'), ('the', 'heart', 'size')]
    """
    choices = [
        [*(() if not word.endswith("?") else ("",)), *word.removesuffix("?").split("|")] for word in str(phrase).split()
    ]
    for words in product(*choices):
        yield tuple(word for word in words if word)


@cache
def lexicon() -> Lexicon:
    """Return the phrases of the package's two tables."""
    folder = files("cxrfactory.severity") / "resources"
    return read_lexicon(*((folder / name).read_text(encoding="utf-8") for name in ("findings.yaml", "cues.yaml")))


def read_lexicon(findings_text: str, cues_text: str) -> Lexicon:
    """Return the phrases of two tables.

    Parameters
    ----------
    findings_text, cues_text
        Content of ``findings.yaml`` and of ``cues.yaml``.

    Raises
    ------
    CxrError
        If a table has an unknown key, or if a phrase is empty.
    """
    # The base loader reads every scalar as text, so that "no" is a word.
    findings, cues = (yaml.load(text, yaml.BaseLoader) for text in (findings_text, cues_text))
    table = _Table()
    titles, statements, structures = {}, [], []
    for name, row in findings["findings"].items():
        _known(f"findings.yaml: {name}", row, ("title", "named", "not_named", "about"))
        titles[name] = row["title"]
        table.named(row.get("named", ()), name)
        table.marked(row.get("not_named", ()), "other")
        for statement in row.get("about", ()):
            _known(f"findings.yaml: {name}", statement, ("structure", ABNORMAL, NORMAL, LIMIT))
            table.statement(statement, len(statements))
            statements.append(name)
            structures.append(set(statement["structure"]))
    table.marked(findings["other_structures"], "other")
    table.cues(cues)
    kin = {name: {name} for name in titles}
    for name, own in zip(statements, structures, strict=True):
        kin[name] |= {other for other, theirs in zip(statements, structures, strict=True) if own & theirs}
    related = {name: frozenset(others) for name, others in kin.items()}
    return Lexicon(titles, tuple(statements), related, table.looked_up(), table.openers())


class _Table:
    def __init__(self) -> None:
        self.entries: dict[tuple[str, ...], Entry] = {}
        for mark, word in (("comma", ","), ("comma", ";"), ("comma", ":"), ("and", "and"), ("and", "&")):
            self.marked([word], mark)
        for word in ("or", "/", "nor"):
            self.marked([word], "and")
            self.marked([word], "or")
        self.marked([";"], "stop")

    def _of(self, phrases: Iterable[str]) -> Iterator[Entry]:
        for phrase in phrases:
            for words in spellings(phrase):
                if not words:
                    raise CxrError(f"the phrase '{phrase}' may be empty; expected at least one word that is not left out")
                yield self.entries.setdefault(words, Entry())

    def named(self, phrases: Iterable[str], name: str) -> None:
        for entry in self._of(phrases):
            entry.named = tuple(dict.fromkeys((*entry.named, name)))

    def marked(self, phrases: Iterable[str], mark: str) -> None:
        for entry in self._of(phrases):
            entry.marks |= {mark}

    def statement(self, row: Mapping[str, Any], number: int) -> None:
        for entry in self._of(row["structure"]):
            entry.structure = tuple(dict.fromkeys((*entry.structure, number)))
        for kind in (NORMAL, ABNORMAL, LIMIT):
            for entry in self._of(row.get(kind, ())):
                entry.states[number] = kind

    def cues(self, cues: Mapping[str, Any]) -> None:
        for name, value in cues.items():
            if name in ("absent", "uncertain", "history"):
                _known(f"cues.yaml: {name}", value, _SIDES)
                for side in _SIDES:
                    for entry in self._of(value.get(side, ())):
                        setattr(entry, side, tuple(dict.fromkeys((*getattr(entry, side), name))))
            elif name in ("change", "grade"):
                for kind, phrases in value.items():
                    for entry in self._of(phrases):
                        setattr(entry, name, kind)
            elif name in ("stops", "verbs", "fillers"):
                self.marked(value, name.removesuffix("s"))
            elif name in ("with", "no_denial"):
                self.marked(value, name)
            else:
                raise CxrError(f"cues.yaml: unknown key '{name}'")

    def openers(self) -> frozenset[str]:
        return frozenset(words[0] for words, entry in self.entries.items() if entry.named or entry.structure)

    def looked_up(self) -> dict[str, tuple[tuple[tuple[str, ...], Entry], ...]]:
        by_first: dict[str, list[tuple[tuple[str, ...], Entry]]] = {}
        for words, entry in self.entries.items():
            by_first.setdefault(words[0], []).append((words[1:], entry))
        return {first: tuple(sorted(rows, key=lambda row: -len(row[0]))) for first, rows in by_first.items()}


def _known(where: str, row: Mapping[str, Any], names: Iterable[str]) -> None:
    if unknown := sorted(set(row) - set(names)):
        raise CxrError(f"{where}: unknown key '{unknown[0]}'; expected one of {', '.join(names)}")
