"""Errors that a user can act on; the command line shows each as one line, without a traceback."""


class CxrError(Exception):
    """A fault of the input, the config or the command line.

    The message is one line. It states what was found, where (file, row, key), what was expected and what to do.

    Examples
    --------
    >>> try:
    ...     cxr.Segmenter("nowhere.safetensors")
    ... except cxr.CxrError as error:
    ...     print(error)
    nowhere.safetensors: no such file; weights are NAME.safetensors with NAME.json beside them
    """


class ImageError(CxrError):
    """A fault of a single image: it becomes a row of the ``rejected`` table and the run continues.

    Examples
    --------
    >>> try:
    ...     cxr.read_radiograph("nowhere.png")
    ... except cxr.ImageError as error:
    ...     print(error)
    no such file
    """
