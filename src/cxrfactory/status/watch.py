"""Show the status of a product again and again, until it is complete or the user stops."""

import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO

INTERVAL_S = 5.0
_CLEAR = "\x1b[H\x1b[2J"  # cursor home, clear the screen


def watch(
    look: Callable[[], tuple[list[str], bool]],
    stream: TextIO | None = None,
    interval_s: float = INTERVAL_S,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Print the lines of a status whenever they change.

    On a terminal each state replaces the one before. Elsewhere, as in a file, the first line is added whenever the
    number of finished jobs has changed, so that the file stays short.

    Parameters
    ----------
    look
        Function that returns the lines, and whether the product is complete or no run goes on.
    stream
        Stream to print to; by default standard output.
    interval_s
        Seconds between two looks.
    wait
        Function that waits for some seconds.
    """
    stream = sys.stdout if stream is None else stream
    terminal, before = stream.isatty(), None
    for lines in _states(look, interval_s, wait):
        if lines == before:
            continue
        if terminal:
            stream.write(_CLEAR + "\n".join(lines) + "\n")
        elif before is None:
            stream.write("\n".join(lines) + "\n")
        elif _done(lines) != _done(before):
            stream.write(lines[0] + "\n")
        stream.flush()
        before = lines


def _done(lines: list[str]) -> str:
    """Return the part of the first line that says how many jobs are done; times in it change with every look."""
    return lines[0].split(";")[0]


def _states(
    look: Callable[[], tuple[list[str], bool]], interval_s: float, wait: Callable[[float], None]
) -> Iterator[list[str]]:
    while True:
        lines, ended = look()
        yield lines
        if ended:
            return
        wait(interval_s)
