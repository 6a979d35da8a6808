"""Log lines and progress: progress is a bar on a terminal and plain lines in a log file.

Each event is one line: time, level, the shard if the work belongs to one (:func:`about_shard`), and the message.
"""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

# A plain progress line is written after every hundredth of the expected time, within these limits.
SHORTEST_INTERVAL_S = 10.0
LONGEST_INTERVAL_S = 60.0

_about: list[str] = []  # global to the process, because the worker threads of a shard log for it too


class _Line(logging.Formatter):
    """Formatter that puts the name of the current shard before the message."""

    def format(self, record: logging.LogRecord) -> str:
        record.about = f"[{_about[-1]}] " if _about else ""
        return super().format(record)


def get_logger(name: str) -> logging.Logger:
    """Return the logger of a module; its lines go where :func:`setup` sent them."""
    return logging.getLogger(name)


def setup(level: int = logging.INFO) -> None:
    """Send the package's log lines to standard error, so that standard output stays free for data."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line("%(asctime)s %(levelname)s %(about)s%(message)s", datefmt="%Y-%m-%d %H:%M:%S"))
    root = logging.getLogger("cxrfactory")
    root.handlers = [handler]
    root.setLevel(level)
    root.propagate = False


@contextmanager
def about_shard(output: str | Path) -> Iterator[None]:
    """Name a shard, such as ``release/0003-of-0007``, in every log line of the process inside the ``with`` block.

    Parameters
    ----------
    output
        File of the shard, such as ``.../release/0003-of-0007.parquet``.
    """
    path = Path(output)
    _about.append("/".join(part for part in (path.parent.name, path.name.split(".")[0]) if part))
    try:
        yield
    finally:
        _about.pop()


def progress(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Iterate over items and show the count, the rate and the remaining time.

    A terminal shows a tqdm bar. Elsewhere, plain log lines are written at intervals of 10 to 60 seconds or more.

    Parameters
    ----------
    items
        Items to iterate over.
    description
        Text before the count.
    total
        Number of items; ``len(items)`` if it is not given and the items have a length.

    Yields
    ------
    T
        The items, unchanged and in their order.
    """
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    if sys.stderr.isatty():
        from tqdm import tqdm
        from tqdm.contrib.logging import logging_redirect_tqdm

        with logging_redirect_tqdm([logging.getLogger("cxrfactory")]):
            yield from tqdm(items, desc=description, total=total)
        return
    log = get_logger("cxrfactory.progress")
    done, start = 0, time.monotonic()
    last = start
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last >= _interval_s(done, total, now - start):
            last = now
            log.info("%s: %s", description, _state(done, total, now - start))
    if last > start:
        log.info("%s: %s", description, _state(done, None, time.monotonic() - start))


def _interval_s(done: int, total: int | None, spent_s: float) -> float:
    whole_s = 0.0 if total is None else spent_s * total / done
    return min(max(SHORTEST_INTERVAL_S, whole_s / 100), LONGEST_INTERVAL_S)


def _state(done: int, total: int | None, spent_s: float) -> str:
    """Return the state as text, such as ``120 of 1000 (12 %), 3.4/s, 4 min left``.

    Without a total, the text states the number of items done, the time spent and the rate.
    """
    rate = done / spent_s if spent_s > 0 else 0.0
    speed = f"{rate:.3g}/s" if rate >= 1 or not done else f"{spent_s / done:.3g} s each"
    if total is None:
        return f"{done} in {duration(spent_s)}, {speed}"
    share = 100 * done // max(total, 1)
    return f"{done} of {total} ({share} %), {speed}, {duration((total - done) * spent_s / done)} left"


def duration(seconds: float) -> str:
    """Return a duration as text, such as ``35 s``, ``4 min``, ``3 h 05 min`` or ``2 d 4 h``."""
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"


def last_line(path: Path, tail_bytes: int = 4096) -> str:
    """Return the last non-empty line of a log.

    Parameters
    ----------
    path
        Log file. If it cannot be read, ``no log`` is returned.
    tail_bytes
        Only this many bytes at the end of the file are read.
    """
    try:
        with path.open("rb") as stream:
            stream.seek(max(path.stat().st_size - tail_bytes, 0))
            lines = stream.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return "no log"
    return next((line.strip() for line in reversed(lines) if line.strip()), "the log is empty")
