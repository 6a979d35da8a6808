"""What can be wrong with a run-length text: codes of faults and their messages."""

OK, NOT_A_NUMBER, ODD_COUNT, BAD_START, BAD_LENGTH, OUTSIDE, NOT_ASCENDING = range(7)
MAX_DIGITS = 18  # every number of 18 digits fits into an int64


def fault_text(code: int, place: int, token: str, height: int, width: int) -> str:
    """Return the message about a fault: its code, the index of the number at fault, its text, and the mask's shape."""
    shown = ascii(token)[1:-1] if len(token) <= 24 else ascii(token[:21])[1:-1] + "..."
    at = f"RLE: number {place + 1} is '{shown}'"
    return {
        NOT_A_NUMBER: f"{at}; expected a whole number",
        ODD_COUNT: f"RLE: {place} numbers; expected pairs 'start length'; the last, '{shown}', stands alone",
        BAD_START: f"{at}; a run starts at 1 or later (pixels count from 1)",
        BAD_LENGTH: f"{at}; a run is at least 1 pixel long",
        OUTSIDE: f"{at}; the run leaves the mask of {height} x {width} = {height * width} pixels",
        NOT_ASCENDING: f"{at}; it starts before the end of the run before (runs ascend and do not overlap)",
    }[code]
