"""Tables in Markdown, for the cards of products."""

from collections.abc import Sequence


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Table in Markdown; a cell's line breaks become spaces."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(one_line(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def one_line(text: str) -> str:
    """The text on one line, with single spaces."""
    return " ".join(text.split())
