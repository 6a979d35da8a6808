"""The config: print, check, write."""

from pathlib import Path
from typing import Annotated

import typer


def config(
    check: Annotated[Path | None, typer.Option(help="Config file to check.")] = None,
    write: Annotated[
        bool, typer.Option(help="Write config.yaml, its JSON schema and the table of results into --root.")
    ] = False,
    root: Annotated[Path, typer.Option(help="The project's folder.")] = Path(),
    values: Annotated[str | None, typer.Option(help="Config as JSON, to be written to --output.")] = None,
    output: Annotated[Path | None, typer.Option(help="YAML file for --values, all defaults written out.")] = None,
) -> None:
    """Print the default config, check one, write one out in full, or write the default and its schema anew."""
    import json

    from cxrfactory.config import commented_yaml, default_yaml, json_schema, parse_config, read_config
    from cxrfactory.errors import CxrError
    from cxrfactory.ingest.datasets import complete
    from cxrfactory.tables.atomic import write_text
    from cxrfactory.workflow.table import write as write_map

    if check is not None:
        found = complete(read_config(check))
        typer.echo(f"{check}: fits; releases: {', '.join(found.datasets)}")
    elif values is not None or output is not None:
        if values is None or output is None:
            raise CxrError("config: --values and --output go together")
        write_text(output, commented_yaml(parse_config(json.loads(values), "--values"), []))
    elif write:
        write_text(root / "config.yaml", default_yaml())
        write_text(root / "workflow/schemas/config.schema.json", json_schema())
        write_map(root)
    else:
        typer.echo(default_yaml(), nl=False)
