"""Answers to the page's requests about one product; the server only carries them."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from starlette.responses import Response, StreamingResponse

from cxrfactory.browse.downloads import DOWNLOADS, download
from cxrfactory.browse.faults import BadRequest, NotFound
from cxrfactory.browse.filters import VERDICTS, Filter, shown
from cxrfactory.browse.mapped import Mapped
from cxrfactory.browse.measures import Measures, described
from cxrfactory.browse.pictures import Pictures
from cxrfactory.browse.query import MOST_ROWS, Query
from cxrfactory.browse.verdicts import LONGEST_NOTE, Verdicts
from cxrfactory.errors import CxrError
from cxrfactory.products.browsed import Browsed, Detail, NumberColumn
from cxrfactory.products.browsed_meshes import BrowsedMeshes
from cxrfactory.products.film_files import UNKNOWN_FOLDER, plain_reason

MOST_OUTLINES = 200  # rows of one request
_SIZES = (16, 4_096)  # pixels
_PARTS = ("excluded", "rejected")

Given = Mapping[str, Any]


class Answers:
    """Answers about one product.

    Parameters
    ----------
    product
        The product.
    verdicts
        The user's verdicts.
    hide
        Path of this computer to the word that stands for it in messages.
    mapped
        Where large arrays lie.
    measures
        Measurements of the rows; None for none.
    """

    def __init__(
        self,
        product: Browsed,
        verdicts: Verdicts,
        hide: Mapping[str, str],
        mapped: Mapped,
        measures: Measures | None = None,
    ) -> None:
        self._product, self._verdicts, self._hide, self._measures = product, verdicts, hide, measures
        self._index = product.index
        self._query, self._mapped = Query(product.index, mapped.array), mapped
        self._pictures = Pictures(product)
        self._left_out = product.left_out()

    def rest(self) -> None:
        """Take no more memory than is needed between two requests."""
        self._mapped.rest()

    def product(self, given: Given) -> dict[str, Any]:
        """Describe the product: its columns, organs, accounts and downloads."""
        product = self._product
        views = self._index.columns.get("view")
        sort, ascending = product.worst
        return {
            "kind": product.kind,
            "title": product.title,
            "rows": len(self._index),
            "images_known": product.images_known,
            "images_reason": None if product.images_known else UNKNOWN_FOLDER,
            "organs": [organ.as_json() for organ in product.organs],
            "tree": product.tree,
            "shown": None if product.shown is None else list(product.shown),
            "views": [] if views is None else list(views.words),
            "columns": [self._column(name) for name in self._index.columns],
            "facets": self._query.facets(),
            "sort": {"column": sort, "ascending": ascending},
            "accounts": self._accounts(),
            "counted": product.counted,
            "verdicts_file": _shown_path(self._verdicts.path),
            "tasks": product.has_tasks,
            "section": product.section,
            "meshes": product.meshes is not None,
            "formats": [name for name, each in DOWNLOADS.items() if each.offered(product)],
            "measurements": None if self._measures is None else described(),
        }

    def rows(self, given: Given) -> dict[str, Any]:
        """Return one page of the rows that a filter chooses."""
        offset, limit = _whole(given, "offset", 0, 0, 10**9), _whole(given, "limit", 60, 1, MOST_ROWS)
        sort, ascending = self._product.worst
        sort = given.get("sort") or sort
        ascending = _truth(given, "ascending", ascending if sort == self._product.worst[0] else True)
        keys = self._query.ordered(self._selected(given).rows, sort, ascending)
        page = [self._short(int(key)) for key in keys[offset : offset + limit]]
        return {"total": len(keys), "offset": offset, "rows": page}

    def histograms(self, given: Given) -> dict[str, Any]:
        """Return histograms of the named columns, or of all number columns."""
        names = [name for name in str(given.get("columns") or "").split(",") if name]
        bins = _whole(given, "bins", 40, 1, 10**6)
        selection = self._selected(given)
        known = [name for name, each in self._index.columns.items() if isinstance(each, NumberColumn)]
        return {name: self._query.histogram(name, selection, bins) for name in dict.fromkeys(names or known)}

    def facets(self, given: Given) -> dict[str, Any]:
        """Return the words of every facet with their counts."""
        selection = self._selected(given)
        return {name: self._query.facet(name, selection) for name in self._query.facets()}

    def row(self, given: Given) -> dict[str, Any]:
        """Return everything about one row."""
        key = self._key(given)
        detail = self._without_paths(lambda: self._product.detail(key))
        values = {name: column.cell(key) for name, column in self._index.columns.items()}
        return {
            **self._short(key, with_values=False),
            "height": detail.height,
            "width": detail.width,
            "frame": "original",
            "masks": dict(detail.masks),
            "landmarks": _points(detail.landmarks),
            "spread": _points(detail.spread),
            "node_organs": None if detail.node_organs is None else list(detail.node_organs),
            "values": values | {name: _cell(value) for name, value in detail.values.items()},
            "flags": list(detail.flags),
            "text": [{"title": title, "body": body} for title, body in detail.text],
            "related": [{"key": other, "label": label} for label, other in detail.related],
            "pair": detail.pair,
            "view": values.get("view"),
            "note": self._verdicts.note_of(key),
            "segmented": detail.segmented,
            **self._measured(key, detail),
        }

    def image(self, given: Given) -> Response:
        """Return a picture as JPEG; a picture that is not there is a 404 with its reason."""
        key, size = self._key(given), _whole(given, "size", 1_024, 0, 10**6)
        kind = str(given.get("kind") or "image")
        try:
            data = self._pictures.jpeg(key, kind, size)
        except BadRequest:
            raise
        except CxrError as error:
            raise NotFound(plain_reason(error, self._hide)) from error
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})

    def surfaces(self, given: Given) -> dict[str, list[int]]:
        """Return the surface of each organ that all meshes share: three nodes a triangle, one after the other."""
        meshes = self._meshes()
        found = self._without_paths(meshes.surfaces)
        return {name: faces.ravel().tolist() for name, faces in found.items()}

    def mesh(self, given: Given) -> dict[str, Any]:
        """Return the nodes of a row's mesh (x, y, z, x, ...) in mm, their uncertainty, and the plane of its picture."""
        meshes, key = self._meshes(), self._key(given)
        mesh = self._without_paths(lambda: meshes.mesh(self._index.image_id(key)))
        plane = mesh.plane
        return {
            "vertices": _rounded(mesh.vertices_mm.ravel()),
            "std": _rounded(mesh.std_mm),
            "plane": {
                "corner": _rounded(plane.corner_mm),
                "across": _rounded(plane.across_mm),
                "down": _rounded(plane.down_mm),
            },
        }

    def _meshes(self) -> BrowsedMeshes:
        if self._product.meshes is None:
            raise NotFound("this product has no meshes")
        return self._product.meshes

    def outlines(self, given: Given) -> dict[str, Any]:
        """Return the contours of several rows, scaled to the size of a thumbnail."""
        size = _whole(given, "size", 256, *_SIZES)
        keys = str(given.get("keys") or "").split(",")
        if len(keys) > MOST_OUTLINES:
            raise BadRequest(f"keys: {len(keys)}; expected at most {MOST_OUTLINES}")
        organs = [name for name in str(given.get("organs") or "").split(",") if name] or None
        return {
            str(key): self._outline(key, size, organs) for key in [self._key({"key": each}) for each in keys if each]
        }

    def accounts(self, given: Given) -> dict[str, Any]:
        """Return rows that are not in the product, with the counts of their reasons."""
        part, release, reason = (given.get(name) or None for name in ("part", "release", "reason"))
        if part not in _PARTS:
            raise BadRequest(f"part: {shown(part)}; expected one of {', '.join(_PARTS)}")
        offset, limit = _whole(given, "offset", 0, 0, 10**9), _whole(given, "limit", 100, 1, MOST_ROWS)
        total, reasons, rows = self._left_out.page(part, release, reason, offset, limit)
        counted = [{"reason": each, "count": count} for each, count in reasons[:MOST_ROWS]]
        return {"total": total, "reasons": counted, "rows": rows}

    def verdicts(self, given: Given) -> list[dict[str, Any]]:
        """Return the user's current verdicts."""
        return [{**verdict.as_json(), "key": key} for key, verdict in self._verdicts.current()]

    def put_verdict(self, given: Given) -> dict[str, Any]:
        """Keep a verdict of the user."""
        key, verdict, note = given.get("key"), given.get("verdict"), given.get("note") or ""
        if isinstance(key, bool) or not isinstance(key, int) or not 0 <= key < len(self._index):
            raise NotFound(f"key {shown(key)}: no such row")
        if verdict not in VERDICTS:
            raise BadRequest(f"verdict {shown(verdict)}; expected one of {', '.join(VERDICTS)}")
        if not isinstance(note, str) or len(note) > LONGEST_NOTE:
            raise BadRequest(f"note: expected a text of at most {LONGEST_NOTE} characters")
        step = self._verdicts.put(key, verdict, note)
        return {**step.as_json(), "key": key}

    def undo(self, given: Given) -> dict[str, Any] | None:
        """Take back the user's last step."""
        found = self._verdicts.undo()
        if found is None:
            return None
        key, now = found
        return {**now.as_json(), "key": key}

    def verdicts_csv(self, given: Given) -> Response:
        """Return the current verdicts as CSV."""
        return attachment(self._verdicts.as_csv().encode("utf-8"), "text/csv", f"{self._verdicts.path.stem}.csv")

    def tasks(self, given: Given) -> Response:
        """Return the tasks of the images judged bad, for Label Studio."""
        from cxrfactory.browse.tasks import tasks

        bad = [key for key, each in self._verdicts.current() if each.verdict == "bad" and key is not None]
        if not self._product.has_tasks:
            raise NotFound("tasks need landmarks and the folder of the radiographs (--root NAME=FOLDER or --images)")
        text = self._without_paths(lambda: json.dumps(tasks(self._product, bad), allow_nan=False))
        return attachment(text.encode("utf-8"), "application/json", "tasks.json")

    def download(self, given: Given) -> Response:
        """Return the chosen rows as a file."""
        if unknown := sorted(set(given) - {"format", "filter", "keys"}):
            raise BadRequest(f"unknown {shown(unknown[0])}; expected format, filter and keys")
        kind = DOWNLOADS.get(given.get("format")) if isinstance(given.get("format"), str) else None
        if kind is None or not kind.offered(self._product):
            raise BadRequest(f"format {shown(given.get('format'))}; api/product lists the formats of this product")
        some = given.get("keys")
        chosen = Filter.parse(given.get("filter") if some is None else {"keys": some}, self._index)
        rows = np.flatnonzero(self._query.select(chosen, self._verdicts.codes).rows).tolist()
        pieces, name, media = download(kind, self._product, rows)
        return StreamingResponse(_streamed(pieces), media_type=media, headers=_as_file(name))

    def _selected(self, given: Given) -> Any:
        return self._query.select(Filter.parse(given.get("filter") or "", self._index), self._verdicts.codes)

    def _key(self, given: Given) -> int:
        text = str(given.get("key"))
        if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) < len(self._index)):
            raise NotFound(f"key {shown(text)}: no such row")
        return int(text)

    def _short(self, key: int, with_values: bool = True) -> dict[str, Any]:
        row = {
            "key": key,
            "dataset": self._index.dataset(key),
            "image_id": self._index.image_id(key),
            "verdict": self._verdicts.name_of(key),
        }
        values = {name: each.cell(key) for name, each in self._index.columns.items()} if with_values else {}
        return row | {"values": values} if with_values else row

    def _measured(self, key: int, detail: Detail) -> dict[str, Any]:
        """Return the measurements of a row, or why they cannot be read; nothing where there are none."""
        if self._measures is None:
            return {}
        try:
            if not self._measures.found():
                return {}
            found = self._measures.of(key, detail.height, detail.width)
        except CxrError as error:
            return {"measurements_fault": plain_reason(error, self._hide)}
        return {"measurements": found}

    def _column(self, name: str) -> dict[str, Any]:
        column = self._index.columns[name]
        ends: tuple[float | None, float | None] = (None, None)
        if isinstance(column, NumberColumn) and not np.isnan(column.values).all():
            ends = float(np.nanmin(column.values)), float(np.nanmax(column.values))
        return {"name": name, "label": column.label, "type": column.kind, "lowest": ends[0], "highest": ends[1]}

    def _accounts(self) -> list[dict[str, Any]]:
        kept = self._product.kept()
        excluded, rejected = (self._left_out.counts(part) for part in _PARTS)
        return [
            {
                "release": name,
                "rows": kept.get(name, 0) + excluded.get(name, 0) + rejected.get(name, 0),
                "kept": kept.get(name, 0),
                "excluded": excluded.get(name, 0),
                "rejected": rejected.get(name, 0),
            }
            for name in sorted({*kept, *excluded, *rejected})
        ]

    def _outline(self, key: int, size: int, organs: Sequence[str] | None) -> dict[str, Any]:
        try:
            found = self._product.outlines(key, organs)
        except CxrError as error:
            return {"height": 1, "width": 1, "organs": {}, "reason": plain_reason(error, self._hide)}
        scale = min(1.0, size / max(found.height, found.width))
        organs = {
            organ: [each for each in (_scaled(points, scale) for points in polygons) if len(each) > 2]
            for organ, polygons in found.organs.items()
        }
        return {
            "height": max(1, round(found.height * scale)),
            "width": max(1, round(found.width * scale)),
            "organs": organs,
        }

    def _without_paths(self, work: Any) -> Any:
        try:
            return work()
        except BadRequest:
            raise
        except CxrError as error:
            raise CxrError(plain_reason(error, self._hide)) from error


