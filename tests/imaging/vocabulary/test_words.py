import csv
from importlib.resources import files

import pytest

from cxrfactory.errors import CxrError
from cxrfactory.imaging.vocabulary.words import (
    FRONTAL,
    LONGEST_PHRASE,
    VIEWS,
    Vocabulary,
    default_vocabulary,
    described,
    normalised,
)

TABLES = ("views.csv", "body_parts.csv")
SPECIAL = {"NOT_KNOWN", "FILLER", "SIDE", "EXCLUDED"}


def rows(name):
    text = files("cxrfactory.imaging.vocabulary").joinpath(name).read_text(encoding="utf-8")
    return list(csv.reader(text.splitlines()))[1:]


@pytest.mark.parametrize("name", TABLES)
def test_a_table_holds_normalised_phrases_once_each(name):
    words = [word for word, _ in rows(name)]
    assert len(set(words)) == len(words)
    assert [normalised(word) for word in words] == words
    assert max(len(word.split()) for word in words) <= LONGEST_PHRASE


def test_every_view_of_the_table_is_known_and_every_view_has_a_word():
    assert {view for _, view in rows("views.csv")} - SPECIAL == {*VIEWS, FRONTAL}


@pytest.mark.parametrize("word", [word for word, view in rows("views.csv") if view in ("PA", "AP")])
def test_a_word_of_a_frontal_view_names_no_part_of_the_body_and_the_chest_changes_no_view(word):
    words = default_vocabulary()
    assert not words.body_part(word).meanings or "CHEST" in words.body_part(word).meanings  # THORAXAP
    assert words.view(f"Tórax {word}").frontal_view == words.view(word).frontal_view != FRONTAL


@pytest.mark.parametrize("word", [word for word, part in rows("body_parts.csv") if part == "CHEST"])
def test_a_word_of_the_chest_alone_names_no_frontal_view(word):
    view = default_vocabulary().view(word)
    assert view.frontal_view is None
    assert not view.unknown or view.meanings


@pytest.mark.parametrize(
    ("text", "plain"),
    [("Tórax", "TORAX"), ("LỒNG NGỰC", "LONG NGUC"), ("Đốt", "DOT"), ("p.a./lat.", "P A LAT"),
     ("AP_horizontal", "AP HORIZONTAL"), ("Schlüsselbein", "SCHLUSSELBEIN"), ("Fuß", "FUSS"), (" \t-?", ""),
     ("\uff21\uff30", "AP"), ("\u80f8\u90e8", "\u80f8\u90e8")],
)  # fmt: skip
def test_normalised(text, plain):
    assert normalised(text) == plain


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"view_words": ("TELE",)}, "expected WORD=MEANING"),
        ({"view_words": ("=PA",)}, "expected WORD=MEANING"),
        ({"view_words": ("TELE=SIDEWAYS",)}, "unknown meaning"),
        ({"view_words": ("LATERAL=PA",)}, "'LATERAL' already means LATERAL"),
        ({"view_words": ("TELE=PA", "tele=AP")}, "'TELE' already means PA"),
        ({"view_words": ("a b c d e f=PA",)}, "6 words"),
        ({"body_part_words": ("HAND=CHEST",)}, "'HAND' already means HAND"),
        ({"body_part_words": ("CAJA=TENT",)}, "unknown meaning"),
    ],
)
def test_added_words_with_an_impossible_meaning_are_refused(words, message):
    with pytest.raises(CxrError, match=message):
        Vocabulary(**words)


def test_an_added_word_may_repeat_what_is_known():
    assert Vocabulary(view_words=("lateral=lateral", "x-table lateral=XTABLE_LATERAL")).view("X-TABLE LATERAL").view


def test_described_says_no_word_of_the_text():
    assert described(" Doe ") == "a text of 3 signs that is in no table of words"
    assert described("D") == "a text of 1 sign that is in no table of words"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [("胸部后前位", "PA"), ("前后位", "AP"), ("正位", "FRONTAL"), ("侧位", "LATERAL"), ("左侧位", "LL"),
     ("정면", "FRONTAL"), ("боковая проекция", "LATERAL"), ("di faccia", "FRONTAL")],
)  # fmt: skip
def test_views_in_further_languages(text, meaning):
    assert default_vocabulary().view(text).meanings == (meaning,)


@pytest.mark.parametrize("text", ["胸部", "흉부", "Грудная клетка", "Göğüs", "Bröstkorg", "Θώρακας", "الصدر", "ทรวงอก"])
def test_the_chest_in_further_languages(text):
    assert default_vocabulary().body_part(text).meanings == ("CHEST",)
