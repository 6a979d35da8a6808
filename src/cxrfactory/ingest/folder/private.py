"""Replace the ids of a folder's rows by pseudonyms, and their paths by links; the private folder maps them back."""

from pathlib import Path

import pandas as pd

from cxrfactory.config import DatasetConfig
from cxrfactory.logs import get_logger
from cxrfactory.tables.pseudonyms import link_films, open_pseudonyms, write_keys

_IDS = {"image": "image_id", "patient": "patient_id", "study": "study_id"}

log = get_logger(__name__)


def pseudonymised(rows: pd.DataFrame, settings: DatasetConfig, name: str) -> pd.DataFrame:
    """Return rows whose ids are pseudonyms and whose paths are names of links; write the keys and the links.

    Parameters
    ----------
    rows
        Draft rows with the original ids and paths, and ``file``: the path to open, or null.
    settings
        ``private`` is the private folder.
    name
        Name of the dataset, which names the private folder if the config does not.

    Raises
    ------
    CxrError
        If the private folder cannot be used.
    """
    folder = Path(settings.private or f"private/{name}")
    pseudonyms = open_pseudonyms(folder)
    new = rows.copy()
    empty = rows["image_id"] == ""
    ids = rows["image_id"].mask(empty, "no-id:" + rows["row"].astype(str))
    new["image_id"] = [pseudonyms.of("image", each) for each in ids]
    new.loc[empty, "exclusion_reason"] = "image id is empty"
    for kind in ("patient", "study"):
        column = _IDS[kind]
        new[column] = [None if pd.isna(each) else pseudonyms.of(kind, each) for each in rows[column]]
    names = [
        None if file is None else pseudonyms.link_name(image, path)
        for image, path, file in zip(new["image_id"], rows["path"], rows["file"], strict=True)
    ]
    new["path"], new["table"] = pd.Series(names, new.index, dtype=object), ""
    kept = new[[*_IDS.values()]].join(rows.assign(image_id=ids)[[*_IDS.values(), "path"]].add_prefix("original_"))
    write_keys(folder, kept.astype(object).where(kept.notna(), None).to_dict("records"))
    link_films(folder, {name: file for name, file in zip(names, rows["file"], strict=True) if name is not None})
    log.info("%s: %d ids are pseudonyms; the key and keys.csv lie in the private folder", name, len(new))
    return new
