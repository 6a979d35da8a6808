"""Read all existing files of a product in full, and find damaged ones.

Snakemake checks only names and times of files. It cannot notice that a file's content was damaged later.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cxrfactory.errors import CxrError
from cxrfactory.logs import progress
from cxrfactory.status.jobs import Job, StageJobs
from cxrfactory.status.marks import Marks
from cxrfactory.tables.parquet import check_whole
from cxrfactory.tables.sums import PRODUCT_SUMS, SUMS, check_sums
from cxrfactory.tables.weights import read_weights


@dataclass(frozen=True)
class Damage:
    """Damaged output that a rule must make again.

    Parameters
    ----------
    output
        Output of the rule: a file, or the folder that holds the damaged file.
    fault
        One line that names the damaged file.
    """

    output: Path
    fault: str


def check(stages: Sequence[StageJobs], marks: Marks) -> tuple[int, list[Damage]]:
    """Verify every checksum of the outputs that exist and are not being written.

    Returns
    -------
    Number of files read, and the damage, in the order of the data flow.
    """
    outputs = [
        (output, job)
        for stage in stages
        for job in stage.jobs
        for output in job.outputs
        if output.exists() and not any(map(marks.unfinished, job.outputs))
    ]
    read, damage = 0, []
    for output, job in progress(outputs, "check"):
        for path, verify in _verifications(output, job):
            read += 1
            try:
                verify(path)
            except CxrError as error:
                damage.append(Damage(output, str(error)))
                break
            except FileNotFoundError:
                break  # a run has replaced or removed the file meanwhile
            except OSError as error:
                damage.append(Damage(output, f"{path}: cannot be read ({error.strerror or error})"))
                break
    return read, damage


def delete(damage: Iterable[Damage]) -> None:
    """Remove the damaged outputs; files made from them stay, and Snakemake makes them again later."""
    for each in damage:
        if each.output.is_dir() and not each.output.is_symlink():
            shutil.rmtree(each.output)
        else:
            each.output.unlink(missing_ok=True)


def _verifications(output: Path, job: Job) -> Iterable[tuple[Path, Callable[[Path], object]]]:
    """Yield the files of an output, each with the function that verifies it."""
    if output.is_dir():
        if (output / SUMS).is_file():
            yield output / SUMS, check_sums
        for beside in job.outputs:
            if beside != output and (beside / PRODUCT_SUMS).is_file():
                yield beside / PRODUCT_SUMS, partial(check_sums, root=output)
    elif output.suffix == ".parquet":
        yield output, check_whole
    elif output.suffix == ".safetensors":
        yield output, read_weights
    elif output.suffix == ".json":
        yield output, _check_json


def _check_json(path: Path) -> None:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # includes errors of the decoding
        raise CxrError(f"{path}: not readable as JSON ({error})") from error
