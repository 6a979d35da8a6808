"""Read an export of Label Studio: its tasks, and the annotation of each that is used."""

import json
from pathlib import Path

from cxrfactory.errors import CxrError, ImageError
from cxrfactory.evaluate.gold.studio import Annotation, Region, Task


def read_tasks(export: Path) -> list[Task]:
    """Read the tasks of an export in the format JSON.

    Raises
    ------
    CxrError
        If the file is missing, or is not such an export.
    """
    try:
        tasks = json.loads(export.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise CxrError(f"{export}: no such file; expected an export of Label Studio (JSON)") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CxrError(f"{export}: not readable as JSON ({error})") from error
    if not isinstance(tasks, list) or not all(isinstance(each, dict) and "data" in each for each in tasks):
        raise CxrError(f"{export}: no list of tasks with 'data'; export the project in the format JSON (not JSON-MIN)")
    return tasks


def regions_of_reader(annotations: list[Annotation], annotator: int | None) -> list[Region]:
    """Return the regions of the only annotation of a task that is used.

    Parameters
    ----------
    annotations
        All annotations of the task.
    annotator
        Id of the user whose annotations are used; None where every task has one annotation.

    Raises
    ------
    ImageError
        If the task was skipped, was not annotated, or has several annotations.
    """
    if annotator is not None:
        annotations = [each for each in annotations if _user(each) == annotator]
    if not annotations:
        raise ImageError("not annotated" if annotator is None else f"not annotated by user {annotator}")
    done = [each for each in annotations if not each.get("was_cancelled", False)]
    if not done:
        raise ImageError("skipped by the reader")
    if len(done) > 1:
        raise ImageError(f"{len(done)} annotations; expected one: choose a user (--annotator), or delete the others")
    return done[0].get("result", [])


def _user(annotation: Annotation) -> int | None:
    """Return the user's id; some exports store the user's record instead of the id."""
    user = annotation.get("completed_by")
    return user.get("id") if isinstance(user, dict) else user
