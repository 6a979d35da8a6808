"""The phrases that sentences are read by: two tables (YAML) as one look-up by first word."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from cxrfactory.errors import CxrError
from cxrfactory.tables.severity import CHANGES, GRADES

ABNORMAL, NORMAL, LIMIT = "abnormal", "normal", "limit"
_ABOVE = "above"
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
        Other parts that it plays: stop, with, verb, filler, adjective, other, comma, and, or, no_denial.
    """

    named: tuple[str, ...] = ()
    structure: tuple[int, ...] = ()
    states: dict[int, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    change: str = ""
    grade: str = ""
    marks: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
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
        By first word: the number of other words, and the entries by these words; longest phrases first.
    openers
        First words of the phrases that name a finding or a structure; a sentence without any of them mentions nothing.
    limits
        By number of the statement: the largest normal ratio, for structures whose state is said in numbers.
    """

    titles: Mapping[str, str]
    finding_of: tuple[str, ...]
    kin: Mapping[str, frozenset[str]]
    phrases: Mapping[str, tuple[tuple[int, Mapping[tuple[str, ...], Entry]], ...]]
    openers: frozenset[str]
    limits: Mapping[int, float] = field(default_factory=dict)


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
def lexicon(findings: str | None = None, cues: str | None = None) -> Lexicon:
    """Return the phrases of two tables.

    Parameters
    ----------
    findings, cues
        Files in the form of ``resources/findings.yaml`` and ``resources/cues.yaml``; None takes those of the package.

    Raises
    ------
    CxrError
        If a file cannot be read, is not YAML, or has an unknown or missing key; the line names the file.
    """
    texts = []
    for given, name in ((findings, "findings.yaml"), (cues, "cues.yaml")):
        path = files("cxrfactory.severity") / "resources" / name if given is None else Path(given)
        try:
            texts.append(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise CxrError(f"{path}: cannot be read ({reason}); expected a YAML table like {name}") from error
    return read_lexicon(texts[0], texts[1], findings or "findings.yaml", cues or "cues.yaml")


def read_lexicon(
    findings_text: str, cues_text: str, findings_name: str = "findings.yaml", cues_name: str = "cues.yaml"
) -> Lexicon:
    """Return the phrases of two tables; see :func:`lexicon`.

    Parameters
    ----------
    findings_text, cues_text
        Content of the two tables.
    findings_name, cues_name
        Their names in messages.

    Raises
    ------
    CxrError
        If a table is not YAML, has an unknown or missing key, or has a phrase that may be empty.
    """
    findings, cues = _parsed(findings_text, findings_name), _parsed(cues_text, cues_name)
    _known(findings_name, findings, ("usual_states", "findings", "other_structures"), ("findings",))
    table = _Table()
    titles, statements, structures, limits = {}, [], [], {}
    for name, row in _mapping(findings["findings"], f"{findings_name}: findings").items():
        where = f"{findings_name}: {name}"
        _known(where, row, ("title", "named", "not_named", "about"), ("title",))
        titles[name] = row["title"]
        table.named(_listed(row, "named", where), name)
        table.marked(_listed(row, "not_named", where), "other")
        for statement in _listed(row, "about", where):
            _known(where, statement, ("structure", ABNORMAL, NORMAL, LIMIT, _ABOVE), ("structure",))
            phrases = {key: _listed(statement, key, where) for key in statement if key != _ABOVE}
            table.statement(phrases, len(statements))
            if _ABOVE in statement:
                limits[len(statements)] = _ratio(statement[_ABOVE], where)
            statements.append(name)
            structures.append(set(statement["structure"]))
    table.marked(_listed(findings, "other_structures", findings_name), "other")
    table.cues(cues, cues_name)
    kin = {name: {name} for name in titles}
    for name, own in zip(statements, structures, strict=True):
        kin[name] |= {other for other, theirs in zip(statements, structures, strict=True) if own & theirs}
    related = {name: frozenset(others) for name, others in kin.items()}
    return Lexicon(titles, tuple(statements), related, table.looked_up(), table.openers(), limits)


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return _mapping(yaml.safe_load(text), name)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f", line {mark.line + 1}"
        raise CxrError(
            f"{name}{line}: not YAML ({getattr(error, 'problem', None) or 'it cannot be parsed'})"
        ) from error


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CxrError(f"{where}: expected keys with values, got {'nothing' if not value else type(value).__name__}")
    return value


def _listed(row: Mapping[str, Any], key: str, where: str) -> list[Any]:
    value = row.get(key, [])
    if not isinstance(value, list):
        raise CxrError(f"{where}: '{key}' is '{value}'; expected a list of phrases")
    return value


def _ratio(value: Any, where: str) -> float:
    if not isinstance(value, float) or not 0 < value < 1:
        raise CxrError(f"{where}: '{_ABOVE}' is '{value}'; expected a ratio between 0 and 1")
    return value


def _known(where: str, row: Any, names: tuple[str, ...], needed: tuple[str, ...] = ()) -> None:
    keys = _mapping(row, where)
    if unknown := sorted(set(keys) - set(names)):
        raise CxrError(f"{where}: unknown key '{unknown[0]}'; expected one of {', '.join(names)}")
    if missing := [name for name in needed if name not in keys]:
        raise CxrError(f"{where}: the key '{missing[0]}' is missing")


class _Table:
    def __init__(self) -> None:
        self.entries: dict[tuple[str, ...], Entry] = {}
        for mark, word in (
            ("comma", ","),
            ("comma", ";"),
            ("comma", ":"),
            ("comma", "comma"),
            ("and", "and"),
            ("and", "&"),
        ):
            self.marked([word], mark)
        for word in ("or", "/", "nor"):
            self.marked([word], "and")
            self.marked([word], "or")
        self.marked([";"], "stop")
        self.marked([")"], "filler")
        self.entries[("?",)] = Entry(before=("uncertain",), after=("uncertain",))

    def _of(self, phrases: Iterable[str]) -> Iterator[Entry]:
        for phrase in phrases:
            if not isinstance(phrase, str):  # YAML reads a bare no as false
                raise CxrError(f"the phrase '{phrase}' is not text; expected words, in quotes as in \"no\"")
            for words in spellings(phrase):
                if not words:
                    raise CxrError(
                        f"the phrase '{phrase}' may be empty; expected at least one word that is not left out"
                    )
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

    def cues(self, cues: Mapping[str, Any], file: str) -> None:
        for name, value in cues.items():
            where = f"{file}: {name}"
            if name in ("absent", "uncertain", "history"):
                _known(where, value, _SIDES)
                for side in _SIDES:
                    for entry in self._of(_listed(value, side, where)):
                        setattr(entry, side, tuple(dict.fromkeys((*getattr(entry, side), name))))
            elif name in ("change", "grade"):
                kinds = GRADES if name == "grade" else CHANGES
                _known(where, value, tuple(kind for kind in kinds if kind not in ("none", "negative", "unspecified")))
                for kind in value:
                    for entry in self._of(_listed(value, kind, where)):
                        setattr(entry, name, kind)
            elif name in ("stops", "verbs", "fillers", "with", "no_denial", "adjectives"):
                self.marked(_listed(cues, name, file), name.removesuffix("s"))
                if name == "adjectives":
                    self.marked(_listed(cues, name, file), "filler")
            else:
                raise CxrError(f"{file}: unknown key '{name}'")

    def openers(self) -> frozenset[str]:
        return frozenset(words[0] for words, entry in self.entries.items() if entry.named or entry.structure)

    def looked_up(self) -> dict[str, tuple[tuple[int, Mapping[tuple[str, ...], Entry]], ...]]:
        by_first: dict[str, dict[int, dict[tuple[str, ...], Entry]]] = {}
        for words, entry in self.entries.items():
            by_first.setdefault(words[0], {}).setdefault(len(words) - 1, {})[words[1:]] = entry
        return {first: tuple(sorted(sizes.items(), reverse=True)) for first, sizes in by_first.items()}
