"""Values of options that give names to things: ``NAME=FOLDER``, ``KEY=COLUMN``."""

from collections.abc import Iterable

from cxrfactory.errors import CxrError


def named_values(pairs: Iterable[str], option: str, form: str, hint: str) -> dict[str, str]:
    """Return names and values; the value may hold further equals signs.

    Parameters
    ----------
    pairs
        The values of the option.
    option
        The option as a user writes it, for the message.
    form
        Form of a value, such as ``NAME=FOLDER``.
    hint
        What the message says after the form.

    Raises
    ------
    CxrError
        If a value lacks the sign, the name or what is named, or if a name is given twice.

    Examples
    --------
    >>> named_values(["north=/data/films"], "--root", "NAME=FOLDER", "such as a=b")
    {'north': '/data/films'}
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not (name and sign and value):
            raise CxrError(f"{option} '{pair}': expected {form}, {hint}")
        if name in found:
            raise CxrError(f"{option} '{pair}': '{name}' is given already; expected each name once")
        found[name] = value
    return found
