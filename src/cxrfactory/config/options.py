"""Make command-line options from a config section, so that defaults and descriptions are defined only in the model."""

import functools
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import typer

from cxrfactory.config.sections import Section

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic.fields import FieldInfo

    from cxrfactory.config.preprocess import PreprocessConfig, ReadingConfig
    from cxrfactory.imaging.radiograph.prepare import Preparation
    from cxrfactory.imaging.radiograph.screening import HeaderChecks

NONE = "none"  # command-line value for null, for options whose default is not null


def with_options(
    *sections: type[Section], old: Mapping[str, str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option for each field of the sections, with the field's default and description.

    The command receives one checked object for each section, as a keyword argument named after the class:
    ``TrainConfig`` arrives as ``train_config``. The values of a list are separated by commas; a boolean is given as
    ``--name`` or ``--no-name``. A nullable field whose default is not null accepts ``none``. A section that inherits
    from another has the options of both.

    Parameters
    ----------
    sections
        Classes of the sections.
    old
        Old option names, as field names, with the fields that replace them. They become hidden options that warn.

    Raises
    ------
    TypeError
        If a field's type cannot be an option, for example a nested section.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command).parameters
        names = {_snake(section.__name__) for section in sections}
        parameters = [each for name, each in own.items() if name not in names]
        for section in sections:
            parameters += [_parameter(name, section) for name in section.model_fields]
        parameters += [_hidden(name) for name in old or {}]
        # Required options come before optional ones, as Python requires of parameters.
        signature = inspect.Signature(sorted(parameters, key=lambda each: each.kind))

        @functools.wraps(command)
        def wrapper(*positional: Any, **named: Any) -> None:
            bound = signature.bind(*positional, **named)
            bound.apply_defaults()
            given = _modernised(dict(bound.arguments), old or {})
            built = {
                _snake(section.__name__): section_of(section, {name: given.pop(name) for name in section.model_fields})
                for section in sections
            }
            command(**given, **built)

        wrapper.__signature__ = signature  # type: ignore[attr-defined]
        wrapper.__annotations__ = {each.name: each.annotation for each in parameters}
        return wrapper

    return decorate


def _hidden(name: str) -> inspect.Parameter:
    hint = Annotated[str | None, typer.Option(hidden=True)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hint)


def _modernised(given: dict[str, Any], old: Mapping[str, str]) -> dict[str, Any]:
    """Move the values of old options to the new options, with a warning for each."""
    for name, new in old.items():
        value = given.pop(name)
        if value is not None:
            print(
                f"warning: the option '{option_name(name)}' is now '{option_name(new)}'; the old name ends with 0.2",
                file=sys.stderr,
            )
            given[new] = value
    return given


def section_of(section: type[Section], given: dict[str, Any]) -> Any:
    """Build a section from the values of its options.

    Parameters
    ----------
    section
        Class of the section.
    given
        Value of each field as given on the command line; lists and choices are text.

    Raises
    ------
    CxrError
        One line that names the option, the value that was found and the values that were expected.
    """
    from pydantic import ValidationError

    from cxrfactory.errors import CxrError

    fields = section.model_fields
    try:
        return section.model_validate({name: _parsed(value, fields[name]) for name, value in given.items()})
    except ValidationError as error:
        raise CxrError(_refusal(error, section, given)) from error


def option_name(field: str) -> str:
    """Return the option name of a field, e.g. ``--batch-size`` for ``batch_size``."""
    return f"--{field.replace('_', '-')}"


def preparation(config: "PreprocessConfig") -> "Preparation":
    """Convert the config's preprocessing to the recipe of :mod:`cxrfactory.imaging.radiograph.prepare`."""
    from cxrfactory.imaging.radiograph.intensity import Clahe, Enhancement
    from cxrfactory.imaging.radiograph.prepare import Preparation

    clip = config.clahe_clip
    clahe = None if clip is None else Clahe(clip, config.clahe_tiles, config.clahe_engine)
    enhancement = Enhancement(clahe, config.equalise)
    look = (config.size, config.remove_borders, enhancement)
    return Preparation(*look, config.max_megapixels, config.burnt_in, header_checks(config))


def header_checks(config: "ReadingConfig") -> "HeaderChecks":
    """Convert the config's conditions of reading to those of :mod:`cxrfactory.imaging.radiograph.screening`."""
    from cxrfactory.imaging.radiograph.screening import HeaderChecks
    from cxrfactory.imaging.vocabulary.words import Vocabulary

    words = Vocabulary(tuple(config.view_words), tuple(config.body_part_words))
    return HeaderChecks(config.body_part, config.orientation, words)


def _parameter(name: str, section: type[Section]) -> inspect.Parameter:
    """Return the parameter from which Typer makes an option."""
    field = section.model_fields[name]
    kinds, nullable = _kinds(field.annotation)
    default = inspect.Parameter.empty if field.is_required() else field.get_default(call_default_factory=True)
    if _takes_list(field):
        kind: Any = str
        default = ",".join(map(str, default)) if isinstance(default, list | tuple) else default
    elif len(kinds) == 1 and kinds[0] in (bool, int, float, str) and not (nullable and default is not None):
        kind = kinds[0]
    elif all(each in (int, float, str) or get_origin(each) is Literal for each in kinds):
        kind = str
        default = str(default) if default not in (None, inspect.Parameter.empty) else default
    else:
        raise TypeError(f"field '{name}' of type {field.annotation} cannot be an option of a command")
    hint = Annotated[kind | None if nullable else kind, typer.Option(help=_help(field, section))]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _help(field: "FieldInfo", section: type[Section]) -> str:
    """Return the field's description for the command line: with option names for fields, and ``none`` for null."""
    kinds, nullable = _kinds(field.annotation)
    default = field.get_default(call_default_factory=True)
    text = (field.description or "").rstrip(".")
    text = f"{text[:1].upper()}{text[1:]}."
    text = re.sub(r"\bnull\b", "the default" if default is None else NONE, text)
    for name in section.model_fields:
        # A key of one common word is meant as a key only behind "with".
        text = re.sub(rf"\b{name}\b" if "_" in name else rf"(?<=\bwith ){name}\b", option_name(name), text)
    names = _literals(kinds)
    if names and not all(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) for name in names):
        several = "Any of, with commas between them" if _takes_list(field) else "One of"
        text += f" {several}: {', '.join(names)}."
    elif _takes_list(field) and "comma" not in text:
        text += " Values are separated by commas."
    return f"{text} Or {NONE}." if nullable and default is not None and NONE not in text else text


def _parsed(value: Any, field: "FieldInfo") -> Any:
    """Convert the text of an option to the value that the model expects."""
    _, nullable = _kinds(field.annotation)
    if nullable and field.get_default(call_default_factory=True) is not None and value == NONE:
        return None
    if isinstance(value, str) and _takes_list(field):
        return [each.strip() for each in value.split(",") if each.strip()]
    return value


def _refusal(error: "ValidationError", section: type[Section], given: dict[str, Any]) -> str:
    """Describe the first error of a section in terms of command-line options."""
    faults = error.errors()
    if not faults[0]["loc"]:
        return _in_options(_said(faults[0]), section)
    name = str(faults[0]["loc"][0])
    expected = dict.fromkeys(_expected(fault) for fault in faults if fault["loc"] and fault["loc"][0] == name)
    field = section.model_fields.get(name)
    if field is not None and _kinds(field.annotation)[1] and field.get_default() is not None:
        expected[NONE] = None
    return f"{option_name(name)}: expected {' or '.join(expected)}, found '{given.get(name)}'"


def _said(fault: Any) -> str:
    return str(fault["msg"]).removeprefix("Value error, ")


def _expected(fault: Any) -> str:
    context = {
        name: f"{value:g}" if isinstance(value, float) else value for name, value in fault.get("ctx", {}).items()
    }
    bounds = {
        "greater_than": "a number above {gt}",
        "greater_than_equal": "{ge} or more",
        "less_than": "a number below {lt}",
        "less_than_equal": "at most {le}",
        "multiple_of": "a multiple of {multiple_of}",
        "literal_error": "{expected}",
        "too_short": "at least {min_length} values",
        "too_long": "at most {max_length} values",
        "int_parsing": "a whole number",
        "float_parsing": "a number",
        "string_pattern_mismatch": "WORD=MEANING in letters and digits",
    }
    form = bounds.get(fault["type"])
    return _said(fault).removeprefix("Input should be ") if form is None else form.format(**context)


def _in_options(said: str, section: type[Section]) -> str:
    """Replace field names by option names: the first word, and every name with an underscore."""
    for name in section.model_fields:
        first = rf"^{name}\b|\b{name}\b" if "_" in name else rf"^{name}\b"
        said = re.sub(first, option_name(name), said)
    return said


def _kinds(annotation: Any) -> tuple[list[Any], bool]:
    """Return the types of a field other than None, and whether the field accepts None."""
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    parts = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    parts = tuple(get_args(each)[0] if get_origin(each) is Annotated else each for each in parts)
    return [each for each in parts if each is not NoneType], NoneType in parts


def _takes_list(field: "FieldInfo") -> bool:
    return any((get_origin(each) or each) in (list, tuple) for each in _kinds(field.annotation)[0])


def _literals(kinds: list[Any]) -> list[str]:
    """Return the choices of a field, from its literals or from those within its list."""
    found: list[str] = []
    for each in kinds:
        if get_origin(each) is Literal:
            for name in get_args(each):
                found += _literals([name]) if get_origin(name) is Literal else [str(name)]
        elif get_origin(each) in (list, tuple):
            found += _literals([part for part in get_args(each) if part is not Ellipsis])
    return found


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
