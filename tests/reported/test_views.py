"""Words of views, each in a release's table and in a DICOM header: the same table decides both."""

import numpy as np
import pandas as pd
import pytest
from pydicom.dataset import Dataset

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.imaging.radiograph.screening import HeaderChecks
from cxrfactory.imaging.vocabulary.words import VIEWS, Vocabulary
from cxrfactory.ingest.rows import select_views
from tests.imaging.dicom_files import SECRETS, file_bytes, radiograph, ramp
from tests.reported import Case

KIND = "views"
SOURCE = "MIT-LCP/mimic-code#1284"

FRONTAL = {
    **dict.fromkeys(("PA", "pa ", "P-A", "P.A.", "p.a.", "POSTERO-ANTERIOR", "postero anterior"), "PA"),
    **dict.fromkeys(("PA ERECT", "PA UPRIGHT", "CHEST PA", "TORAX PA", "RX TORAX PA", "Thorax p.a.", "PA_CHEST"), "PA"),
    **dict.fromkeys(("Thorax pa im Stehen", "Tórax em PA", "PA EN BIPEDESTACION", "PA in piedi", "PA 180CM"), "PA"),
    **dict.fromkeys(("POSTERO ANTERIEUR", "POSTERO-ANTERIORE", "PÓSTERO-ANTERIOR", "SAU TRƯỚC", "DORSOVENTRAL"), "PA"),
    **dict.fromkeys(("AP", "A.P.", "a-p", "ANTERO-POSTERIOR", "ANTEROPOSTERIOR", "antéro-postérieur"), "AP"),
    "TRƯỚC SAU": "AP",
    **dict.fromkeys(("AP SUPINE", "AP PORTABLE", "AP ERECT", "AP UPRIGHT", "SUPINE AP", "PORTABLE AP CHEST"), "AP"),
    **dict.fromkeys(("AP DECUBITO SUPINO", "AP SENTADO", "AP LIEGEND", "AP COUCHÉ", "AP SEMI-ERECT"), "AP"),
    **dict.fromkeys(("Thorax ap im Liegen", "AP a letto", "AP no leito", "AP EN CAMA", "nằm AP", "AP ASSIS"), "AP"),
    "AP BEDSIDE": "AP",
    **dict.fromkeys(("FRONTAL", "FRENTE", "DE FACE", "THẲNG", "FRONTALE", "PA/AP", "Tórax frontal"), None),
    "X-quang ngực thẳng": None,
}  # fmt: skip
OTHER = {
    **dict.fromkeys(("LATERAL", "lateral", "LAT", "LAT.", "L", "LATERALE", "PERFIL", "PROFIL", "SEITLICH"), "LATERAL"),
    **dict.fromkeys(("NGHIÊNG", "TORAX LATERAL", "Thorax seitlich", "CHEST LAT", "LARGE LATERAL"), "LATERAL"),
    "TÓRAX PERFIL": "LATERAL",
    **dict.fromkeys(("LL", "LEFT LATERAL", "LATERAL IZQUIERDA", "PERFIL ESQUERDO", "PROFIL GAUCHE", "L-LAT"), "LL"),
    **dict.fromkeys(("RL", "RIGHT LATERAL", "LATERAL DERECHA", "LATERALE DESTRA", "SEITLICH RECHTS"), "RL"),
    **{name: name for name in ("LLD", "RLD", "LLO", "RLO", "LAO", "RAO", "LPO", "RPO", "SWIMMERS", "COSTAL")},
    "RIGHT ANTERIOR OBLIQUE": "RAO", "XTABLE LATERAL": "XTABLE_LATERAL", "Cross-table lateral": "XTABLE_LATERAL",
    "SWIMMER'S": "SWIMMERS", "AP AXIAL": "AP_AXIAL", "AP LLD": "AP_LLD", "AP RLD": "AP_RLD", "PA LLD": "PA_LLD",
    "PA RLD": "PA_RLD", "AP_horizontal": "AP_HORIZONTAL", "OBLIQUE": "OBLIQUE", "OBLICUA": "OBLIQUE",
    "Schräg": "OBLIQUE", "AP OBLIQUE": "OBLIQUE", "LORDOTIC": "LORDOTIC", "APICAL": "LORDOTIC",
    "AP LORDOTIC": "LORDOTIC", "DECUBITUS": "DECUBITUS", "LEFT LATERAL DECUBITUS": "LLD",
    "DÉCUBITO LATERAL": "DECUBITUS",
    "TORAX AP Y LAT": "LATERAL", "THORAX a.p./lat.": "LATERAL", "PA AND LATERAL": "LATERAL", "EXCLUDE": None,
}  # fmt: skip
NOT_KNOWN = (
    *("", "UNKNOWN", "UNK", "OTHER", "NA", "N/A", "NONE", "-", "?", "DESCONOCIDO", "NO ESPECIFICADO", "DESCONHECIDO"),
    *("UNBEKANNT", "INCONNU", "SCONOSCIUTO", "KHÔNG RÕ", "CHEST", "CHEST PORTABLE"),
)
UNKNOWN = ("UPSIDE DOWN", "Doe^Secret", "R", "LEFT", "PA Doe^Secret", "HAND PA", "ท่าตรง", "x" * 300)


