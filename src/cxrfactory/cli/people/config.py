"""Command that prints, checks and writes configs."""

from pathlib import Path
from typing import Annotated

import typer


def config(
    check: Annotated[Path | None, typer.Option(help="Config file to check.")] = None,
    write: Annotated[
        bool, typer.Option(help="Write config.yaml, its JSON Schema and the table of results into --root.")
    ] = False,
    root: Annotated[Path, typer.Option(help="Root folder of the project.")] = Path(),
    values: Annotated[str | None, typer.Option(help="Config as JSON to write to --output.")] = None,
    output: Annotated[Path | None, typer.Option(help="YAML file to write --values to, with all defaults.")] = None,
) -> None:
    """Print the default config, check a config, or write a config with all its defaults."""
    from cxrfactory.config import commented_yaml, default_yaml, json_schema, parse_config, read_config
    from cxrfactory.config.missing import missing_paths
    from cxrfactory.errors import CxrError
    from cxrfactory.ingest.datasets import complete
    from cxrfactory.tables.atomic import write_text
    from cxrfactory.tables.key_values import parse_json
    from cxrfactory.workflow.table import write as write_map

    if check is not None:
        given = read_config(check)
        found = complete(given)
        parts = []
        for section, word in (("datasets", "releases"), ("scans", "scans")):
            default = "" if section in given.model_fields_set else " (the default; the file names none)"
            parts.append(f"{word}: {', '.join(getattr(found, section)) or 'none'}{default}")
        typer.echo(f"{check}: fits; {'; '.join(parts)}")
        for sentence in missing_paths(given):
            typer.echo(f"warning: {check}: {sentence}", err=True)
    elif values is not None or output is not None:
        if values is None or output is None:
            raise CxrError("config: --values and --output go together")
        write_text(output, commented_yaml(parse_config(parse_json(values, "--values"), "--values"), []))
    elif write:
        write_text(root / "config.yaml", default_yaml())
        write_text(root / "workflow/schemas/config.schema.json", json_schema())
        write_map(root)
    else:
        typer.echo(default_yaml(), nl=False)
