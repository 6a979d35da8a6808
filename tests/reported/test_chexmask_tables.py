"""CheXmask tables as they go about: without sizes, with renamed columns, saved again, and our own of every release."""

import numpy as np
import pandas as pd
import pytest

from cxrfactory.anatomy.graph import graph_of_nodes
from cxrfactory.anatomy.raster import landmarks_to_masks
from cxrfactory.errors import CxrError
from cxrfactory.evaluate.gold.tables import read_annotations, read_predicted
from cxrfactory.infer.from_masks import masks_of_table
from cxrfactory.ingest.registry import LAYOUTS
from cxrfactory.tables.chexmask import header_text, read_chexmask
from cxrfactory.tables.chexmask_row import published_row
from tests.reported import Case

KIND = "CheXmask tables"
SOURCE = "ngaggion/CheXmask-Database, subsets of it"
SIDE = 1024
MASKS = ("Left Lung", "Right Lung", "Heart")
GRAPH = graph_of_nodes(120)


def ellipse(nodes, centre, radii):
    angles = np.linspace(0, 2 * np.pi, nodes, endpoint=False)
    return np.array(centre) + np.stack([np.cos(angles), np.sin(angles)], 1) * radii


def points(scale=1.0, shift=(0.0, 0.0)):
    right, left = ellipse(44, (300, 500), (150, 300)), ellipse(50, (720, 500), (150, 300))
    heart = ellipse(26, (540, 700), (130, 110))
    return np.rint(np.concatenate([right, left, heart]) * scale + shift).astype(np.int64)


def table(height=SIDE, width=SIDE, id_column="dicom_id", rows=2, landmarks=None):
    """A published table of images of one size, as a frame of text cells."""
    landmarks = points() if landmarks is None else landmarks
    masks = landmarks_to_masks(landmarks, GRAPH, height, width)
    lines = "".join(published_row(f"id-{row}", landmarks, masks, dice_rca=(0.7, 0.8)).line for row in range(rows))
    return (header_text(id_column) + lines).splitlines()


def frame_of(lines, folder):
    (folder / "plain.csv").write_text("\n".join(lines) + "\n")
    return pd.read_csv(folder / "plain.csv", dtype=str, keep_default_na=False)


def save(frame, folder, name="t.csv", **options):
    frame.to_csv(folder / name, index=options.pop("index", False), **options)
    return folder / name


def same(path, ids=("id-0", "id-1"), side=SIDE):
    """Every reader of the table gives the masks of the sound one."""
    read = read_chexmask(path)
    assert read["image_id"].tolist() == list(ids)
    assert set(zip(read["Height"], read["Width"], strict=True)) == {(side, side)}
    assert read["Height"].dtype == np.int64
    assert np.array_equal(read["Landmarks"][0], points())
    pieces = list(read_chexmask(path, chunksize=1))
    assert [len(piece) for piece in pieces] == [1] * len(ids)
    assert pieces[-1]["Height"].tolist() == [side]
    assert read_predicted(path, set(ids)).rows["Height"].tolist() == [side] * len(ids)
    expected = landmarks_to_masks(points(), GRAPH, SIDE, SIDE)
    for _, load in masks_of_table(path)[1]:
        masks = load()
        assert all((masks[organ] == expected[organ]).all() for organ in masks)


def sizes(height, width=None, index=False):
    def run(folder):
        frame = frame_of(table(), folder)
        frame["Height"], frame["Width"] = height, height if width is None else width
        same(save(frame, folder, index=index))

    return run


def ids(name, extra=()):
    def run(folder):
        frame = frame_of(table(id_column=name), folder)
        for each in extra:
            frame[each] = "x"
        path = save(frame, folder)
        same(path)
        assert read_chexmask(path).attrs["id_column"] == name

    return run


def with_mark(folder):
    same(save(frame_of(table(), folder), folder, encoding="utf-8-sig"))


