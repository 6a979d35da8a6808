import io

from cxrfactory.status.watch import watch

STATES = [
    ["p: 1 of 3 jobs done; 9 s left", "", "table 1"],
    ["p: 1 of 3 jobs done; 4 s left", "", "table 1"],
    ["p: 2 of 3 jobs done; 2 s left", "", "table 2"],
    ["p: 2 of 3 jobs done; 2 s left", "", "table 2"],
    ["p: 3 of 3 jobs done", "", "table 3"],
    ["never", "asked for"],
]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def watched(stream):
    states, waits = iter(STATES), []

    def look():
        lines = next(states)
        return lines, lines[0] == "p: 3 of 3 jobs done"

    watch(look, stream, 7, waits.append)
    assert waits == [7] * 4
    return stream.getvalue()


def test_a_terminal_shows_each_new_state_in_the_place_of_the_last():
    screens = watched(Terminal()).split("\x1b[H\x1b[2J")
    assert screens == ["", *("\n".join(STATES[place]) + "\n" for place in (0, 1, 2, 4))]


def test_a_file_gets_the_first_state_and_then_a_line_for_each_change():
    lines = ["p: 1 of 3 jobs done; 9 s left", "", "table 1", "p: 2 of 3 jobs done; 2 s left", "p: 3 of 3 jobs done"]
    assert watched(io.StringIO()) == "\n".join(lines) + "\n"
