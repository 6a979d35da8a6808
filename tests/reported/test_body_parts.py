"""BodyPartExamined and Modality as hospitals write them: chest words of many languages, other parts, unknown words."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from cxrfactory.errors import ImageError
from cxrfactory.imaging.radiograph.reading import read_radiograph
from cxrfactory.imaging.radiograph.screening import HeaderChecks
from cxrfactory.imaging.vocabulary.words import Vocabulary
from tests.imaging.dicom_files import SECRETS, file_bytes, radiograph, ramp
from tests.reported import Case

KIND = "body part and modality"
SOURCE = "OHDSI/ImageWG#11"

CHEST = (
    *("CHEST", "chest ", "CHST", "THORAX", "Thorax", "TORAX", "TÓRAX", "Tórax", "RX TORAX", "RX_TORAX", "TORAX PA"),
    *("TORAX AP Y LAT", "TORACE", "PECHO", "PEITO", "PETTO", "BRUSTKORB", "POITRINE", "NGUC", "LONG NGUC", "LỒNG NGỰC"),
    *("PULMON", "PULMÃO", "POUMONS", "LUNGE", "POLMONI", "PHỔI", "LUNG", "RIB", "RIBS", "STERNUM", "CLAVICLE", "HEART"),
    *("MEDIASTINUM", "TSPINE", "T-SPINE", "CHESTABDOMEN", "CHEST ABDOMEN", "WHOLEBODY", "WHOLE BODY", "NECKCHEST"),
    *("CHEST PORTABLE", "PORT CHEST", "CHEST 2 VIEWS", "RXTORAX", "CHESTPA", "THORAXAUFNAHME", "THORAX p.a./lat."),
    *("CHEST, PA", "CXR", "X-RAY CHEST", "RADIOGRAFIA DE TORAX", "RADIOGRAPHIE THORAX", "Röntgen Thorax", "BABYGRAM"),
    *("TELETORAX", "CHEST1", "CHEST+ABD", "Thoraxaufn.", "UPPER BODY", "TÓRAX PA Y LATERAL"),
)  # fmt: skip
NOT_KNOWN = (
    *("", " ", "UNKNOWN", "UNK", "OTHER", "NA", "N/A", "n.a.", "NONE", "-", "--", "?", "NULL", "DEFAULT"),
    "NOT SPECIFIED",
    *("DESCONOCIDO", "NO ESPECIFICADO", "DESCONHECIDO", "NÃO INFORMADO", "UNBEKANNT", "INCONNU", "SCONOSCIUTO"),
    *("NON SPECIFICATO", "KHÔNG RÕ", "KEINE ANGABE", "AUTRE", "SONSTIGES", "PA", "PORTABLE"),
)  # fmt: skip
OTHER = {
    "SKULL": "SKULL", "CRANEO": "skull", "CRÂNIO": "skull", "Schädel": "skull", "CRÂNE": "skull", "SỌ": "skull",
    "HAND": "HAND", "MANO": "hand", "MÃO": "hand", "MAIN": "hand", "BÀN TAY": "hand", "HAND PA": "HAND",
    "ABDOMEN": "ABDOMEN", "ABD": "abdomen", "BAUCH": "abdomen", "ADDOME": "abdomen", "Ổ BỤNG": "abdomen",
    "KNEE": "KNEE", "RODILLA": "knee", "JOELHO": "knee", "GENOU": "knee", "KNIE LINKS": "knee", "KHỚP GỐI": "knee",
    "PELVIS": "PELVIS", "BECKEN": "pelvis", "BASSIN": "pelvis", "BACINO": "pelvis", "KHUNG CHẬU": "pelvis",
    "LSPINE": "lumbar spine", "L-SPINE": "lumbar spine", "CSPINE": "cervical spine", "HWS": "cervical spine",
    "BREAST": "BREAST", "SHOULDER": "SHOULDER", "HOMBRO": "shoulder", "EXTREMITY": "leg", "FOOT": "FOOT",
}  # fmt: skip
STORAGE = "1.2.840.10008.5.1.4.1.1."
MODALITIES = ("CR", "DX", "DR", "XR", "RX", "RG", "OT", "RF", "cr ", None)


def _read(folder, header, **checks):
    path = folder / "film"
    beyond = {name: text for name, text in header.items() if isinstance(text, str) and not text.isascii()}
    plain = {name: text for name, text in header.items() if name not in beyond}
    path.write_bytes(file_bytes(radiograph(**plain), **beyond))
    return read_radiograph(path, checks=HeaderChecks(**checks))


def _right(**header):
    def run(folder):
        found = _read(folder, header)
        assert np.array_equal(found.pixels, ramp())
        assert found.notes == ()

    return run


def _refused(said, **header):
    def run(folder):
        with pytest.raises(ImageError) as caught:
            _read(folder, header)
        assert said in str(caught.value)
        assert not any(secret in str(caught.value) for secret in SECRETS)
        assert "\n" not in str(caught.value)

    return run


def _noted(said, checks, **header):
    def run(folder):
        found = _read(folder, header, **checks)
        assert np.array_equal(found.pixels, ramp())
        assert len(found.notes) == 1
        assert said in found.notes[0]

    return run


def _latin1(folder):
    (folder / "film").write_bytes(file_bytes(radiograph(BodyPartExamined="TXRAX ")).replace(b"TXRAX", b"T\xd3RAX"))
    assert np.array_equal(read_radiograph(folder / "film").pixels, ramp())


def _code(meaning):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "0", "SCT", meaning
    return [item]


def _added_word(folder):
    words = Vocabulary(body_part_words=("Placa de frente=chest", "TELE=HAND"))
    assert np.array_equal(_read(folder, {"BodyPartExamined": "PLACA DE FRENTE"}, vocabulary=words).pixels, ramp())
    with pytest.raises(ImageError, match=r"TELE \(hand\)"):
        _read(folder, {"BodyPartExamined": "TELE"}, vocabulary=words)


CASES = [
    *(Case(f"chest word {word!r}", "right", _right(BodyPartExamined=word)) for word in CHEST),
    *(Case(f"not known {word!r}", "right", _right(BodyPartExamined=word)) for word in NOT_KNOWN),
    *(Case(f"other part {word!r}", "refused", _refused(said, BodyPartExamined=word)) for word, said in OTHER.items()),
    Case("unknown word", "refused", _refused("a text of 10 signs that is in no table", BodyPartExamined="Doe^Secret")),
    Case("unknown script", "refused", _refused("a text of 9 signs that is in no table", BodyPartExamined="გულმკერდი")),
    Case("other part and patient", "refused", _refused("is MANO (hand)", BodyPartExamined="MANO ID-0815")),
    Case("absent", "right", _right(BodyPartExamined=None)),
    Case("several values", "right", _right(BodyPartExamined=["CHEST", "ABDOMEN"])),
    Case("Latin-1 in a code string", "right", _latin1),
    Case("switch, other part", "reported",
         _noted("BodyPartExamined is HAND", {"body_part": "ignore"}, BodyPartExamined="HAND")),
    Case("switch, unknown", "reported",
         _noted("text of 10 signs", {"body_part": "ignore"}, BodyPartExamined="Doe^Secret")),
    Case("added words", "right", _added_word),
    Case("region code, skull", "refused",
         _refused("AnatomicRegionSequence is SKULL", BodyPartExamined=None, AnatomicRegionSequence=_code("Skull"))),
    Case("region code, chest", "right", _right(BodyPartExamined="", AnatomicRegionSequence=_code("Entire thorax"))),
    Case("region code beside the part", "right", _right(AnatomicRegionSequence=_code("Hand"))),
    *(Case(f"modality {name}", "right", _right(Modality=name)) for name in MODALITIES),
    *(Case(f"modality {name}", "refused", _refused(f"modality {name}", Modality=name))
      for name in ("MG", "CT", "XA", "PX")),
    Case("modality unknown", "refused", _refused("modality an unknown one", Modality="DOE")),
    Case("secondary capture, words", "right", _right(SOPClassUID=STORAGE + "7.3")),
    Case("fluoroscopy storage, chest PA", "reported",
         _noted("fluoroscopy", {}, SOPClassUID=STORAGE + "12.2", Modality="RF")),
    Case("fluoroscopy storage, no view", "refused",
         _refused("Radiofluoroscopic", SOPClassUID=STORAGE + "12.2", Modality="RF", ViewPosition=None)),
    Case("fluoroscopy storage, abdomen", "refused",
         _refused("Radiofluoroscopic", SOPClassUID=STORAGE + "12.2", Modality="RF", BodyPartExamined="ABDOMEN")),
    Case("mammography storage", "refused", _refused("Mammography", SOPClassUID=STORAGE + "1.2")),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.filterwarnings("ignore:The value length")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case, tmp_path):
    case.run(tmp_path)
