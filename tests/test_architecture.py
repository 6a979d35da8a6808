"""The floor plan holds: floors, no circle, and no product or release named outside its room.

All is asserted from the source text: imports inside functions count like those at the top of a module.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from cxrfactory.ingest.registry import LAYOUTS

SOURCE = Path(__file__).parents[1] / "src" / "cxrfactory"

# A module imports only from floors below, and within its own package. On the floors FOUNDATION and TOOLS packages may
# also import one another, without a circle.
FLOORS = (
    ("errors", "logs", "compiled", "renamed"),
    ("anatomy", "imaging", "tables", "config", "stages"),
    ("models", "projection", "registration", "metrics", "geometry"),
    (
        "ingest",
        "preprocess",
        "infer",
        "rca",
        "cohort",
        "classify",
        "drr",
        "labelling",
        "train",
        "products",
        "evaluate",
        "severity",
        "measure",
        "hearts",
        "roots",
        "studies",
    ),
    ("cli", "workflow", "status", "door", "export", "browse", "__main__"),
)
SHARED_FLOORS = (1, 2, 4)
FLOOR_OF = {package: floor for floor, packages in enumerate(FLOORS) for package in packages}
DOOR = "cxrfactory"  # the package's own __init__: it imports lazily, and only its version is imported from it

PRODUCTS = ("chexmask", "radgenome", "cxlseg", "hearts", "roots")


@cache
def modules() -> dict[str, tuple[Path, ast.Module]]:
    """All modules of the package: dotted name -> file and syntax tree."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = (path, ast.parse(path.read_text(encoding="utf-8")))
    return found


