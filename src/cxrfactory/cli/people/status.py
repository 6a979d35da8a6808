"""Command that shows the progress of a product and checks its files."""

from pathlib import Path
from typing import Annotated

import typer


def status(
    target: Annotated[
        str | None,
        typer.Argument(help="Name or folder of the product; that of a plain `snakemake` run if left out."),
    ] = None,
    configfile: Annotated[Path, typer.Option(help="Config file of the run.")] = Path("config.yaml"),
    check: Annotated[bool, typer.Option("--check", help="Read all files and verify their checksums.")] = False,
    delete_damaged: Annotated[
        bool,
        typer.Option(
            "--delete-damaged", help="With --check: delete damaged files, so that the next run makes them again."
        ),
    ] = False,
) -> None:
    """Show the progress of a product: shards, rows, rejections, remaining time. It changes nothing."""
    from datetime import datetime

    from cxrfactory.config import read_config
    from cxrfactory.errors import CxrError
    from cxrfactory.status.check import check as verify
    from cxrfactory.status.check import delete
    from cxrfactory.status.jobs import products, stages_of
    from cxrfactory.status.marks import Marks
    from cxrfactory.status.report import again, report
    from cxrfactory.status.survey import survey

    if delete_damaged and not check:
        raise CxrError("--delete-damaged goes with --check; give both")
    config = read_config(configfile)
    name = Path(target or products()[0]).name
    stages, marks = stages_of(config, name), Marks()
    if not check:
        typer.echo("\n".join(report(name, survey(stages, marks), datetime.now(), marks.locked)))
        return
    if delete_damaged and marks.locked:
        raise CxrError("--delete-damaged: Snakemake holds its lock here; wait, or after a kill: snakemake --unlock")
    read, damage = verify(stages, marks)
    typer.echo(f"{name}: {read} files and folders read, {len(damage)} damaged")
    if not damage:
        return
    typer.echo("\n".join(f"damaged: {each.fault}" for each in damage))
    if delete_damaged:
        delete(damage)
    configured = None if configfile == Path("config.yaml") else configfile
    typer.echo("\n".join(again(damage, f"{config.results.rstrip('/')}/{name}", configured, delete_damaged)))
    if not delete_damaged:
        raise CxrError(f"{name}: {len(damage)} outputs are damaged; run the commands above")
