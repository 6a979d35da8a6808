"""Common behaviour of all parts of the config: unknown keys are refused, and fields become command-line options."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A part of the config; unknown keys are an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def options(self, *names: str) -> list[str]:
        """Return the command-line options of the named fields (by default all), one item each, e.g. ``--epochs=60``.

        Booleans become ``--name`` or ``--no-name``, and the items of a list are joined by commas. ``None`` is omitted
        if it is the default, and otherwise becomes ``none``. The items are not quoted: a rule writes
        ``{params.options:q}``, and Snakemake quotes every item.
        """
        found = []
        for name in names or tuple(type(self).model_fields):
            value, flag = getattr(self, name), name.replace("_", "-")
            if isinstance(value, bool):
                found.append(f"--{flag}" if value else f"--no-{flag}")
            elif value is None and type(self).model_fields[name].default is not None:
                found.append(f"--{flag}=none")
            elif value is not None:
                text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
                found.append(f"--{flag}={text}")
        return found
