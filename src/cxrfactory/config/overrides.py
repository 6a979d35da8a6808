"""A section used again elsewhere with some of its keys changed: only the changed keys are written down."""

from typing import Any, TypeVar

from pydantic import Field, ValidationError

from cxrfactory.config.sections import Section

S = TypeVar("S", bound=Section)


def overrides_of(section: type[Section], default: dict[str, Any], description: str) -> Any:
    """Return the field of a config that holds overrides of a section; its JSON Schema knows the section's keys."""
    schema = section.model_json_schema()
    known = {name: {key: value for key, value in of.items() if key != "default"}
             for name, of in schema["properties"].items()}  # fmt: skip
    return Field(
        default, description=description, json_schema_extra={"properties": known, "additionalProperties": False}
    )


def merged(section: S, overrides: dict[str, Any], place: str) -> S:
    """Return a section with some of its keys changed, checked as a whole.

    Parameters
    ----------
    section
        The section that all other keys are taken from.
    overrides
        The changed keys.
    place
        Where the overrides stand in the config, for messages.

    Raises
    ------
    ValueError
        One line that names the first wrong key, what was found and what was expected.
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
