"""Read what stands of a product to the last byte, and find what is damaged.

Snakemake goes by names and times of files: a file whose content was lost later is to it a file like any other.
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
    """What a rule must make anew.

    Parameters
    ----------
    output
        The rule's output: a file, or the folder that holds the damaged file.
    fault
        One line that names the file.
    """

    output: Path
    fault: str


def check(stages: Sequence[StageJobs], marks: Marks) -> tuple[int, list[Damage]]:
    """Verify every checksum of the outputs that stand and are not just being written.

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
                break  # replaced or removed by a run meanwhile
            except OSError as error:
                damage.append(Damage(output, f"{path}: cannot be read ({error.strerror or error})"))
                break
    return read, damage


def delete(damage: Iterable[Damage]) -> None:
    """Remove the damaged outputs; what was made of them is left, and made anew when they are."""
    for each in damage:
        if each.output.is_dir() and not each.output.is_symlink():
            shutil.rmtree(each.output)
        else:
            each.output.unlink(missing_ok=True)


def _verifications(output: Path, job: Job) -> Iterable[tuple[Path, Callable[[Path], object]]]:
    """Files of an output, each with what verifies it."""
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
    except ValueError as error:  # of the decoding, too
        raise CxrError(f"{path}: not readable as JSON ({error})") from error
