"""Silence of pydicom, whose warnings quote header values, which may identify a patient; it is not imported for this."""

import logging
import warnings


def silence_pydicom() -> None:
    """Ignore the warnings of pydicom, and its log records below critical ones."""
    warnings.filterwarnings("ignore", module=r"pydicom\.")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
