"""Parse YAML and JSON text, and refuse a key that a mapping holds twice, because parsers silently keep the last one."""

import json
import re
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cxrfactory.errors import CxrError

_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:\n]', re.DOTALL)
_MERGE = "tag:yaml.org,2002:merge"


def parse_yaml(text: str, source: str | Path) -> Any:
    """Return the values of YAML text (safe tags only).

    Two keys of one mapping count as the same if they are equal after conversion (``yes`` and ``true``, ``1`` and
    ``1.0``) or if they are written with the same characters (``a`` and ``"a"``, ``1`` and ``"1"``). A key of a mapping
    may replace a key that ``<<`` merges into it, as YAML 1.1 defines.

    Parameters
    ----------
    text
        Text of one YAML document.
    source
        Name of the file, for messages.

    Raises
    ------
    CxrError
        One line: the text is no YAML, or a key occurs twice; the message names the key and both lines.
    """
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            _refuse_twice(_yaml_keys(loader, node), source)
            return None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date such as 2026-13-45 is a plain ValueError
        raise CxrError(f"{source}: not readable as YAML ({' '.join(str(error).split())})") from error


def parse_json(text: str, source: str | Path) -> Any:
    """Return the values of JSON text.

    Raises
    ------
    CxrError
        One line: a key occurs twice in one object; the message names the key and both lines.
    json.JSONDecodeError
        If the text is no JSON.
    """
    values = json.loads(text)
    _refuse_twice(_json_keys(text), source)
    return values


def parse_config_text(text: str, source: str | Path) -> Any:
    """Return the values of a config: JSON if the text is JSON, or else YAML, as Snakemake reads it.

    Raises
    ------
    CxrError
        One line: the text is neither, or a key occurs twice.
    """
    try:
        return parse_json(text, source)
    except (ValueError, RecursionError):
        return parse_yaml(text, source)


# A key of a mapping: the place of the mapping, identities of the key, its text, its line from 1.
_Key = tuple[tuple[str, ...], Sequence[Hashable], str, int]


def _refuse_twice(mappings: Iterator[list[_Key]], source: str | Path) -> None:
    for keys in mappings:
        first: dict[Hashable, int] = {}
        for number, (place, identities, text, line) in enumerate(keys):
            for identity in identities:
                before = first.setdefault(identity, number)
                if before != number:
                    _, _, other, at = keys[before]
                    name, also = _shown(".".join((*place, text))), "" if other == text else f" (as '{_shown(other)}')"
                    raise CxrError(
                        f"{source}: key '{name}' occurs twice, in line {at}{also} and in line {line}; expected it "
                        "once, because only the last one would be used"
                    )


def _shown(text: str) -> str:
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)[:120]


def _yaml_keys(loader: Any, root: Any) -> Iterator[list[_Key]]:
    """Yield the keys of every mapping; a mapping that aliases name several times is visited once."""
    import yaml

    seen, stack = set(), [((), root)]
    while stack:
        place, node = stack.pop()
        if node is None or id(node) in seen or isinstance(node, yaml.ScalarNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            stack += [(place, item) for item in reversed(node.value)]
            continue
        keys, inner = [], []
        for key, value in node.value:
            text = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if isinstance(key, yaml.ScalarNode):
                keys.append((place, _identities(loader, key), text, key.start_mark.line + 1))
            inner.append(((*place, text), value))
        yield keys
        stack += reversed(inner)


def _identities(loader: Any, key: Any) -> tuple[Hashable, ...]:
    if key.tag == _MERGE:
        return (("text", key.value),)
    value = loader.construct_object(key, deep=True)
    return (("text", key.value), ("value", value)) if isinstance(value, Hashable) else (("text", key.value),)


def _json_keys(text: str) -> Iterator[list[_Key]]:
    """Yield the keys of every object of valid JSON text."""
    line, stack, last = 1, [], None  # an open object: [place, keys]; an open array: [place, None]
    for token in _JSON_TOKEN.finditer(text):
        sign = token[0]
        if sign == "\n":
            line += 1
        elif sign in "{[":
            place = (*stack[-1][0], *((stack[-1][2],) if stack[-1][2] is not None else ())) if stack else ()
            stack.append([place, [] if sign == "{" else None, None])
        elif sign in "}]":
            _, keys, _ = stack.pop()
            if keys is not None:
                yield keys
        elif sign == ":":
            name, at = last
            place, keys, _ = stack[-1]
            keys.append((place, (("text", name),), name, at))
            stack[-1][2] = name
        elif sign != ",":
            last = (json.loads(sign), line)
