"""Write the config as YAML with a comment for each key, and as a JSON Schema."""

import json
import re
from typing import Any

import yaml

from cxrfactory.config.sections import Section
from cxrfactory.config.whole import Config


def json_schema() -> str:
    """Return the JSON Schema (2020-12) of the config as text."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def default_yaml() -> str:
    """Return the default config as YAML; a comment after each key gives its description."""
    lines = [
        "# The embedded default: runs everywhere with nothing to download but one small package.",
        "# Generated from src/cxrfactory/config/ (python -m cxrfactory config --write); unknown keys are refused.",
    ]
    return commented_yaml(Config(), lines)


def commented_yaml(config: Config, head: list[str]) -> str:
    """Return a config as YAML with all defaults written out; a comment after each key gives its description."""
    lines = list(head)
    _render(config, lines, 0)
    return "\n".join(lines) + "\n"


def _render(section: Section, lines: list[str], depth: int) -> None:
    for name, field in type(section).model_fields.items():
        value, indent = getattr(section, name), "  " * depth
        if isinstance(value, Section):
            note = (type(value).__doc__ or "").splitlines()[0]
            lines += ["", f"{indent}{name}: # {note}"] if depth == 0 else [f"{indent}{name}: # {note}"]
            _render(value, lines, depth + 1)
        elif isinstance(value, dict) and value:
            lines += (
                ["", f"{indent}{name}: # {field.description}"]
                if depth == 0
                else [f"{indent}{name}: # {field.description}"]
            )
            for key, item in value.items():
                if isinstance(item, Section):
                    lines.append(f"{indent}  {_key(key)}:")
                    _render(item, lines, depth + 2)
                else:
                    lines.append(f"{indent}  {_key(key)}: {_scalar(item)}")
        else:
            lines.append(f"{indent}{name}: {_scalar(value)} # {field.description}")


def _scalar(value: Any) -> str:
    text = json.dumps(value)
    # YAML 1.1 reads 1e-05 as text, because it requires a point before the exponent.
    return text.replace("e", ".0e") if isinstance(value, float) and "e" in text and "." not in text else text


def _key(name: str) -> str:
    """Return a name as YAML: unchanged, or in quotes if YAML could read it as another type."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9._-]*", name) and yaml.safe_load(name) == name
    return name if plain else json.dumps(name)
