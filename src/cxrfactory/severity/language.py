"""Whether a report is in English; the rules read no other language."""

import re

_WORD = re.compile(r"[^\W\d_]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))


_ENGLISH = _words("the of and is are was were there with without has have not seen this from on heart lungs")
# Short words of other languages that English reports lack; those that decide alone stand in _DECIDES.
_OTHER = _words(
    "el la los las del de con por una en le les des du une dans avec est au aux der die das den dem ist im mit bei "
    "il lo gli della dei di nel nella da do dos em na um uma het een zijn met och af og på med jest nie "
    "ve ile"
)
_DECIDES = _words(
    "sin sem sans senza ohne pas keine kein keinen nicht und geen niet não brak bez ingen inga ikke inte sono "
    "cardiomegalia kardiomegalie kardiomegali escoliosis escoliose skoliose"
)
_DECIDING = 2
# Words of English reports that are no function words; "normal" and Latin words are left out, because others share them.
_REPORTING = _words(
    "no heart lung lungs chest size clear enlarged large normally mild mildly moderate severe stable unchanged change "
    "disease acute evidence seen noted right left lower upper lobe bones bony line tube tip since prior study findings "
    "within limits low high volume volumes for to by an it its be been may likely without or view views tortuous known "
    "intact patient film expanded active process shadow cardiac pulmonary pleural spine small both other appear exam "
    "unremarkable otherwise appears bilateral soft tissue borderline minimal less some density opacity opacities "
    "prominent vascularity airspace atelectasis artery"
)
_ENGLISH_ENDINGS = ("ed", "ing", "ous", "ity")
_LONG = 6  # letters of a word whose ending counts
_FEW = 4  # words from which a text without any English word is in another language


def in_english(text: str) -> bool:
    """Return whether a text is in English, by its short words and its letters; an empty text is.

    Examples
    --------
    >>> in_english("The heart is enlarged."), in_english("Sin cardiomegalia."), in_english("心影不大。")
    (True, False, False)
    """
    found = _WORD.findall(text.lower())
    english = sum(word in _ENGLISH for word in found)
    other = sum(word in _OTHER for word in found) + _DECIDING * sum(word in _DECIDES for word in found)
    if other >= _DECIDING and other > english:
        return False
    letters = "".join(found)
    if found and not english and (len(found) >= _FEW or not letters.isascii()) and not _sounds_english(found):
        return False
    return letters.isascii() or 2 * sum(letter.isascii() for letter in letters) >= len(letters)


def _sounds_english(found: list[str]) -> bool:
    return not _REPORTING.isdisjoint(found) or any(
        len(word) >= _LONG and word.endswith(_ENGLISH_ENDINGS) for word in found
    )
