"""Tick boxes of forms: what stands at an empty box is not said."""

import re

_BOX = re.compile(
    r"\[\s*(x|\u2713|\u2714|\*)?\s*\]|(?P<round>\(\s*(?P<tick>x|\u2713|\u2714)?\s*\))|[\u2610\u2611\u2612]"
)
_MARKS = ("[", "\u2610", "\u2611", "\u2612", "(x)", "( x )")
_TICKED = frozenset("x\u2713\u2714*\u2611\u2612")
_STOPS = ".;,"
_BLANK = re.compile(r"[\s.,;:]*")
_ANSWER = re.compile(r"\w.*?\s(yes|no|present|absent|normal|abnormal)\s*$")
_FEW_WORDS = 3  # of a label before a single empty box


def without_unticked(text: str) -> str:
    """Return a text in which options with an empty box are blanks, and boxes too; its length stays.

    Boxes stand before their options ("[ ] normal [x] enlarged") unless nothing follows the last one
    ("normal [ ] enlarged [x]"). A single empty box behind more than a label is taken for a gap, not for a box.

    Parameters
    ----------
    text
        A sentence in lower case.

    Examples
    --------
    >>> " ".join(without_unticked("heart size: [ ] normal [x] enlarged").split())
    'heart size: enlarged'
    >>> " ".join(without_unticked("cardiomegaly: yes [ ] no [x]").split())
    'cardiomegaly: no'
    """
    if not any(mark in text for mark in _MARKS):
        return text
    boxes = list(_BOX.finditer(text))
    if not any(box["tick"] for box in boxes):  # "( )" alone is no box
        boxes = [box for box in boxes if not box["round"]]
    if not boxes:
        return text
    behind = _BLANK.fullmatch(text, boxes[-1].end()) is not None
    kept = list(text)
    for number, box in enumerate(boxes):
        begin, end = _behind(text, boxes, number) if behind else _before(text, boxes, number)
        kept[box.start() : box.end()] = " " * (box.end() - box.start())
        if _TICKED.isdisjoint(box[0]) and begin < end:
            kept[begin:end] = " " * (end - begin)
    return "".join(kept)


def _before(text: str, boxes: list[re.Match[str]], number: int) -> tuple[int, int]:
    """Return the place of the option behind a box: up to the next box, or to a comma or full stop."""
    begin = boxes[number].end()
    end = boxes[number + 1].start() if number + 1 < len(boxes) else len(text)
    stops = [at for mark in _STOPS if (at := text.find(mark, begin, end)) >= 0]
    return begin, min(stops, default=end)


def _behind(text: str, boxes: list[re.Match[str]], number: int) -> tuple[int, int]:
    """Return the place of the option before a box: from the box before, without the label of the form's row."""
    begin, end = boxes[number - 1].end() if number else 0, boxes[number].start()
    option = text[begin:end]
    label = option.rstrip().rfind(":")
    if 0 <= label < len(option.rstrip()) - 1:
        return begin + label + 1, end
    if answer := _ANSWER.match(option.lstrip()):
        return end - len(option.lstrip()) + answer.start(1), end
    if len(boxes) == 1 and len(option.split()) > _FEW_WORDS:
        return begin, begin
    return begin, end