def with_saved_index(folder):
    same(save(frame_of(table(), folder).rename_axis("index").reset_index(), folder))


def with_sizes_of_some(folder):
    frame = frame_of(table(), folder)
    frame.loc[0, ["Height", "Width"]] = ""
    same(save(frame, folder))


def of_release(layout):
    def run(folder):
        path = save(frame_of(table(id_column=layout.id_column), folder), folder, f"{layout.published_name}.csv")
        same(path)

    return run


def of_readers(name):
    """Annotations of physicians, whose id column a copy renamed."""

    def run(folder):
        frame = frame_of(table(id_column=name), folder).drop(columns=["Height", "Width"])
        path = save(frame.assign(Dataset="Padchest"), folder, "Padchest_julia_annotations.csv")
        found = read_annotations([path], ["Padchest"])
        assert found[0].rows.index.tolist() == ["id-0", "id-1"]

    return run


def refused(change, words):
    def run(folder):
        frame = frame_of(table(), folder)
        path = save(change(frame), folder)
        with pytest.raises(CxrError) as error:
            read_chexmask(path)
        assert words in str(error.value)
        assert "\n" not in str(error.value)

    return run


def lost(height, width, landmarks=None):
    """Change a table to that of images of another size which lost its sizes."""

    def change(_):
        lines = table(height, width, landmarks=landmarks)
        header, rows = lines[0].split(","), [line.rsplit(",", 2)[0] + ",," for line in lines[1:]]
        split = [row.split('"') for row in rows]
        cells = [[*each[0].rstrip(",").split(","), each[1], *each[2].lstrip(",").split(",")] for each in split]
        return pd.DataFrame(cells, columns=header)

    return change


def put(column, value, row=0):
    def change(frame):
        frame["Height"] = frame["Width"] = ""
        frame.loc[row, column] = value
        return frame

    return change


def cut_short(frame):
    frame.loc[1, ["Height", "Width"]] = ""
    return frame


CASES = [
    *(
        Case(f"sizes {each!r}", "right", sizes(each))
        for each in ("1024", "1024.0", "", " ", "nan", "NaN", "None", "<NA>")
    ),
    Case("no sizes, with a saved index", "right", sizes("", index=True)),
    Case("sizes in later rows only", "right", with_sizes_of_some),
    Case("a byte order mark", "right", with_mark),
    Case("a saved index with a name", "right", with_saved_index),
    *(
        Case(f"id column {name}", "right", ids(name))
        for name in ("dicom_id", "image_id", "ImageID", "Image Index", "Path", "imageid", "SOPInstanceUID", "filename")
    ),
    Case("id column beside a path", "right", ids("dicom_id", ["path"])),
    Case("id column beside studies", "right", ids("dicom_id", ["subject_id", "study_id"])),
    *(Case(f"our table of {layout.name}", "right", of_release(layout)) for layout in LAYOUTS.values()),
    *(Case(f"annotations, {name}", "right", of_readers(name)) for name in ("ImageID", "image_id", "dicom_id")),
    Case("original resolution without sizes", "refused", refused(
        lost(2000, 1600, points(1.4)), "'Height' and 'Width' are empty, and a mask does not fit",
    )),
    Case("small original resolution without sizes", "refused", refused(
        lost(600, 700, points(0.6)), "'Height' and 'Width' are empty, and the masks are not where the landmarks are",
    )),
    Case("another width without sizes", "refused", refused(
        lost(SIDE, 1000), "the masks are not where the landmarks are",
    )),
    Case("one size of two", "refused", refused(
        lambda frame: frame.assign(Width=""), "row 1, column 'Width' holds ''",
    )),
    Case("no sizes and no heart", "refused", refused(put("Heart", "", 1), "row 2: 'Height' and 'Width' are empty")),
    Case("sizes of the last row are missing", "refused", refused(cut_short, "row 2, column 'Height' holds ''")),
    Case("half a pixel", "refused", refused(put("Height", "1024.5"), "a whole number of pixels")),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)
