"""Views and body parts that a text names, by the tables of this folder.

``views.csv`` and ``body_parts.csv`` hold words in the languages of the releases (English, Spanish, Portuguese, French,
German, Italian, Vietnamese) and the commonest ones of some others, in the form of :func:`normalised`. A text is cut
into the longest phrases that a table holds, so ``RX TORAX PA`` and ``Thorax p.a.`` both name PA. The words follow DICOM
PS3.3 C.8.11.5 (ViewPosition), PS3.16 Annex L (BodyPartExamined), and the public tables of the releases.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from cxrfactory.errors import CxrError

FRONTAL_VIEWS = ("PA", "AP")
FRONTAL = "FRONTAL"  # frontal, and the text does not say whether PA or AP
# All views that a word may have: first the frontal views, then lateral, oblique, decubitus and special views.
VIEWS = (
    *FRONTAL_VIEWS,
    "AP_HORIZONTAL",
    "AP_AXIAL",
    "AP_LLD",
    "AP_RLD",
    "PA_LLD",
    "PA_RLD",
    "LATERAL",
    "LL",
    "RL",
    "LLD",
    "RLD",
    "XTABLE_LATERAL",
    "LAO",
    "RAO",
    "LPO",
    "RPO",
    "SWIMMERS",
    "COSTAL",
    "LLO",
    "RLO",
    "OBLIQUE",
    "LORDOTIC",
    "DECUBITUS",
    "AXIAL",
    "TANGENTIAL",
)
CHEST = "CHEST"
_NOT_KNOWN, _FILLER, _SIDE, _EXCLUDED = "NOT_KNOWN", "FILLER", "SIDE", "EXCLUDED"
_SEEN_FROM_THE_SIDE = {"LATERAL", "LL", "RL", "XTABLE_LATERAL", "LAO", "RAO", "LPO", "RPO", "LLO", "RLO", "OBLIQUE"}
_LETTERS = str.maketrans({"Đ": "D", "đ": "D", "Ø": "O", "ø": "O", "Ł": "L", "ł": "L", "ı": "I", "ẞ": "SS"})
LONGEST_PHRASE = 5  # words of a phrase of the tables, at most
_LONGEST_TEXT = 200  # signs; a longer text is no view and no body part
_SHORTEST_INSIDE = 5  # letters of a chest word that is found inside a longer word, such as RXTORAX
_MEANING_OF_A_NAME = {"FRONTAL": FRONTAL} | {name: name for name in VIEWS}


def normalised(text: str) -> str:
    """Return a text in capitals without accents and punctuation, with single blanks: ``Tórax p.a.`` as ``TORAX P A``.

    Examples
    --------
    >>> normalised(" Tórax_AP  (lat.) ")
    'TORAX AP LAT'
    """
    plain = unicodedata.normalize("NFKD", text[:_LONGEST_TEXT].translate(_LETTERS).upper())
    kept = "".join(each for each in plain if not unicodedata.combining(each))
    return re.sub(r"[\W_]+", " ", kept).strip()


@dataclass(frozen=True)
class Named:
    """What a text names.

    Attributes
    ----------
    stated
        False if the text is empty, says that the value is not known, or names neither a view nor a body part.
    meanings
        Views or body parts that the text names, each once, in the order of the text.
    words
        The words of the tables that name them, in capitals. They are never other text of the file.
    unknown
        Whether the text holds a word that is in no table.
    """

    stated: bool
    meanings: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    unknown: bool = False

    @property
    def frontal_view(self) -> str | None:
        """PA, AP or FRONTAL if the text names a frontal view and nothing else, else None."""
        if self.unknown or not self.meanings or not set(self.meanings) <= {*FRONTAL_VIEWS, FRONTAL}:
            return None
        directions = set(self.meanings) & set(FRONTAL_VIEWS)
        return directions.pop() if len(directions) == 1 else FRONTAL

    @property
    def view(self) -> str | None:
        """The view for a table: the only one, or the only one that is not frontal; None for several or none."""
        if self.unknown:
            return None
        found = [each for each in self.meanings if each in VIEWS]
        special = [each for each in found if each not in FRONTAL_VIEWS]
        chosen = special or found
        return chosen[0] if len(chosen) == 1 else None


@dataclass(frozen=True)
class Vocabulary:
    """The words of the package together with added words.

    Attributes
    ----------
    view_words
        Added words of views, each ``WORD=VIEW``; a view is one of :data:`VIEWS`, ``FRONTAL`` or ``UNKNOWN``.
    body_part_words
        Added words of body parts, each ``WORD=PART``; a part is ``CHEST``, ``UNKNOWN`` or another part of the table,
        such as ``HAND``.

    Raises
    ------
    CxrError
        If an added word has no meaning, an impossible one, or another meaning than it already has.

    Examples
    --------
    >>> Vocabulary(view_words=("TELE=PA",)).view("tele").frontal_view
    'PA'
    >>> Vocabulary().view("Tórax AP y LAT").meanings
    ('AP', 'LATERAL')
    """

    view_words: tuple[str, ...] = ()
    body_part_words: tuple[str, ...] = ()
    _views: Mapping[str, str] = field(init=False, repr=False, compare=False)
    _parts: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("view_words", "body_part_words"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        views, parts = _table("views.csv"), _table("body_parts.csv")
        known = {*_MEANING_OF_A_NAME, "UNKNOWN"}
        object.__setattr__(self, "_views", _extended(views, self.view_words, "view_words", known))
        known = {*parts.values(), "UNKNOWN"}
        object.__setattr__(self, "_parts", _extended(parts, self.body_part_words, "body_part_words", known))

    def view(self, text: str) -> Named:
        """Return the views that a text names; words of the chest, of posture and of equipment name none."""
        if _is_no_word(text):
            return Named(True, unknown=True)
        found, unknown = _phrases(normalised(text), (self._views, self._parts))
        named = {word: of for word, of, table in found if table == 0 and of not in (_NOT_KNOWN, _FILLER)}
        views = {word: of for word, of in named.items() if of != _SIDE}
        other = [word for word, of, table in found if table == 1 and of != CHEST]
        # A side alone is no view that is known, and neither is another body part.
        lost = unknown or bool(other) or (bool(named) and not views)
        if not text.strip() or not (lost or views):
            return Named(False)
        return Named(True, tuple(dict.fromkeys(views.values())), tuple(named or other), lost)

    def says_not_known(self, text: str) -> bool:
        """Return whether a text says that a value is not known, and nothing else."""
        found, unknown = _phrases(normalised(text), (self._views,))
        return not unknown and {of for _, of, _ in found} == {_NOT_KNOWN}

    def seen_from_the_side(self, text: str) -> bool:
        """Return whether a description names a lateral or oblique view, and neither a frontal nor a decubitus view.

        Words of one letter count for nothing here, because they are abbreviations of many things.
        """
        found, _ = _phrases(normalised(text), (self._views,), shortest=2)
        views = {of for _, of, _ in found} - {_FILLER, _NOT_KNOWN, _SIDE, _EXCLUDED}
        return bool(views) and views <= _SEEN_FROM_THE_SIDE

    def body_part(self, text: str) -> Named:
        """Return the body parts that a text names; the chest is ``CHEST``, and so are its parts and whole bodies."""
        plain = normalised(text)
        found, unknown = _phrases(plain, (self._parts, self._views))
        named = {word: of for word, of, table in found if table == 0 and of != _NOT_KNOWN}
        if inside := _chest_words_inside(plain, self._parts):
            named |= dict.fromkeys(inside, CHEST)
        if _is_no_word(text):
            return Named(True, unknown=True)
        if not text.strip() or not (named or unknown):
            return Named(False)
        return Named(True, tuple(dict.fromkeys(named.values())), tuple(named), unknown)


def _is_no_word(text: str) -> bool:
    """Return whether a text is too long, or holds a line break or another control character, as no word does."""
    return len(text) > _LONGEST_TEXT or any(sign < " " or sign == "\x7f" for sign in text.strip())


def _phrases(
    plain: str, tables: tuple[Mapping[str, str], ...], shortest: int = 1
) -> tuple[list[tuple[str, str, int]], bool]:
    """Cut a text into the longest phrases of the tables: phrase, meaning, place of the table; and whether words remain.

    The first table that holds a phrase gives its meaning.
    """
    tokens, found, unknown = plain.split(), [], False
    place = 0
    while place < len(tokens):
        for count in range(min(LONGEST_PHRASE, len(tokens) - place), 0, -1):
            phrase = " ".join(tokens[place : place + count])
            table = next((index for index, each in enumerate(tables) if phrase in each), None)
            if table is not None and len(phrase) >= shortest:
                found.append((phrase, tables[table][phrase], table))
                place += count
                break
        else:
            unknown = True
            place += 1
    return found, unknown


def _chest_words_inside(plain: str, parts: Mapping[str, str]) -> list[str]:
    """Return chest words at the start or end of longer words without a meaning of their own (RXTORAX, CHESTPA2)."""
    longer = [token for token in plain.split() if token not in parts and len(token) > _SHORTEST_INSIDE]
    if not longer:
        return []
    chest = [word for word, of in parts.items() if of == CHEST and " " not in word and len(word) >= _SHORTEST_INSIDE]
    return [word for token in longer for word in chest if token.startswith(word) or token.endswith(word)][:1]


@cache
def _table(name: str) -> Mapping[str, str]:
    with files("cxrfactory.imaging.vocabulary").joinpath(name).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    table = dict(rows)
    if len(table) != len(rows):
        raise CxrError(f"{name}: a word occurs twice; expected one meaning for each word")
    return table


def _extended(table: Mapping[str, str], added: Iterable[str], key: str, known: set[str]) -> Mapping[str, str]:
    """Return a table with added words; a word whose meaning would change is an error, because both cannot hold."""
    if not added:
        return table
    extended = dict(table)
    for pair in added:
        word, sign, meaning = pair.partition("=")
        plain, named = normalised(word), normalised(meaning).replace(" ", "_")
        if not sign or not plain:
            raise CxrError(f"{key}: '{pair}'; expected WORD=MEANING, such as {_EXAMPLES[key]}")
        if named not in {each.replace(" ", "_") for each in known}:
            raise CxrError(f"{key}: '{pair}' has an unknown meaning; expected one of {', '.join(sorted(known))}")
        of = _NOT_KNOWN if named == "UNKNOWN" else next(each for each in known if each.replace(" ", "_") == named)
        if len(plain.split()) > LONGEST_PHRASE:
            raise CxrError(f"{key}: '{pair}' has {len(plain.split())} words; expected {LONGEST_PHRASE} at most")
        if (before := extended.get(plain, of)) != of:
            raise CxrError(f"{key}: '{plain}' already means {before}; a word may not have two meanings")
        extended[plain] = of
    return extended


_EXAMPLES = {"view_words": "TELE=PA", "body_part_words": "CAJA=CHEST"}


@cache
def default_vocabulary() -> Vocabulary:
    """Return the words of the package without added words."""
    return Vocabulary()


def described(text: str) -> str:
    """Describe a text that is in no table by its length, because it could identify a patient."""
    signs = len(text.strip())
    return f"a text of {signs} sign{'' if signs == 1 else 's'} that is in no table of words"
