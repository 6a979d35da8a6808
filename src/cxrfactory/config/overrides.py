"""Reuse a section with some of its keys changed; only the changed keys are written in the config."""

from typing import Any, TypeVar

from pydantic import Field, ValidationError

from cxrfactory.config.sections import Section

S = TypeVar("S", bound=Section)


def overrides_of(section: type[Section], default: dict[str, Any], description: str) -> Any:
    """Return a config field that holds overrides of a section; its JSON Schema lists the section's keys."""
    schema = section.model_json_schema()
    known = {name: {key: value for key, value in of.items() if key != "default"}
             for name, of in schema["properties"].items()}  # fmt: skip
    return Field(
        default, description=description, json_schema_extra={"properties": known, "additionalProperties": False}
    )


def merged(section: S, overrides: dict[str, Any], place: str) -> S:
    """Return a section with some of its keys changed, validated as a whole.

    Parameters
    ----------
    section
        The section that supplies all other keys.
    overrides
        The changed keys.
    place
        Key of the overrides in the config, for error messages.

    Raises
    ------
    ValueError
        One line that names the first wrong key, the value that was found and what was expected.
    """
    try:
        return type(section).model_validate(section.model_dump() | overrides)
    except ValidationError as error:
        raise ValueError(_refusal(error, type(section), place)) from error


def _refusal(error: ValidationError, section: type[Section], place: str) -> str:
    first = error.errors()[0]
    key = ".".join([place, *map(str, first["loc"])])
    if first["type"] == "extra_forbidden":
        return f"unknown key '{key}'; known here: {', '.join(section.model_fields)}"
    said = str(first["msg"]).removeprefix("Value error, ")
    return f"key '{key}': {said}" + (f", found {first['input']!r:.80}" if first["loc"] else "")
