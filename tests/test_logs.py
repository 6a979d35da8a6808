import io
import logging
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrfactory import logs


@pytest.fixture
def lines(monkeypatch):
    """What goes to standard error, as lines, of a stream that is no terminal."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    root = logging.getLogger("cxrfactory")
    before = (root.handlers, root.level, root.propagate)
    logs.setup()
    yield lambda: stream.getvalue().splitlines()
    root.handlers, root.level, root.propagate = before


def clock(monkeypatch, seconds_each):
    """Make each look at the clock cost so much time."""
    state = [0.0]

    def now():
        state[0] += seconds_each
        return state[0]

    monkeypatch.setattr(logs.time, "monotonic", now)


def test_a_line_names_the_shard_meanwhile_and_only_then(lines):
    log = logs.get_logger("cxrfactory.infer")
    log.info("before")
    with logs.about_shard("results/infer/padchest/0003-of-0100.parquet"):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(log.warning, "rejected %s: %s", "a.png", "no landmarks").result()
        with logs.about_shard("x/0001-of-0004.images.parquet"):
            log.info("inner")
    log.info("after")
    assert [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", "", line) for line in lines()] == [
        "INFO before",
        "WARNING [padchest/0003-of-0100] rejected a.png: no landmarks",
        "INFO [x/0001-of-0004] inner",
        "INFO after",
    ]


def test_the_shard_is_forgotten_after_an_error(lines):
    with pytest.raises(ZeroDivisionError), logs.about_shard("x.parquet"):
        raise ZeroDivisionError
    logs.get_logger("cxrfactory.a").info("free")
    assert lines()[0].endswith("INFO free")


def test_progress_tells_rate_and_time_left(lines, monkeypatch):
    clock(monkeypatch, 0.25)
    assert list(logs.progress(range(200), "infer")) == list(range(200))
    shown = [line.split("INFO ")[1] for line in lines()]
    assert shown[0] == "infer: 40 of 200 (20 %), 4/s, 40 s left"
    assert shown[1] == "infer: 80 of 200 (40 %), 4/s, 30 s left"
    assert shown[-1] == "infer: 200 in 50 s, 3.98/s"
    assert len(shown) == 6


def test_work_without_a_known_end_and_slow_work(lines, monkeypatch):
    clock(monkeypatch, 12.0)
    assert list(logs.progress(iter("ab"), "slices")) == ["a", "b"]
    assert [line.split("INFO ")[1] for line in lines()] == [
        "slices: 1 in 12 s, 12 s each",
        "slices: 2 in 24 s, 12 s each",
        "slices: 2 in 36 s, 18 s each",
    ]


def test_quick_or_empty_work_says_nothing(lines):
    assert list(logs.progress([], "none")) == []
    assert list(logs.progress([1, 2], "quick")) == [1, 2]
    assert lines() == []


def test_a_long_run_writes_a_bounded_number_of_lines(lines, monkeypatch):
    clock(monkeypatch, 1.0)  # 4000 items in 4000 s: a line every 40 s
    for _ in logs.progress(range(4000), "long"):
        pass
    assert 95 <= len(lines()) <= 105


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.floats(0.001, 1e7))
def test_lines_are_10_to_60_seconds_apart(done, more, spent_s):
    assert logs.SHORTEST_INTERVAL_S <= logs._interval_s(done, done + more, spent_s) <= logs.LONGEST_INTERVAL_S


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (89, "89 s"), (100, "2 min"), (3599, "1 h 00 min"), (11_100, "3 h 05 min"), (190_000, "2 d 4 h")],
)
def test_durations_in_words(seconds, words):
    assert logs.duration(seconds) == words


def test_a_terminal_gets_a_bar_and_whole_lines(monkeypatch):
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", stream)
    root = logging.getLogger("cxrfactory")
    before = (root.handlers, root.level, root.propagate)
    logs.setup()
    try:
        for number in logs.progress(range(3), "bar"):
            if number == 1:
                with logs.about_shard("r/0000-of-0001.parquet"):
                    logs.get_logger("cxrfactory.a").info("an event")
    finally:
        root.handlers, root.level, root.propagate = before
    assert "3/3" in stream.getvalue()
    assert re.search(r"INFO \[r/0000-of-0001\] an event\n", stream.getvalue())
