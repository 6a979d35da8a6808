"""The server of the page: it answers on this computer only, below a random token, and changes nothing of the product.

docs/browse.md describes the page; the addresses are below ``api/``.
"""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from cxrfactory.browse.answers import Answers
from cxrfactory.browse.faults import BadRequest, NotFound
from cxrfactory.errors import CxrError
from cxrfactory.logs import get_logger

log = get_logger(__name__)

STATIC = Path(__file__).parent / "static"
HOST = "127.0.0.1"
MOST_BYTES = 4 << 20  # of the body of a request
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

Work = Callable[[Mapping[str, str]], Any]


class Guard:
    """Let only requests to this computer's own address through, from the page itself, and head every answer.

    A page of another site may ask a browser to send requests here (cross-site requests, DNS rebinding); the names
    ``Host`` and ``Origin`` tell them apart.

    Parameters
    ----------
    app
        The application behind.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        hosts = {f"{name}:{scope['server'][1]}" for name in (HOST, "localhost")}
        host, origin = headers.get("host"), headers.get("origin")
        if host not in hosts or origin not in (None, f"http://{host}"):
            await _fault(403, "a request from elsewhere")(scope, receive, send)
            return

        async def headed(message: Any) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                extra = {"cache-control": "no-store", **{key.lower(): value for key, value in _HEADERS.items()}}
                message["headers"] = [
                    *message["headers"],
                    *((key.encode(), value.encode()) for key, value in extra.items() if key.encode() not in given),
                ]
            await send(message)

        await self._app(scope, receive, headed)


def build(answers: Answers, token: str | None = None) -> tuple[Any, str]:
    """Return the application, and the path below which the page is.

    Parameters
    ----------
    answers
        Answers about the product.
    token
        First part of every path; random by default.
    """
    token = token or secrets.token_urlsafe(18)
    get, post = partial(_get, rest=answers.rest), partial(_post, rest=answers.rest)
    routes = [
        Route("/api/product", get(answers.product)),
        Route("/api/rows", get(answers.rows)),
        Route("/api/histograms", get(answers.histograms)),
        Route("/api/facets", get(answers.facets)),
        Route("/api/row/{key}", get(answers.row)),
        Route("/api/image/{key}", get(answers.image)),
        Route("/api/outlines", get(answers.outlines)),
        Route("/api/surfaces", get(answers.surfaces)),
        Route("/api/mesh/{key}", get(answers.mesh)),
        Route("/api/accounts", get(answers.accounts)),
        Route("/api/verdicts", get(answers.verdicts), methods=["GET"]),
        Route("/api/verdicts", post(answers.put_verdict), methods=["POST"]),
        Route("/api/verdicts/undo", post(answers.undo), methods=["POST"]),
        Route("/api/verdicts.csv", get(answers.verdicts_csv)),
        Route("/api/verdicts/tasks.json", get(answers.tasks)),
        Route("/api/download", post(answers.download), methods=["POST"]),
        Route("/api/{rest:path}", _unknown, methods=["GET", "POST"]),
        Route("/", _index),
        Route("/index.html", _index),
    ]
    if STATIC.is_dir():
        routes.append(Mount("/static", StaticFiles(directory=STATIC)))
    inner = Starlette(routes=[Mount(f"/{token}", routes=routes)], exception_handlers={404: _missing, 405: _missing})
    return Guard(GZipMiddleware(inner, minimum_size=1_000, compresslevel=3)), f"/{token}/"


async def _index(request: Request) -> Response:
    path = STATIC / "index.html"
    if not path.is_file():
        return _fault(404, "the page is not installed")
    return Response(path.read_bytes(), media_type="text/html")


async def _unknown(request: Request) -> Response:
    return _fault(404, "nothing is at this address")


async def _missing(request: Request, error: Exception) -> Response:
    return _fault(getattr(error, "status_code", 404), "nothing is at this address")


def _get(work: Work, rest: Callable[[], None]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        given = {**dict(request.query_params), **request.path_params}
        return await _answered(partial(work, given), rest)

    return endpoint


def _post(work: Callable[[Any], Any], rest: Callable[[], None]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        if request.headers.get("x-requested-with") != "browse":
            return _fault(403, "expected the header X-Requested-With: browse")
        if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
            return _fault(415, "expected JSON")
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BYTES:
                return _fault(413, f"more than {MOST_BYTES >> 20} MiB")
        try:
            given = json.loads(bytes(body)) if body else {}
        except (ValueError, RecursionError):
            return _fault(400, "no JSON")
        if not isinstance(given, dict):
            return _fault(400, "expected a JSON object")
        return await _answered(partial(work, given), rest)

    return endpoint


async def _answered(work: Callable[[], Any], rest: Callable[[], None]) -> Response:
    """Do the work in a thread; faults become one line without a path of this computer."""
    try:
        found = await run_in_threadpool(_rested, work, rest)
    except NotFound as error:
        return _fault(404, str(error))
    except BadRequest as error:
        return _fault(error.status, str(error))
    except CxrError as error:
        return _fault(409, str(error))
    except Exception:
        log.exception("a request failed")
        return _fault(500, "a fault of the server; its terminal says more")
    return found if isinstance(found, Response) else Json(found)


def _rested(work: Callable[[], Any], rest: Callable[[], None]) -> Any:
    try:
        return work()
    finally:
        rest()


class Json(JSONResponse):
    """JSON in ASCII, so that no sign of a hostile word is taken for markup or a line end."""

    def render(self, content: Any) -> bytes:
        """Encode the content; numbers that JSON lacks are refused."""
        text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").encode("ascii")


def _fault(status: int, reason: str) -> Response:
    return Json({"reason": " ".join(reason.split())}, status_code=status, headers={"Cache-Control": "no-store"})
