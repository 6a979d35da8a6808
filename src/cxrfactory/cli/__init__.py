"""The command line: parse, call a stage, print a clear error. :mod:`cxrfactory.cli.commands` lists the commands."""

import os
import sys

from cxrfactory.errors import CxrError


def main() -> None:
    """Run the command line; an error of the user gives one line on standard error and exit status 1."""
    from cxrfactory.cli.application import build_app
    from cxrfactory.logs import setup

    setup()
    try:
        build_app()()
    except CxrError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
