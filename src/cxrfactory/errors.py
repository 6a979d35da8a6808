"""Errors that a user can act on: one line each, never a traceback."""


class CxrError(Exception):
    """A fault of the input, the config or the command line.

    The message is one line: what was found, where (file, row, key), what was expected, what to do.

    Examples
    --------
    >>> try:
    ...     cxr.Segmenter("nowhere.safetensors")
    ... except cxr.CxrError as error:
    ...     print(error)
    nowhere.safetensors: no such file; weights are NAME.safetensors with NAME.json beside them
    """


class ImageError(CxrError):
    """A fault of one image only: it becomes a row of the ``rejected`` table and the run goes on.

    Examples
    --------
    >>> try:
    ...     cxr.read_radiograph("nowhere.png")
    ... except cxr.ImageError as error:
    ...     print(error)
    no such file
    """
