"""Commands of the papers' studies; the rules call them."""

from pathlib import Path
from typing import Annotated

import typer

from cxrfactory.config.options import with_options
from cxrfactory.config.paper_studies import StudyOptions


@with_options(StudyOptions)
def part(
    study: Annotated[str, typer.Argument(help="Name of the study (study --list).")],
    name: Annotated[str, typer.Argument(help="Name of the part.")],
    output: Annotated[Path, typer.Option(help="Folder to write.")],
    given: Annotated[
        list[str] | None, typer.Option("--input", help="A path that the part reads, as KEY=PATH; repeat.")
    ] = None,
    pixel_mm: Annotated[
        list[str] | None,
        typer.Option(help="SOURCE=MM, side of a pixel of the source's image files in mm; repeat for each source."),
    ] = None,
    *,
    study_options: StudyOptions,
) -> None:
    """Run one part of a paper's study that is its own code, such as its summary; the rules call this."""
    from cxrfactory.config.paper_studies import StudyRunConfig
    from cxrfactory.errors import CxrError
    from cxrfactory.evaluate.generalise.pixel_sizes import pixel_sizes
    from cxrfactory.studies.catalogue import study_of

    inputs: dict[str, list[Path]] = {}
    for each in given or []:
        key, equals, path = each.partition("=")
        if not (key and equals and path):
            raise CxrError(f"--input: found '{each}'; expected KEY=PATH")
        inputs.setdefault(key, []).append(Path(path))
    settings = StudyRunConfig(**study_options.model_dump(), pixel_mm=pixel_sizes(pixel_mm or []))
    function = study_of(study).load(name)
    output.mkdir(parents=True, exist_ok=True)
    function(inputs, output, settings)


def page(
    findings: Annotated[list[Path], typer.Argument(help="Folders of findings (results/study/NAME).")],
    output: Annotated[Path, typer.Option(help="Page to write (Markdown).")],
    labelled: Annotated[
        list[Path] | None,
        typer.Option(help="Labelled table of the studies; repeat for several. The page then says what they lack."),
    ] = None,
) -> None:
    """Gather the findings of the papers' studies on one page, and say why others are missing."""
    from cxrfactory.studies.page import write_page

    write_page(findings, output, labelled or [])
