"""Occlusion: the growth of the Hausdorff distance is a mean over images of means over boxes and organs."""

import pandas as pd
import pytest

from cxrfactory.config.paper_studies import StudyRunConfig
from cxrfactory.studies.occlusion import summarise


def test_growth_is_compared_image_by_image(tmp_path):
    rows = [
        {"model": model, "source": "JSRT", "image_id": image, "box_px": box, "place": place, "organ": organ,
         "dice": 0.9, "hd_px": 10.0 + (box / 512) * (slope + place) + number}
        for model, slope in (("hybridgnet", 2.0), ("unet", 8.0))
        for number, image in enumerate(("a", "b", "c"))
        for box in (0, 512)
        for place in (0, 1)
        for organ in ("lungs", "heart")
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "boxes.csv", index=False)
    summarise({"boxes": [tmp_path / "boxes.csv"]}, tmp_path / "out", StudyRunConfig())
    (sign,) = pd.read_csv(tmp_path / "out" / "signs.csv").itertuples()
    assert (sign.value, sign.low, sign.high, sign.verdict) == (6.0, 6.0, 6.0, "agrees")
    text = (tmp_path / "out" / "finding.md").read_text()
    assert "HybridGNet grows by 2.5 px, that of the U-Net by 8.5 px" in text
    assert "on 3 images of JSRT" in text
    table = pd.read_csv(tmp_path / "out" / "table.csv").set_index(["model", "box_px"])
    assert table.loc[("unet", 512), "hd_px"] == pytest.approx(19.5)
