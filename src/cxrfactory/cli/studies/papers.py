"""Commands of the papers' studies; the rules call them."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.options import with_options
from cxrfactory.config.paper_studies import StudyRunConfig


@with_options(StudyRunConfig)
def part(
    study: Annotated[str, typer.Argument(help="Name of the study (study --list).")],
    name: Annotated[str, typer.Argument(help="Name of the part.")],
    output: Annotated[Path, typer.Option(help="Folder to write.")],
    given: Annotated[
        list[str] | None, typer.Option("--input", help="A path that the part reads, as KEY=PATH; repeat.")
    ] = None,
    *,
    study_run_config: StudyRunConfig,
) -> None:
    """Run one part of a paper's study that is its own code, such as its summary; the rules call this."""
    from cxrfactory.errors import CxrError
    from cxrfactory.studies.catalogue import study_of

    inputs: dict[str, list[Path]] = {}
    for each in given or []:
        key, equals, path = each.partition("=")
        if not (key and equals and path):
            raise CxrError(f"--input: found '{each}'; expected KEY=PATH")
        inputs.setdefault(key, []).append(Path(path))
    function = study_of(study).load(name)
    output.mkdir(parents=True, exist_ok=True)
    function(inputs, output, study_run_config)


def page(
    findings: Annotated[list[Path], typer.Argument(help="Folders of findings (results/study/NAME).")],
    output: Annotated[Path, typer.Option(help="Page to write (Markdown).")],
) -> None:
    """Gather the findings of the papers' studies on one page."""
    from cxrfactory.studies.page import write_page

    write_page(findings, output)
