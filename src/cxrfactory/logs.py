"""Log lines and progress: a bar on a terminal, plain lines in a log."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

PLAIN_INTERVAL_S = 15.0


def get_logger(name: str) -> logging.Logger:
    """Return the logger of a module; its lines go where :func:`setup` sent them."""
    return logging.getLogger(name)


def setup(level: int = logging.INFO) -> None:
    """Send the package's log lines to standard error, so that standard output stays free for data."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S"))
    root = logging.getLogger("cxrfactory")
    root.handlers = [handler]
    root.setLevel(level)
    root.propagate = False


def progress(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Iterate with progress shown: a tqdm bar on a terminal, else a plain line every 15 s.

    Parameters
    ----------
    items
        What to iterate.
    description
        Shown before the count.
    total
        Number of items; taken from ``len(items)`` where that exists.
    """
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, desc=description, total=total)
        return
    log = get_logger("cxrfactory.progress")
    last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last >= PLAIN_INTERVAL_S:
            last = now
            log.info("%s: %d of %s", description, done, "?" if total is None else total)
