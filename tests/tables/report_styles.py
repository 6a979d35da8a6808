"""Reports written as hospitals write them, from known sections: what the parser must take apart again."""

import textwrap
from collections.abc import Callable, Sequence

Pieces = Sequence[tuple[str, str]]  # heading and text, in order


def mimic(pieces: Pieces) -> str:
    """As MIMIC-CXR: a title in the middle, headings in capitals, a blank column, lines broken at 78."""
    blocks = [
        textwrap.fill(
            f"{heading.upper()}:  {text}", 78, initial_indent=" ", subsequent_indent=" ", break_on_hyphens=False
        )
        for heading, text in pieces
    ]
    return " " * 33 + "FINAL REPORT\n" + "\n \n".join(blocks) + "\n"


def one_line(pieces: Pieces) -> str:
    return " ".join(f"{heading.upper()}: {text}" for heading, text in pieces)


def one_line_title(pieces: Pieces) -> str:
    return " ".join(f"{heading.capitalize()}: {text}" for heading, text in pieces)


def lower_colon(pieces: Pieces) -> str:
    return "\n".join(f"{heading.lower()} : {text}" for heading, text in pieces)


def own_line(pieces: Pieces) -> str:
    return "\n\n".join(
        f"{heading.capitalize()}\n{textwrap.fill(text, 60, break_on_hyphens=False)}" for heading, text in pieces
    )


def no_colon(pieces: Pieces) -> str:
    """Capitals, and the text after them on the same line."""
    return "\n".join(f"{heading.upper()}   {text}" for heading, text in pieces)


def dashes(pieces: Pieces) -> str:
    return "\r\n".join(f"{heading.upper()} - {text}" for heading, text in pieces)


STYLES: dict[str, Callable[[Pieces], str]] = {
    "mimic": mimic,
    "one_line": one_line,
    "one_line_title": one_line_title,
    "lower_colon": lower_colon,
    "own_line": own_line,
    "no_colon": no_colon,
    "dashes": dashes,
}
