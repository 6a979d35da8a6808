"""Graphs as GraphML files, which NetworkX, Gephi, Cytoscape and igraph read."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.tables.atomic import write_bytes
from cxrfactory.tables.rsml.markup import escaped

Value = str | int | float | bool
_TYPES = {bool: "boolean", int: "long", float: "double", str: "string"}
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns '
    'http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">',
)


def graphml_text(
    nodes: Mapping[int, Mapping[str, Value]],
    edges: Sequence[tuple[int, int, Mapping[str, Value]]],
    facts: Mapping[str, Value],
) -> str:
    """Return a directed graph as the text of a GraphML file; the same graph gives the same text.

    Parameters
    ----------
    nodes
        Number of each node to its attributes.
    edges
        Start, end and attributes of each edge. Two edges may have the same ends.
    facts
        Attributes of the graph.

    Raises
    ------
    CxrError
        If an attribute has values of two types, or an edge ends at a node that is not there.
    """
    groups = {"graph": [facts], "node": list(nodes.values()), "edge": [given for *_, given in edges]}
    keys: dict[tuple[str, str], str] = {}
    lines = list(_HEAD)
    for kind, rows in groups.items():
        for name in dict.fromkeys(name for row in rows for name in row):
            types = {_TYPES[type(row[name])] for row in rows if name in row}
            if len(types) > 1:
                raise CxrError(f"attribute '{name}' of {kind}s has values of the types {sorted(types)}; expected one")
            key = keys[kind, name] = f"d{len(keys)}"
            lines.append(
                f'  <key id="{key}" for="{kind}" attr.name="{escaped(name, quoted=True)}" attr.type="{types.pop()}"/>'
            )
    lines.append('  <graph edgedefault="directed">')
    lines += _data(keys, "graph", facts, 4)
    for number, given in nodes.items():
        lines += [f'    <node id="{number}">', *_data(keys, "node", given, 6), "    </node>"]
    for place, (start, end, given) in enumerate(edges):
        if start not in nodes or end not in nodes:
            raise CxrError(f"edge {place} goes from node {start} to {end}; expected nodes of the graph")
        lines += [f'    <edge source="{start}" target="{end}">', *_data(keys, "edge", given, 6), "    </edge>"]
    lines += ["  </graph>", "</graphml>"]
    return "\n".join(lines) + "\n"


def write_graphml(
    nodes: Mapping[int, Mapping[str, Value]],
    edges: Sequence[tuple[int, int, Mapping[str, Value]]],
    facts: Mapping[str, Value],
    path: str | Path,
    durable: bool = True,
) -> None:
    """Write a directed graph as a GraphML file, atomically; :func:`graphml_text` explains the parameters.

    Raises
    ------
    CxrError
        Under the same conditions as :func:`graphml_text`; the message names the file.
    """
    try:
        text = graphml_text(nodes, edges, facts)
    except CxrError as error:
        raise CxrError(f"{path}: {error}") from error
    write_bytes(path, text.encode("utf-8"), durable)


def _data(keys: Mapping[tuple[str, str], str], kind: str, given: Mapping[str, Value], blanks: int) -> list[str]:
    return [f'{" " * blanks}<data key="{keys[kind, name]}">{_text(value)}</data>' for name, value in given.items()]


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return escaped(value) if isinstance(value, str) else repr(value)
