"""Start the browser's server for one product, print its address, and stop it cleanly."""

import socket
import sys
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger
from cxrfactory.tables.named_values import named_values

log = get_logger(__name__)

EXTRA = 'the browser needs two more packages; install them: python -m pip install "cxrfactory[browse]"'


def start(
    target: Path,
    roots: Sequence[str],
    images: Path | None,
    verdicts: Path | None,
    port: int,
    open_page: bool = True,
    measured: Path | None = None,
) -> None:
    """Serve the page of a product until Ctrl-C.

    Parameters
    ----------
    target
        Folder of a product or of measurements, or a CheXmask CSV.
    roots
        ``NAME=FOLDER`` of releases.
    images
        Folder of radiographs named after their ids.
    verdicts
        File of the user's verdicts; ``verdicts/<name>.jsonl`` by default.
    port
        Port on 127.0.0.1; 0 for a free one.
    open_page
        Whether to open the page in the user's browser.
    measured
        Folder of the images' measurements; ``measure`` beside the product by default.

    Raises
    ------
    CxrError
        If a package is missing, the product or a folder cannot be opened, or the port is taken.
    """
    from cxrfactory.products.memory import frugal

    with frugal():
        application, path, product = build_application(target, roots, images, verdicts, measured=measured)
    import uvicorn

    listening = _listen(port)
    address = f"http://127.0.0.1:{listening.getsockname()[1]}{path}"
    server = uvicorn.Server(
        uvicorn.Config(application, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2)
    )
    # The address is printed when connections are accepted; uvicorn answers them in a moment.
    print(f"{target.name}: {len(product.index)} rows at {address} (Ctrl-C ends)", flush=True)
    if open_page:
        webbrowser.open(address)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn raises it again after it has ended
        pass
    finally:
        listening.close()
        product.close()


def build_application(
    target: Path,
    roots: Sequence[str],
    images: Path | None,
    verdicts: Path | None,
    token: str | None = None,
    measured: Path | None = None,
) -> tuple[Any, str, Any]:
    """Open a product, and return the application, the path of the page and the opened product.

    Raises
    ------
    CxrError
        If a package is missing, or the product or a folder cannot be opened.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise CxrError(EXTRA) from None
    from cxrfactory.browse.answers import Answers
    from cxrfactory.browse.mapped import Mapped
    from cxrfactory.browse.opening import open_browsed, open_measures
    from cxrfactory.browse.server import build
    from cxrfactory.browse.verdicts import Verdicts

    began = time.monotonic()
    texts = named_values(roots, "--root", "NAME=FOLDER", "such as my-hospital=/data/films")
    named = {name: Path(folder) for name, folder in texts.items()}
    path = (
        verdicts or Path("verdicts") / f"{target.absolute().stem if target.is_file() else target.absolute().name}.jsonl"
    )
    if target.is_dir() and path.absolute().resolve().is_relative_to(target.resolve()):
        raise CxrError(f"--verdicts {path}: lies in the product, which the browser never changes; name another place")
    product = open_browsed(target, named, images)
    hide = {str(target.absolute()): target.name, str(target): target.name}
    for folder in (*named.values(), *([] if images is None else [images])):
        hide |= {str(folder.absolute()): folder.name, str(folder): folder.name}
    hide |= {str(target.absolute().parent): "results", str(Path.cwd()): "."}
    mapped = Mapped()
    product.index = mapped.index(product.index)
    measures = open_measures(target, product, measured, mapped)
    hidden = {key: word for key, word in hide.items() if len(key) > 2}
    answers = Answers(product, Verdicts(path, product.index), hidden, mapped, measures)
    application, page = build(answers, token)
    log.info("%s: %d rows opened in %.1f s", target, len(product.index), time.monotonic() - began)
    return application, page, product


def _listen(port: int) -> socket.socket:
    # asyncio sends small answers at once (TCP_NODELAY) only where the socket names its protocol. Otherwise every answer
    # on a kept connection waits 40 ms for the other side's acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise CxrError(f"--port {port}: {error.strerror}; name another port, or 0 for a free one") from error
    listening.listen(128)
    return listening
