"""What every outcome must fulfil, a time limit for code that hangs, and a small memory for bombs."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cxrfactory.errors import CxrError

from .corpus.case import KEPT, Case
from .runners import Result

CASE_SECONDS = 10
BOMB_SECONDS = 40
BOMB_BYTES = 900 << 20  # beyond what the imported libraries take
LONGEST_REASON = 400


class TookTooLong(BaseException):
    """No error that code under test may catch."""


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Break off what runs longer, a wait for a pipe too."""

    def stop(*_: object) -> None:
        raise TookTooLong(f"ran longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def check_reason(reason: str, folder: Path, may_name_input: bool = False) -> None:
    """One line that a person can read; no path but, in refusals, the input's own."""
    assert reason.strip()
    assert reason.isprintable(), repr(reason)
    assert len(reason) <= LONGEST_REASON, reason
    assert "Traceback" not in reason
    rest = re.sub(re.escape(str(folder)) + r"[\w./-]*", "", reason) if may_name_input else reason
    assert not re.search(r"(?:^|[\s'\"(])/(?:\w+/)+\w", rest), reason


def check(case: Case, result: Result, folder: Path, may_name_input: bool = False) -> None:
    """Compare what came of a case with what it declares."""
    assert result.outcome == case.outcome, f"{result.outcome}: {result.reason or result.value!r}"
    if case.outcome != KEPT:
        check_reason(result.reason, folder, may_name_input)
        assert re.search(case.says, result.reason), result.reason
        assert "MemoryError" not in result.reason


def run_bombs(family: str, names: Sequence[str]) -> dict[str, Result]:
    """Run cases in processes of their own, each with :data:`BOMB_BYTES` and :data:`BOMB_SECONDS`."""
    program = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.faults.bombs", family, *names],
        cwd=Path(__file__).parents[2],
        env=os.environ
        | {
            "OMP_NUM_THREADS": "1",
            "NUMBA_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "ARROW_DEFAULT_MEMORY_POOL": "system",
        },
        capture_output=True,
        text=True,
        timeout=BOMB_SECONDS * (len(names) + 1),
        check=True,
    )
    return {name: Result(*pair) for name, pair in json.loads(program.stdout.splitlines()[-1]).items()}


def confined(run: Callable[[Case, Path], Result], case: Case) -> tuple[str, str]:
    """Outcome and reason of a case that is run in a fork of this process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pid = os.fork()
        if pid == 0:
            _child(run, case, folder)
        _, status = os.waitpid(pid, 0)
        answer = folder / "answer.json"
        if not answer.is_file():
            return "died", f"wait status {status}"
        outcome, reason = json.loads(answer.read_text())
        return outcome, reason.replace(f"{folder}/inner/release/", "")


def _child(run: Callable[[Case, Path], Result], case: Case, folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()

    def make(target: Path) -> Any:
        made = case.make(target)
        # Only now: making a bomb may need more than reading it.
        own = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (own + BOMB_BYTES,) * 2)
        return made

    signal.alarm(BOMB_SECONDS)
    try:
        result = run(Case(case.name, case.outcome, make), inner)
        answer = (result.outcome, result.reason)
    except CxrError as error:
        answer = ("refused", str(error))
    except BaseException:
        answer = ("crashed", traceback.format_exc())
    (folder / "answer.json").write_text(json.dumps(answer))
    os._exit(0)
