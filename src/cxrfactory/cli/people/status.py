"""Command that shows the progress of a product and checks its files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxrfactory.status.jobs import StageJobs


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
    watching: Annotated[
        bool, typer.Option("--watch", help="Show the status again every few seconds, until the run ends; Ctrl-C stops.")
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
    if watching:
        if check:
            raise CxrError("--watch and --check do not go together; give one of them")
        _watch(name, stages)
        return
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


def _watch(name: str, stages: "Sequence[StageJobs]") -> None:
    """Show the status until every job is done, or Snakemake does not run any more; Ctrl-C ends it quietly."""
    from contextlib import suppress
    from datetime import datetime

    from cxrfactory.status.marks import Marks
    from cxrfactory.status.report import report
    from cxrfactory.status.survey import survey
    from cxrfactory.status.watch import watch

    def look() -> tuple[list[str], bool]:
        marks = Marks()
        states = survey(stages, marks)
        ended = not marks.locked or not any(each.remaining for each in states)
        return report(name, states, datetime.now(), marks.locked), ended

    with suppress(KeyboardInterrupt):
        watch(look)