def _shown_path(path: Path) -> str:
    """Return a path as the user gave it below the working folder, else the file's name alone."""
    return path.name if path.is_absolute() or ".." in path.parts else path.as_posix()


def attachment(data: bytes, media: str, name: str) -> Response:
    """Return a file for the browser to save."""
    return Response(data, media_type=media, headers=_as_file(name))


def _as_file(name: str) -> dict[str, str]:
    safe = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._-") else "_" for sign in name)
    return {"Content-Disposition": f'attachment; filename="{safe}"'}


def _streamed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Join small pieces, so that each is worth its way."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) > 1 << 18:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def _scaled(points: np.ndarray, scale: float) -> list[list[int]]:
    """Return a polygon in whole pixels of a thumbnail, without points that fall on the one before."""
    whole = np.rint((points + 0.5) * scale - 0.5).astype(int)
    return whole[(whole != np.roll(whole, 1, axis=0)).any(axis=1)].tolist()


def _points(points: np.ndarray | None) -> list[list[float]] | None:
    return None if points is None else _rounded(points)


def _rounded(values: np.ndarray) -> list[Any]:
    return np.round(np.asarray(values, np.float64), 2).tolist()


def _cell(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _whole(given: Given, name: str, default: int, least: int, most: int) -> int:
    text = given.get(name)
    if text is None or text == "":
        return default
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 12):
        raise BadRequest(f"{name} {shown(text)}; expected a whole number")
    if not least <= int(text) <= most:
        raise BadRequest(f"{name} {text}; expected {least} to {most}")
    return int(text)


def _truth(given: Given, name: str, default: bool) -> bool:
    text = given.get(name)
    if text in (None, ""):
        return default
    if text not in ("true", "false"):
        raise BadRequest(f"{name} {shown(text)}; expected true or false")
    return text == "true"
