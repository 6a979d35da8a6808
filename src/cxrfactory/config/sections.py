"""Common behaviour of all parts of the config: unknown keys are refused, and fields become command-line options."""

import os
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


def expand_home(path: str) -> str:
    """Return a path with ``~`` or ``~user`` at its start replaced by the home folder, as a shell does.

    Nothing else is replaced: ``$NAME`` is part of a path's name.

    Raises
    ------
    ValueError
        If the machine has no such user.
    """
    found = os.path.expanduser(path)
    if found.startswith("~"):
        raise ValueError("'~' at the start of a path stands for a home folder, and there is none of that name; "
                         "expected the full path, or './~...' for a folder whose own name begins with '~'")  # fmt: skip
    return found


LocalPath = Annotated[str, AfterValidator(expand_home)]


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