def imports(tree: ast.AST) -> Iterator[str]:
    """Modules of ours that a tree imports, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"relative import of {node.module}; expected absolute ones"
            named = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in named:
            while name.startswith(DOOR) and name not in modules():
                name = name.rpartition(".")[0]
            if name in modules():
                yield name


def package_of(module: str) -> str:
    """Top package (or module) below ``cxrfactory``."""
    return module.split(".")[1] if "." in module else DOOR


@cache
def edges() -> dict[str, set[str]]:
    """Imports between modules; the door is left out."""
    return {
        name: {each for each in imports(tree) if each not in (DOOR, name)}
        for name, (_, tree) in modules().items()
        if name != DOOR
    }


def test_every_package_stands_on_a_floor():
    assert {package_of(name) for name in modules()} - {DOOR} == set(FLOOR_OF)


def test_modules_import_from_floors_below_only():
    wrong = [
        f"{name} (floor {FLOOR_OF[here]}) imports {other} (floor {FLOOR_OF[there]})"
        for name, others in edges().items()
        for other in others
        if (here := package_of(name)) != (there := package_of(other))
        and not FLOOR_OF[there] < FLOOR_OF[here]
        and not (FLOOR_OF[there] == FLOOR_OF[here] and FLOOR_OF[here] in SHARED_FLOORS)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_product_imports_another():
    rooms = {name: name.split(".")[2] for name in modules() if name.startswith("cxrfactory.products.")}
    wrong = [
        f"{name} imports {other}"
        for name, room in rooms.items()
        for other in edges()[name]
        if room in PRODUCTS and rooms.get(other, room) in PRODUCTS and rooms.get(other, room) != room
    ]
    shared = [
        f"{name} imports {other}"
        for name, room in rooms.items()
        for other in edges()[name]
        if room not in PRODUCTS and rooms.get(other) in PRODUCTS
    ]
    assert not wrong + shared, "\n".join(wrong + shared)


@pytest.mark.parametrize("between", ["packages", "modules"])
def test_there_is_no_circle(between):
    graph: dict[str, set[str]] = {}
    for name, others in edges().items():
        if between == "packages":
            graph.setdefault(package_of(name), set()).update({package_of(each) for each in others} - {package_of(name)})
        else:
            graph[name] = others
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"circle of {between}: {' -> '.join(error.args[1])}")


# What names a product or a release. Prose (docstrings, comments) does not count; messages and help texts do, because
# they are shown to people who never heard of that product or release.
#
# A product is named by an identifier or an import that holds its key, and by text that holds its key in lower case.
# CheXmask is also the name of a published table format, which has a module of its own: what is imported from there, and
# the format's name as it is written in sentences, is no product. CXLSeg's tables are files named `CXLSeg-...`.
# A release is named by text that holds its layout's key or its published name, and by an import of its module.
FORMAT = re.compile(r"tables\.chexmask(_columns|_row|_text)?\b|\b(read|write)_chexmask\b")
# Hearts and roots are also ordinary words, and the names of the stages behind those products (`train/hearts/`).
PRODUCT = {key: re.compile(key, re.IGNORECASE) for key in PRODUCTS} | {
    "hearts": re.compile(r"products\.hearts|package[-_]hearts"),
    "roots": re.compile(r"products\.roots|package[-_]roots"),
}
PRODUCT_TEXT = {key: re.compile(rf"\b{key}\b|\bCXLSeg-" if key == "cxlseg" else rf"\b{key}\b") for key in PRODUCTS} | {
    "hearts": re.compile(r"results/hearts|package-hearts"),
    "roots": re.compile(r"results/roots|package-roots"),
}
# CheXpert is also the name of a labeller, whose labels many tables hold.
LABELLER = re.compile(r"CheXpert('s)? (labels|names)|CheXpert's")
RELEASE_TEXT = {
    key: re.compile("|".join(rf"(?<![\w-]){re.escape(name)}(?![\w-])" for name in (key, facts.published_name)))
    for key, facts in LAYOUTS.items()
    if facts.published_name is not None  # a folder of one's own is no release
}

PRODUCT_ROOM = ("products/{key}/", "workflow/{key}.py", "config/{key}.py", "tables/{key}.py", "tables/{key}_row.py")
# The cohort writes virtual releases in two of the layouts.
RELEASE_ROOMS = ("ingest/releases/", "cohort/mimic.py", "cohort/vindr.py", "cohort/workflow.py")

# Files that may name one, and why.
ALLOWED_PRODUCT = {
    "renamed.py": "old names of modules; ends with 0.2",
    "cli/renamed.py": "old names of commands; ends with 0.2",
    "config/__init__.py": "the list of sections",
    "config/whole.py": "the config has one section a product",
    "workflow/results.py": "the map of results names the products' entries",
    "config/renamed.py": "old keys of the config; ends with 0.2",
    "studies/cxlseg_networks.py": "the study of that paper",
}
ALLOWED_RELEASE = {
    "config/virtual.py": "the default config is of the virtual cohort",
    "tables/landmark_set.py": "a source of the labelled set",
}


def texts(tree: ast.Module) -> Iterator[str]:
    """String literals that are no docstrings."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def identifiers(tree: ast.Module) -> Iterator[str]:
    """Names that the code gives or uses, and modules that it imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield " ".join([getattr(node, "module", None) or "", *(alias.name for alias in node.names)])
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg | ast.keyword) and node.arg:
            yield node.arg


def naming_products() -> dict[str, list[str]]:
    """Files that name a product outside its room, each with what it says."""
    found: dict[str, list[str]] = {}
    for path, tree in modules().values():
        file = path.relative_to(SOURCE).as_posix()
        for key in PRODUCTS:
            if file.startswith(tuple(room.format(key=key) for room in PRODUCT_ROOM)):
                continue
            said = [each for each in identifiers(tree) if PRODUCT[key].search(FORMAT.sub("", each))]
            said += [each for each in texts(tree) if PRODUCT_TEXT[key].search(FORMAT.sub("", each))]
            if said:
                found.setdefault(file, []).extend(said)
    return found


def naming_releases() -> dict[str, list[str]]:
    """Files that name a release outside the rooms of releases, each with what it says."""
    found: dict[str, list[str]] = {}
    for path, tree in modules().values():
        file = path.relative_to(SOURCE).as_posix()
        if file.startswith(RELEASE_ROOMS):
            continue
        said = [
            each for each in texts(tree) if any(name.search(LABELLER.sub("", each)) for name in RELEASE_TEXT.values())
        ]
        said += [each for each in imports(tree) if each.startswith("cxrfactory.ingest.releases.")]
        if said:
            found[file] = said
    return found


# Rule files beside a product's own that may name it, and why.
ALLOWED_RULES = {
    "benchmark.smk": "trains networks on the projected radiographs of a product",
    "classify.smk": "studies the pictures of a product",
    "evaluate.smk": "compares a product with the truth",
    "measure.smk": "measures the masks of products",
    "validation.smk": "studies the scores of a product",
}
RULE_FILES = {
    "chexmask": ("chexmask.smk", "package.smk"),
    "radgenome": ("radgenome.smk",),
    "cxlseg": ("cxlseg.smk",),
    "hearts": ("hearts.smk",),
    "roots": ("roots.smk",),
}


def test_products_are_named_in_their_rule_files_only():
    found = set()
    for path in (SOURCE.parents[1] / "workflow" / "rules").glob("*.smk"):
        text = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
        found |= {path.name for key in PRODUCTS if PRODUCT[key].search(text) and path.name not in RULE_FILES[key]}
    assert found == set(ALLOWED_RULES)


@pytest.mark.parametrize(
    ("find", "allowed"),
    [(naming_products, ALLOWED_PRODUCT), (naming_releases, ALLOWED_RELEASE)],
    ids=["product", "release"],
)
def test_products_and_releases_are_named_in_their_rooms_only(find, allowed):
    found = find()
    strangers = [f"{file}: {sorted(set(said))[:4]}" for file, said in found.items() if file not in allowed]
    assert not strangers, "named outside its room:\n" + "\n".join(strangers)
    unused = sorted(set(allowed) - set(found))
    assert not unused, f"these files name none any more; take them off the list: {unused}"
