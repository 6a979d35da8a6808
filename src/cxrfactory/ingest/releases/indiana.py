"""Indiana University collection (Open-i): frontal if ``View Position`` is PA or AP and no derived view is lateral."""

from typing import TYPE_CHECKING

from cxrfactory.ingest.layout import ReleaseLayout, TableSlot, with_gz

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pandas import DataFrame, Series

    from cxrfactory.imaging.vocabulary.words import Vocabulary
    from cxrfactory.ingest.tabular import SourceTable
    from cxrfactory.tables.joins import Join

LAYOUT = ReleaseLayout(
    name="indiana-cxr",
    published_name="Indiana-CXR",
    id_column="imageid",
    slots=(
        TableSlot("headers", with_gz("nlmcxr_dicom_metadata.csv.gz", "indiana_projections.csv")),
        TableSlot("views", with_gz("nlmcxr_tsne_pa.csv.gz"), lists_images=False),
    ),
    view_rule="View Position is PA or AP, and the derived view, where there is one, is not lateral",
    shards=2,
)

_FOLDERS = ("", "images", "NLMCXR_png", "NLMCXR_dcm", "images/images_normalized", "images_normalized")


def rows(
    tables: "Mapping[str, SourceTable]", view_from_procedure: bool = False, words: "Vocabulary | None" = None
) -> "DataFrame":
    """Convert the table of DICOM headers to manifest rows; only the header fields that are needed are read.

    Parameters
    ----------
    tables
        ``headers``, which is the table of DICOM headers or the table of projections of the PNG mirror
        (``indiana_projections.csv``), and optionally ``views``: a view derived from the picture. Images with a lateral
        derived view are excluded, because the headers of this release state PA for many lateral images.
    view_from_procedure
        Not used; this release has no text on the procedure.
    words
        The view words; by default those of the package.
    """
    from cxrfactory.ingest.rows import draft, known, select_views, study_year
    from cxrfactory.ingest.tabular import with_position
    from cxrfactory.tables.people import plausible_ages, sexes

    table = tables["headers"]
    if "projection" in table.columns():
        return _projections(table, words)
    columns = ["imageid", "Patient ID", "Patient's Sex", "Patient's Birth Date", "Study Date", "View Position"]
    frame = with_position(table.read(columns), table)
    views = select_views(frame["View Position"], "View Position", words=words)
    joins = []
    if "views" in tables:
        views, join = _derived(views, frame["imageid"], tables["views"])
        joins = [join]
    # The study of CXR12_IM-0345-1001 is CXR12; a number may follow the study (CXR1_1_IM-0001-3001).
    study = frame["imageid"].str.extract(r"^(CXR\d+)_")[0].astype(object)
    found = draft(
        frame,
        frame["imageid"],
        frame["imageid"] + ".png",
        patient_id=known(frame["Patient ID"]),
        study_id=study.where(study.notna(), None),
        view=views["view"],
        sex=sexes(frame["Patient's Sex"]),
        age=plausible_ages(study_year(frame["Study Date"]) - study_year(frame["Patient's Birth Date"])),
        exclusion_reason=views["exclusion_reason"],
    )
    found.attrs["joins"] = joins
    return found


def _projections(table: "SourceTable", words: "Vocabulary | None") -> "DataFrame":
    """Convert the table of the PNG mirror: ``uid``, ``filename`` and ``projection`` (Frontal or Lateral).

    ``1_IM-0001-4001.dcm.png`` has the id ``CXR1_IM-0001-4001``. The table does not tell PA from AP.
    """
    from cxrfactory.ingest.rows import draft, select_sides
    from cxrfactory.ingest.tabular import with_position
    from cxrfactory.tables.joins import plain_ids

    frame = with_position(table.read(["uid", "filename", "projection"]), table)
    sides = select_sides(frame["projection"], "projection", words)
    names = frame["filename"].str.strip()
    return draft(
        frame,
        ("CXR" + names.str.replace(r"(\.dcm)?\.png$", "", regex=True)).where(names != "", ""),
        names,
        study_id="CXR" + plain_ids(frame["uid"]),
        view=sides["view"],
        exclusion_reason=sides["exclusion_reason"],
    )


def locate(root: "Path", paths: "Series") -> "Series":
    """Find images as PNG or DICOM in the root or in the archives' folders; missing images keep their PNG name."""
    from cxrfactory.ingest.files import index_folders

    studies = sorted(each for each in root.glob("NLMCXR_dcm/*") if each.name.isdecimal())
    found = index_folders(root, [*(root / folder for folder in _FOLDERS), *studies])

    def place(path: str) -> str:
        stem = path.removesuffix(".png").removesuffix(".dcm")
        # File names in the DICOM archive lack the prefix CXR.
        names = (path, f"{stem}.png", f"{stem}.dcm", f"{stem.removeprefix('CXR')}.dcm", f"CXR{stem}.png")
        return next((found[name] for name in names if name in found), path)

    return paths.map(place)


def _derived(views: "DataFrame", images: "Series", table: "SourceTable") -> "tuple[DataFrame, Join]":
    from cxrfactory.tables.joins import joined

    derived = table.read(["imageid", "tsne-view"]).drop_duplicates("imageid").set_index("imageid")["tsne-view"]
    found, join = joined(images, derived, "derived views", table.name)
    lateral = found.eq("L") & views["exclusion_reason"].isna()
    views = views.copy()
    views.loc[lateral, ["view", "exclusion_reason"]] = ["LATERAL", "View Position is frontal, the picture lateral"]
    return views, join
