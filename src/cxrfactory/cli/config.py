"""``cxrfactory config``."""

from pathlib import Path
from typing import Annotated

import typer


def config(
    check: Annotated[Path | None, typer.Option(help="Config file to check.")] = None,
    write: Annotated[bool, typer.Option(help="Write config.yaml and its JSON schema into --root.")] = False,
    root: Annotated[Path, typer.Option(help="The project's folder.")] = Path(),
) -> None:
    """Print the default config, check one, or write the default and its schema anew."""
    from cxrfactory.config import default_yaml, json_schema, read_config
    from cxrfactory.tables.atomic import write_text

    if check is not None:
        found = read_config(check)
        typer.echo(f"{check}: fits; releases: {', '.join(found.datasets)}")
    elif write:
        write_text(root / "config.yaml", default_yaml())
        write_text(root / "workflow/schemas/config.schema.json", json_schema())
    else:
        typer.echo(default_yaml(), nl=False)
