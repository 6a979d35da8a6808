"""Each command that a page shows has a row in the table of docs/reliability.md, which names where it is run."""

import re

import pytest

from tests.test_docs import PAGES, ROOT, _command, _lines, _words

START = "python -m cxrfactory"
GROUPS = {"", "stage", "label", "study", "export"}  # with --help, they list their commands


def _table() -> dict[str, tuple[str, str]]:
    section = (ROOT / "docs" / "reliability.md").read_text().split("## Commands of these pages\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "| `" in line]
    found = [(name, (how, where.strip("`"))) for names, how, where in rows for name in re.findall(r"`([^`]+)`", names)]
    assert len(dict(found)) == len(found), "a command has two rows"
    return dict(found)


def _shown() -> set[str]:
    found = set()
    for page in PAGES:
        if page.name == "CHANGELOG.md":  # old names
            continue
        for line in _lines(page, START):
            words = _words(line, START)
            found.add(" ".join(words[: len(words) - len(_command(words)[1])]))
    return found


def test_every_command_of_the_pages_has_a_row() -> None:
    shown, table = _shown(), set(_table())
    assert not sorted(shown - table - GROUPS), "no row in docs/reliability.md says where it is run"
    assert not sorted(table - shown), "no page shows it any more"


@pytest.mark.parametrize(("name", "row"), _table().items(), ids=lambda each: each if isinstance(each, str) else "")
def test_the_place_runs_the_command_or_tests_what_it_calls(name: str, row: tuple[str, str]) -> None:
    how, where = row
    text, words = (ROOT / where).read_text(), name.split()
    if how == "the command":
        quoted = '", "'.join(words)
        assert f"{START} {name} " in text or f'"{quoted}"' in text
    else:
        assert how == "what it calls"
        assert all(part in text.lower() for part in re.split(r"[-_]", words[-1]) if part not in ("from",))
