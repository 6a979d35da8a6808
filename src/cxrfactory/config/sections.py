"""What all parts of the config have in common: unknown keys are refused, fields become options."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A part of the config; keys that it does not name are an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def options(self, *names: str) -> str:
        """Command-line options of the named fields (all when none is named), e.g. ``--epochs 60``.

        Booleans become ``--name`` or ``--no-name``; a list becomes comma-separated; ``None`` is left out
        where it is the default, else ``none``.
        """
        parts = []
        for name in names or tuple(type(self).model_fields):
            value, flag = getattr(self, name), name.replace("_", "-")
            if value is None:
                if type(self).model_fields[name].default is not None:
                    parts.append(f"--{flag} none")
                continue
            if isinstance(value, bool):
                parts.append(f"--{flag}" if value else f"--no-{flag}")
            else:
                text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
                parts.append(f"--{flag} '{text}'")
        return " ".join(parts)
