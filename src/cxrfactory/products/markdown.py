"""Markdown text for the cards of products."""

import unicodedata
from collections.abc import Sequence

from cxrfactory.products.accounts import ReleaseSummary

# HTML's special characters become entities and Markdown's get a backslash. The bar is an entity: tables escape it too.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
_MARKS = "\\`*_[]~$#!"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a table; a cell's line breaks become spaces. Cells are Markdown: use :func:`escaped` for other text."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(one_line(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def credits_section(credits: Sequence[str]) -> str:
    """Format the section on sources and licences, one line for each; it is empty if there are none."""
    return "\n## Credits\n\n" + "".join(f"- {one_line(credit)}\n" for credit in credits) if credits else ""


def left_out_table(summaries: Sequence[ReleaseSummary], header: Sequence[str], rejected: str = "rejected") -> str:
    """Format a table of the images left out, with an empty line after it; it is empty if no image was left out.

    Parameters
    ----------
    summaries
        Summaries of the releases.
    header
        Names of the last two columns: the reason, and the count.
    rejected
        Name of rejected rows in the second column.
    """
    cells = [
        [summary["release"], what, escaped(reason), f"{count:,}"]
        for summary in summaries
        for what, counts in (("excluded", summary["excluded"]), (rejected, summary["rejected"]))
        for reason, count in counts.items()
    ]
    return markdown_table(["release", "", *header], cells) + "\n\n" if cells else ""


def one_line(text: str) -> str:
    """Put the text on one line, with single spaces."""
    return " ".join(text.split())


def escaped(text: str) -> str:
    """Escape a release's text (a reason, a name) so that Markdown and HTML show it literally.

    Invisible characters, and characters that change the writing direction, are shown as their code points.
    """
    return "".join(_shown(sign) for sign in one_line(text))


def _shown(sign: str) -> str:
    if sign in _ENTITIES:
        return _ENTITIES[sign]
    if sign in _MARKS:
        return f"\\{sign}"
    return f"\\\\u{ord(sign):04x}" if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn") else sign
