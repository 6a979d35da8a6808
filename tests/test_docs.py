"""The documentation names commands, options, targets, files and links that exist."""

import re
import shlex
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.main import get_command

from cxrfactory.cli.application import build_app
from cxrfactory.cli.renamed import RENAMED

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
INLINE = re.compile(r"`([^`]+)`")
FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
MODULE = re.compile(r"^[a-z_]+/[\w/]+\.(?:py|npz)$")  # below the package
FILE = re.compile(r"^(?:src|tests|benchmarks|resources|workflow|envs|docs|profiles)/[\w./-]+$")
SHORT_OPTIONS = {"-n", "-s", "-c", "-j", "-k", "-p", "-q"}


def _code(text: str) -> list[str]:
    """Return the code of a page: fenced and indented blocks, and inline code, one logical line each."""
    fenced = FENCE.findall(text)
    rest = FENCE.sub("", text)
    indented = [line[4:] for line in rest.splitlines() if line.startswith("    ")]
    lines = "\n".join([*fenced, "\n".join(indented)]).replace("\\\n", " ").splitlines()
    return [*lines, *_inline(text)]


def _inline(text: str) -> list[str]:
    """Return the inline code of a page, each on one line."""
    paragraphs = re.split(r"\n\s*\n", FENCE.sub("", text))
    return [" ".join(code.split()) for each in paragraphs for code in INLINE.findall(each)]


def _words(line: str, program: str) -> list[str]:
    """Return the words after a program, up to a comment or the next command of the line."""
    rest = line.split(program, 1)[1].split("  #")[0]
    rest = rest.replace("[", " ").replace("]", " ").replace("...", " ")
    return shlex.split(rest, comments=True)


def _lines(page: Path, start: str) -> list[str]:
    return [line.strip() for line in _code(page.read_text()) if re.match(rf"\s*(?:\S+=\S+ )*{start}", line)]


@cache
def _application() -> Any:
    return get_command(build_app())


def _command(words: list[str]) -> tuple[Any, list[str]]:
    """Follow groups to a command; return it with the words that are left."""
    command, context = _application(), SimpleNamespace()
    words = list(words)
    while hasattr(command, "list_commands") and words and not words[0].startswith("-"):
        name = words.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"no command '{name}'" + (f": now '{RENAMED[name]}'" if name in RENAMED else "")
        command = found
    return command, words


def _options(command: Any) -> set[str]:
    own = {name for each in command.params for name in [*each.opts, *each.secondary_opts]}
    return own | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_of_a_page_exist(page: Path) -> None:
    faults = []
    for line in _lines(page, "python -m cxrfactory"):
        try:
            command, words = _command(_words(line, "python -m cxrfactory"))
        except AssertionError as fault:
            faults.append(f"{line}: {fault}")
            continue
        given = {word.split("=")[0] for word in words if word.startswith("--")}
        unknown = sorted(given - _options(command))
        faults += [f"{line}: no option {unknown}"] if unknown else []
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_of_commands_in_running_text_exist(page: Path) -> None:
    # `train --init`, `label masks --definition lungs`: the program is left out.
    names, faults = _application().list_commands(SimpleNamespace()), []
    for code in _inline(page.read_text()):
        if not re.match(r"[a-z][\w -]* --", code) or code.split()[0] not in names:
            continue
        command, words = _command(_words(f"cxrfactory {code}", "cxrfactory"))
        faults += [(code, word) for word in words if word.startswith("--") and word not in _options(command)]
    assert not faults


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_snakemake_lines_of_a_page_use_options_that_snakemake_has(page: Path) -> None:
    lines = _lines(page, "snakemake ")
    if not lines:
        pytest.skip("no line of Snakemake")
    known = _snakemake_options() | SHORT_OPTIONS
    given = [(line, word.split("=")[0]) for line in lines for word in _words(line, "snakemake") if word[0] == "-"]
    assert not [(line, word) for line, word in given if word not in known]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_uses_the_old_name_of_a_command(page: Path) -> None:
    # Names such as `bias` are ordinary words too; those with a hyphen are commands alone, or rules of the workflow.
    if page.name in {"CHANGELOG.md", "architecture.md"}:
        pytest.skip("tables of old names, and of rules")
    old = {name for name in RENAMED if "-" in name and name not in RENAMED[name].split()}
    assert not [code for code in _inline(page.read_text()) if code.split()[0] in old]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_anchors_of_a_page_resolve(page: Path) -> None:
    faults = []
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            faults.append(target)
    assert not faults


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = [word for code in _code(page.read_text()) for word in code.split() if FILE.match(word)]
    assert not [name for name in named if not (ROOT / name).exists() and "*" not in name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_modules_that_a_page_names_exist(page: Path) -> None:
    named = [code for code in _inline(page.read_text()) if MODULE.match(code) and not FILE.match(code)]
    assert not [name for name in named if not (ROOT / "src" / "cxrfactory" / name).exists()]


def test_the_tree_of_the_architecture_names_every_folder_of_the_package() -> None:
    package = ROOT / "src" / "cxrfactory"
    text = (ROOT / "docs" / "architecture.md").read_text()
    tree = next(block for block in FENCE.findall(text) if block.startswith("src/cxrfactory/"))
    named, parents = set(), [""]
    for line in tree.splitlines()[1:]:
        found = re.match(r"^((?:  )+)(\w+)/ ", line)
        if found:
            depth = len(found[1]) // 2
            parents[depth:] = [f"{parents[depth - 1]}{found[2]}/"]
            named.add(parents[depth])
    folders = {f"{each.parent.relative_to(package)}/" for each in package.glob("*/__init__.py")}
    products = {f"{each.parent.relative_to(package)}/" for each in (package / "products").glob("*/__init__.py")}
    assert not (folders | products) - named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_of_a_page_have_the_same_number_of_cells_in_every_row(page: Path) -> None:
    faults = []
    for block in re.split(r"\n\s*\n", FENCE.sub("", page.read_text())):
        rows = [line.strip() for line in block.splitlines() if line.strip().startswith("|")]
        widths = {len(re.findall(r"(?<!\\)\|", INLINE.sub("", row))) for row in rows}
        if rows and (len(widths) != 1 or not re.match(r"^\|[\s:|-]+\|$", rows[1])):
            faults.append(rows[0])
    assert not faults


def test_every_page_is_linked_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    frame = {"index.md", "contributing.md", "changelog.md"}  # the site's start page, and pages that include files above
    pages = [page.name for page in (ROOT / "docs").glob("*.md") if page.name not in frame]
    assert not [name for name in pages if f"docs/{name}" not in text]


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), flags=re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", each).replace("`", "") for each in headings]
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in plain}


@cache
def _snakemake_options() -> set[str]:
    from snakemake.cli import get_argument_parser

    return {name for action in get_argument_parser()._actions for name in action.option_strings}
