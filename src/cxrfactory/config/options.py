"""Command-line options made from a config section, so that the two cannot drift apart."""

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxrfactory.config import PreprocessConfig, Section

if TYPE_CHECKING:
    from cxrfactory.imaging.radiograph.prepare import Preparation


def with_options(*sections: type[Section]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option a field of each section, with the field's default and meaning.

    The command is called with one checked section object a section, as keyword arguments named after the
    class: ``TrainConfig`` arrives as ``train_config``. Lists are given comma-separated.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command).parameters
        names = {_snake(section.__name__) for section in sections}
        parameters = [each for name, each in own.items() if name not in names]
        for section in sections:
            for name, field in section.model_fields.items():
                default, kind = field.default, _plain(field)
                if isinstance(default, list):
                    default = ",".join(map(str, default))
                hint = Annotated[kind, typer.Option(help=f"{field.description}.")]
                parameters.append(
                    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
                )

        signature = inspect.Signature(parameters)

        @functools.wraps(command)
        def wrapper(*positional: Any, **named: Any) -> None:
            from pydantic import ValidationError

            from cxrfactory.errors import CxrError

            bound = signature.bind(*positional, **named)
            bound.apply_defaults()
            given, built = dict(bound.arguments), {}
            for section in sections:
                values = {name: given.pop(name) for name in section.model_fields}
                for name, field in section.model_fields.items():
                    if isinstance(field.default, list):
                        values[name] = [each for each in str(values[name]).split(",") if each.strip()]
                try:
                    built[_snake(section.__name__)] = section.model_validate(values)
                except ValidationError as error:
                    first = error.errors()[0]
                    option = str(first["loc"][0]).replace("_", "-") if first["loc"] else section.__name__
                    raise CxrError(f"--{option}: {first['msg']}, found {first.get('input')!r}") from error
            command(**given, **built)

        wrapper.__signature__ = signature  # type: ignore[attr-defined]
        wrapper.__annotations__ = {each.name: each.annotation for each in parameters}
        return wrapper

    return decorate


def preparation(config: PreprocessConfig) -> "Preparation":
    """Turn the config's preprocessing into the recipe of :mod:`cxrfactory.imaging.radiograph.prepare`."""
    from cxrfactory.imaging.radiograph.intensity import Clahe, Enhancement
    from cxrfactory.imaging.radiograph.prepare import Preparation

    clip = config.clahe_clip
    clahe = None if clip is None else Clahe(clip, config.clahe_tiles, config.clahe_engine)
    enhancement = Enhancement(clahe, config.equalise)
    return Preparation(config.size, config.remove_borders, enhancement, config.max_megapixels, config.burnt_in)


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _plain(field: Any) -> Any:
    if field.default is None:
        return field.annotation
    return str if isinstance(field.default, list) else type(field.default)
