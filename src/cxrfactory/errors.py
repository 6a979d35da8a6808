"""Errors that a user can act on: one line each, never a traceback."""


class CxrError(Exception):
    """A fault of the input, the config or the command line.

    The message is one line: what was found, where (file, row, key), what was expected, what to do.
    """


class ImageError(CxrError):
    """A fault of one image only: it becomes a row of the ``rejected`` table and the run goes on."""