def _table(value, view, kept):
    def run(folder):
        found = select_views(pd.Series([value], dtype=str), "View", quote=False).iloc[0]
        assert found["view"] == view
        assert view is None or view in VIEWS
        assert (found["exclusion_reason"] is None) == kept
        assert kept or not any(secret in found["exclusion_reason"] for secret in SECRETS)

    return run


def _read(folder, value, words=None, **header):
    path = folder / "film"
    given = {"ViewPosition": value, **header}
    beyond = {name: text for name, text in given.items() if isinstance(text, str) and not text.isascii()}
    plain = {name: text for name, text in given.items() if name not in beyond}
    path.write_bytes(file_bytes(radiograph(**plain), **beyond))
    return read_radiograph(path, checks=HeaderChecks(vocabulary=words or Vocabulary()))


def _header(value, view="unset", **header):
    def run(folder):
        found = _read(folder, value, **header)
        assert np.array_equal(found.pixels, ramp())
        if view != "unset":
            assert found.view == view

    return run


def _refused(value, said="expected a frontal view", **header):
    def run(folder):
        with pytest.raises(ImageError) as caught:
            _read(folder, value, **header)
        assert said in str(caught.value)
        assert not any(secret in str(caught.value) for secret in SECRETS)

    return run


def _code(meaning):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "399000", "SCT", meaning
    return [item]


def _added_word(folder):
    words = Vocabulary(view_words=("Tele de tórax=PA", "CANTO=LATERAL", "VACIO=unknown"))
    assert _read(folder, "TELE DE TORAX", words).view == "PA"
    assert _read(folder, "VACIO", words).view is None
    with pytest.raises(ImageError, match="view position CANTO"):
        _read(folder, "CANTO", words)
    cells = pd.Series(["tele de torax", "canto", "vacio"], dtype=str)
    assert select_views(cells, "View", words=words)["view"].tolist() == ["PA", "LATERAL", None]


DESCRIBED_LATERAL = (
    *("CHEST LAT", "TORAX LATERAL", "Thorax seitlich", "Thorax profil", "TORACE LATERALE", "TÓRAX PERFIL"),
    *("phổi nghiêng", "Thorax oblique", "CHEST LEFT LATERAL", "Rx tórax lateral izquierda"),
)
DESCRIBED_OTHERWISE = (
    *("PA and LAT", "TORAX PA Y LATERAL", "AP lateral decubitus", "Bilateral", "CHEST L", "THORAX", "Thorax p.a./lat."),
    *("Lateralisation", "left lung", "CHEST PORTABLE"),
)
CASES = [
    *(Case(f"table {value!r}", "right", _table(value, view, True)) for value, view in FRONTAL.items()),
    *(Case(f"table {value!r}", "refused", _table(value, view, False)) for value, view in OTHER.items()),
    *(Case(f"table {value!r}", "refused", _table(value, None, False)) for value in (*NOT_KNOWN, *UNKNOWN)),
    *(Case(f"header {value!r}", "right", _header(value, view or "FRONTAL")) for value, view in FRONTAL.items()),
    *(Case(f"header {value!r}", "refused", _refused(value)) for value in OTHER),
    *(Case(f"header {value!r}", "right", _header(value, None)) for value in NOT_KNOWN),
    *(Case(f"header {value[:20]!r}", "refused", _refused(value, "that is in no table")) for value in UNKNOWN),
    *(Case(f"described {text!r}", "refused", _refused(None, "lateral", SeriesDescription=text))
      for text in DESCRIBED_LATERAL),
    *(Case(f"described {text!r}", "right", _header(None, SeriesDescription=text)) for text in DESCRIBED_OTHERWISE),
    Case("part names the view", "refused", _refused(None, "lateral", BodyPartExamined="TORAX LAT")),
    Case("view code lateral", "refused", _refused(None, "LEFT LATERAL", ViewCodeSequence=_code("left lateral"))),
    Case("view code frontal", "right", _header(None, "PA", ViewCodeSequence=_code("postero-anterior"))),
    Case("view code against ViewPosition", "refused", _refused("PA", "LATERAL", ViewCodeSequence=_code("Lateral"))),
    Case("view code of a patient", "right", _header("PA", "PA", ViewCodeSequence=_code("Doe^Secret"))),
    Case("added words", "right", _added_word),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.filterwarnings("ignore:The value length")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)
