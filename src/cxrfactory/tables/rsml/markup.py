"""XML: safe parsing into a small tree that knows the line of each element, and escaping of texts.

A document type declaration is refused, so no entity is ever expanded and no other file or address is ever opened.
Prefixes of namespaces are dropped, because RSML writers use them without declaring them.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import escape

from cxrfactory.errors import CxrError

_DEEPEST = 100  # a root system has a depth of a few; the reader recurses
_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_RETURN = {"\r": "&#13;"}
_QUOTED = {**_RETURN, '"': "&quot;", "\n": "&#10;", "\t": "&#9;"}


@dataclass
class Element:
    """One element: its name and attributes in lower case and without a prefix, its children, text and line.

    ``written`` is the name with its capitals.
    """

    name: str
    written: str
    attributes: dict[str, str]
    line: int
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    def all(self, name: str) -> list["Element"]:
        """Return the children of one name."""
        return [child for child in self.children if child.name == name]

    def first(self, name: str) -> "Element | None":
        """Return the first child of a name, or None."""
        return next((child for child in self.children if child.name == name), None)

    def words(self, name: str) -> str:
        """Return the text of the first child of a name, stripped; an empty text where there is no such child."""
        child = self.first(name)
        return "" if child is None else child.text.strip()


def parse(path: str | Path) -> Element:
    """Return the outermost element of an XML file.

    Raises
    ------
    CxrError
        If the file cannot be read, is not XML, has a document type declaration or is nested too deeply.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise CxrError(f"{path}: cannot be read ({error.strerror or error})") from error
    data = data.removeprefix(_BOM).lstrip(_BLANK)
    if not data:
        raise CxrError(f"{path}: is empty; expected XML")
    tree = _Tree(path)
    try:
        tree.parser.Parse(data, True)
    except expat.ExpatError as error:
        reason = expat.errors.messages.get(error.code, "unknown fault")
        raise CxrError(f"{path}: line {error.lineno}: not XML ({reason}); restore or leave out this file") from error
    except (ValueError, LookupError) as error:  # of Python's codecs, for the encoding that the file declares
        reason = " ".join(str(error).split())
        raise CxrError(f"{path}: cannot be decoded ({reason}); save the file as UTF-8") from error
    return tree.outermost


class _Tree:
    """Builds elements from the events of the parser."""

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self.open: list[Element] = []
        self.outermost: Element
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        self.parser.StartDoctypeDeclHandler = self.doctype

    def start(self, name: str, attributes: dict[str, str]) -> None:
        line = self.parser.CurrentLineNumber
        if len(self.open) == _DEEPEST:
            raise CxrError(f"{self.path}: line {line}: element '{name}' lies in {_DEEPEST} others; expected fewer")
        bare = {_bare(key): value for key, value in attributes.items() if not key.startswith("xmlns")}
        element = Element(_bare(name), name.rpartition(":")[2], bare, line)
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.outermost = element
        self.open.append(element)

    def end(self, name: str) -> None:
        self.open.pop()

    def characters(self, text: str) -> None:
        self.open[-1].text += text

    def doctype(self, name: str, *_: object) -> None:
        line = self.parser.CurrentLineNumber
        raise CxrError(
            f"{self.path}: line {line}: document type declaration (<!DOCTYPE {name}); its entities could be harmful, "
            "so remove it"
        )


def _bare(name: str) -> str:
    return name.rpartition(":")[2].lower()


def escaped(text: str, quoted: bool = False) -> str:
    """Return a text as XML holds it between elements, or in an attribute if ``quoted``.

    Raises
    ------
    CxrError
        If the text has a character that XML cannot hold.
    """
    if found := _FORBIDDEN.search(text):
        raise CxrError(f"text {text[:40]!r} holds the character {found[0]!r}, which XML cannot hold")
    return escape(text, _QUOTED if quoted else _RETURN)
