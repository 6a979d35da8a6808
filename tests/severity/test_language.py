import pytest

from cxrfactory.severity.language import in_english

ENGLISH = [
    "Borderline cardiomegaly, otherwise unremarkable exam.",
    "Suspected cardiomegaly.",
    "Calcified breast implants, tortuous aorta.",
    "The heart is enlarged.",
    "Cardiomegaly.",
    "De novo cardiomegaly.",
    "No acute disease.",
    "Tip of a PICC line at the SVC; the film is rotated. Dr. van der Berg was told.",
    "CTR 0.55",
    "",
    "XXXX.",
    "Oedème of the lungs is not seen.",
]
OTHER = [
    "Cardiomégalie modérée.",
    "Silueta cardiaca de tamaño normal.",
    "Thorax unauffällig.",
    "Cor tidak membesar, sinus dan diafragma normal.",
    "Seios costofrênicos livres.",
    "Sin cardiomegalia.",
    "No se observa cardiomegalia. Senos costofrénicos libres.",
    "Índice cardiotorácico dentro de los límites de la normalidad.",
    "Silhouette cardiaque de taille normale. Pas d'épanchement pleural.",
    "Das Herz ist nicht vergrößert. Keine Stauung.",
    "Herz normal groß, keine Infiltrate.",
    "Área cardíaca normal, sem derrame pleural.",
    "Non si osservano addensamenti; il cuore è nei limiti della norma, senza versamento.",
    "Geen cardiomegalie.",
    "心影增大，主动脉迂曲。",
    "Сердце не расширено.",
]


@pytest.mark.parametrize("text", ENGLISH)
def test_english(text):
    assert in_english(text)


@pytest.mark.parametrize("text", OTHER)
def test_other_languages(text):
    assert not in_english(text)
