"""Open the product for the browser: lung-segmented radiographs beside the originals, with their reports."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import UInt8

from cxrfactory.errors import CxrError
from cxrfactory.imaging.mask_outlines import mask_outlines
from cxrfactory.products.browsed import Detail, Index, Organ, Outlines
from cxrfactory.products.browsed_columns import (
    column_of,
    constant_column,
    csv_line,
    fact_columns,
    list_column,
    read_columns,
    related_rows,
    whole_array,
)
from cxrfactory.products.browsed_releases import BrowsedReleases
from cxrfactory.products.cxlseg.reading import INSIDE, Opened, belongs
from cxrfactory.products.cxlseg.tables import IMAGE_TABLE, KEYS, MASK_TABLE, REPORT_TABLE, SPLIT_TABLE
from cxrfactory.tables.finding_labels import CHEXPERT_LABELS
from cxrfactory.tables.key_values import parse_yaml
from cxrfactory.tables.one_row import RowReader
from cxrfactory.tables.paths import path_inside
from cxrfactory.tables.report_headings import SECTIONS

LUNGS = Organ("lungs", "lungs", (86, 180, 233))
_SIGNS = {1.0: "", 0.0: "no ", -1.0: "uncertain "}

__all__ = ["Browsing", "belongs"]


class Browsing(BrowsedReleases):
    """Lung-segmented radiographs: one row for each image of each release.

    Parameters
    ----------
    product
        The product, with the locations of the radiographs.
    folders
        Folder of each release's radiographs, named after their ids, by release; the key ``""`` is for all others.
    """

    kind = Opened.kind

    def __init__(self, product: Opened, folders: Mapping[str, Path]) -> None:
        self._parts = product.parts
        self._fit = _fit_of(product.folder / "config.yaml")
        parts = [_joined(part) for part in self._parts.values()]
        table = pa.concat_tables(parts, promote_options="permissive")
        counts = [len(part) for part in parts]
        self._hold(product, dict(zip(self._parts, counts, strict=True)))
        self._pictures, self._masks = table["picture"].to_pylist(), table["mask"].to_pylist()
        ids = whole_array(table["dicom_id"])
        self._texts = {release: RowReader(part / f"{REPORT_TABLE}.parquet") for release, part in self._parts.items()}
        self._text_places = table["text_place"].to_numpy()
        self._sections = self._section_readers()
        columns: dict[str, Any] = {"release": constant_column("release", "release", self._releases, counts)}
        for name, label in (("split", "split"), ("ViewPosition", "view")):
            made = column_of(label, label, table[name])
            if made is not None:
                columns[label] = made
        labels = _labels(table)
        if labels is not None:
            columns["labels"] = labels
        for stored, name, label in (("subject_id", "patient_id", "patient"), ("study_id", "study_id", "study")):
            made = column_of(name, label, table[stored], False)
            if made is not None:
                columns[name] = made
        facts = self._open_films(ids, folders)
        columns |= {name: each for name, each in fact_columns(facts).items() if name in ("sex", "age")}
        datasets = [product.dataset_of(release) for release in self._releases]
        self.index = Index(ids, constant_column("dataset", "dataset", datasets, counts), columns)
        self.worst = ("image_id", True)
        self.organs = [LUNGS]

    def detail(self, key: int) -> Detail:
        """Return the mask of both lungs, and the sections of the report."""
        from cxrfactory.tables.rle import rle_encode  # late, because it compiles

        mask = self._mask(key)
        return Detail(
            *mask.shape,
            masks={"lungs": rle_encode(mask)},
            text=self._report(key),
            related=[(self.index.image_id(other), other) for other in related_rows(self.index.columns, key)],
            segmented=True,
        )

    def outlines(self, key: int, organs: Collection[str] | None = None) -> Outlines:
        """Return the outline of the lungs."""
        mask = self._mask(key)
        shown = organs is None or LUNGS.name in organs
        return Outlines(*mask.shape, {LUNGS.name: mask_outlines(mask)} if shown else {})

    def picture(self, key: int, kind: str) -> UInt8[np.ndarray, "height width"]:
        """Return the segmented picture, or the radiograph that it was cut out of, in the same frame."""
        from cxrfactory.imaging.radiograph.masked import small_square  # late: the reader imports much
        from cxrfactory.imaging.radiograph.reading import picture_size, read_radiograph
        from cxrfactory.imaging.radiograph.screening import HeaderChecks

        release, place = self._place(key)
        path = path_inside(self._parts[release], self._pictures[key])
        if kind == "segmented":
            if not path.is_file():
                raise CxrError("the product lacks this picture; it is not whole")
            return read_radiograph(path).pixels
        film = self._films[release].path_of(self.index.image_id(key), place)
        size = picture_size(path)[0]
        # Turned to the usual display, as the segmenter saw it.
        checks = HeaderChecks(body_part="ignore", view="ignore")
        return small_square(read_radiograph(film, checks=checks).pixels, size, self._fit)

    def csv_rows(self, keys: Sequence[int]) -> Iterator[bytes]:
        """Return the rows of the four tables, joined: keys, view, split, paths, labels and report."""
        columns = [*KEYS, "ViewPosition", "split", "DicomPath", "MaskPath", *CHEXPERT_LABELS, "Reports"]
        yield csv_line(columns)
        for key in keys:
            release, _ = self._place(key)
            row = self._texts[release].row(int(self._text_places[key]), [*KEYS, "ViewPosition", "Reports"])
            labels = self.index.columns.get("labels")
            said = {} if labels is None else dict(_value_of(word) for word in labels.cell(key))
            split = self.index.columns["split"].cell(key)
            paths = self._pictures[key], self._masks[key]
            cells = [*(row[name] for name in KEYS), row["ViewPosition"], split, *paths]
            yield csv_line([*cells, *(said.get(name) for name in CHEXPERT_LABELS), row["Reports"]])

    def close(self) -> None:
        """Close the tables."""
        for reader in (*self._texts.values(), *(reader for reader, _ in self._sections.values())):
            reader.close()

    def _mask(self, key: int) -> UInt8[np.ndarray, "height width"]:
        release, _ = self._place(key)
        path = path_inside(self._parts[release], self._masks[key])
        if not path.is_file():
            raise CxrError("the product lacks this mask; it is not whole")
        from cxrfactory.imaging.radiograph.reading import read_radiograph

        return (read_radiograph(path).pixels >= INSIDE).astype(np.uint8)

    def _report(self, key: int) -> list[tuple[str, str]]:
        """Return the report's sections where the run's table of reports is there, else the published text."""
        release, _ = self._place(key)
        study = self.index.columns["study_id"].cell(key)
        if release in self._sections:
            reader, places = self._sections[release]
            if study in places:
                row = reader.row(places[study], list(SECTIONS))
                found = [(name.replace("_", " ").capitalize(), row[name]) for name in SECTIONS if row.get(name)]
                if found:
                    return found
        text = self._texts[release].row(int(self._text_places[key]), ["Reports"])["Reports"]
        return [("Report", text)]

    def _section_readers(self) -> dict[str, tuple[RowReader, dict[str, int]]]:
        found = {}
        for release in self._releases:
            dataset = self._product.dataset_of(release)
            path = self._product.folder.absolute().parent / "reports" / f"{dataset}.parquet"
            if path.is_file():
                studies = read_columns(path, ["study_id"])["study_id"].to_pylist()
                found[release] = RowReader(path), {study: place for place, study in enumerate(studies)}
        return found


def _joined(part: Path) -> pa.Table:
    """Join the four tables of a release on the image id, in the order of the first."""
    tables = {
        name: read_columns(part / f"{name}.parquet", wanted)
        for name, wanted in (
            (IMAGE_TABLE, [*KEYS, "DicomPath", *CHEXPERT_LABELS]),
            (MASK_TABLE, ["dicom_id", "DicomPath"]),
            (SPLIT_TABLE, ["dicom_id", "split"]),
            (REPORT_TABLE, ["dicom_id", "ViewPosition"]),
        )
    }
    first = tables[IMAGE_TABLE]
    joined = first.rename_columns(["picture" if name == "DicomPath" else name for name in first.column_names])
    for name, column, new in (
        (MASK_TABLE, "DicomPath", "mask"),
        (SPLIT_TABLE, "split", "split"),
        (REPORT_TABLE, "ViewPosition", "ViewPosition"),
    ):
        places = pc.index_in(first["dicom_id"], value_set=whole_array(tables[name]["dicom_id"]))
        if places.null_count or len(tables[name]) != len(first):
            raise CxrError(f"{part}: the four tables do not hold the same images; the product is not whole")
        joined = joined.append_column(new, tables[name][column].take(places))
        if name == REPORT_TABLE:
            joined = joined.append_column("text_place", pc.cast(places, pa.int64()))
    return joined


def _labels(table: pa.Table) -> Any:
    """Return the labels of every row as words, such as ``Edema``, ``no Fracture``, ``uncertain Pneumonia``."""
    values = [table[name].to_pylist() for name in CHEXPERT_LABELS]
    rows = [
        [f"{_SIGNS[value]}{name}" for name, value in zip(CHEXPERT_LABELS, row, strict=True) if value in _SIGNS]
        for row in zip(*values, strict=True)
    ]
    return list_column("labels", "label", pa.array(rows, pa.list_(pa.string()))) if any(rows) else None


def _value_of(word: str) -> tuple[str, float]:
    for value, sign in ((0.0, "no "), (-1.0, "uncertain ")):
        if word.startswith(sign) and word.removeprefix(sign) in CHEXPERT_LABELS:
            return word.removeprefix(sign), value
    return word, 1.0


def _fit_of(config: Path) -> str:
    """Return how the run made pictures square, from the product's config."""
    try:
        values = parse_yaml(config.read_text(encoding="utf-8"), config) if config.is_file() else None
    except (CxrError, UnicodeDecodeError):
        return "stretch"
    section = values.get("cxlseg") if isinstance(values, dict) else None
    fit = section.get("fit") if isinstance(section, dict) else None
    return fit if fit in ("stretch", "pad") else "stretch"
