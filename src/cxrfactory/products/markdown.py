"""Text in Markdown, for the cards of products."""

import unicodedata
from collections.abc import Sequence

from cxrfactory.products.accounts import ReleaseSummary

# What HTML reads, as entities; what Markdown reads, after a backslash. A bar as an entity: tables escape it again.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
_MARKS = "\\`*_[]~$#!"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Table in Markdown; a cell's line breaks become spaces. Cells are Markdown: see :func:`escaped` for others."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(one_line(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def credits_section(credits: Sequence[str]) -> str:
    """Section on sources and licences, one line each; empty where there are none."""
    return "\n## Credits\n\n" + "".join(f"- {one_line(credit)}\n" for credit in credits) if credits else ""


def left_out_table(summaries: Sequence[ReleaseSummary], header: Sequence[str], rejected: str = "rejected") -> str:
    """Table of what was left out of the releases, with the empty line after it; empty where nothing was.

    Parameters
    ----------
    summaries
        Of the releases.
    header
        Names of the two last columns: the reason, the count.
    rejected
        What rejected rows are called in the second column.
    """
    cells = [
        [summary["release"], what, escaped(reason), f"{count:,}"]
        for summary in summaries
        for what, counts in (("excluded", summary["excluded"]), (rejected, summary["rejected"]))
        for reason, count in counts.items()
    ]
    return markdown_table(["release", "", *header], cells) + "\n\n" if cells else ""


def one_line(text: str) -> str:
    """The text on one line, with single spaces."""
    return " ".join(text.split())


def escaped(text: str) -> str:
    """Text of a release (a reason, a name) so that Markdown and HTML show it and read nothing into it.

    Signs that cannot be seen or that turn the writing direction are shown by their code point.
    """
    return "".join(_shown(sign) for sign in one_line(text))


def _shown(sign: str) -> str:
    if sign in _ENTITIES:
        return _ENTITIES[sign]
    if sign in _MARKS:
        return f"\\{sign}"
    return f"\\\\u{ord(sign):04x}" if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn") else sign
