import pytest
import yaml

from cxrfactory.errors import CxrError
from cxrfactory.severity.lexicon import lexicon, read_lexicon, spellings
from cxrfactory.severity.mentions import mentions
from cxrfactory.tables.severity import CHANGES, GRADES

FINDINGS = """
findings:
  stone:
    title: Stone
    named: [stone]
    about:
      - structure: [kidney]
        abnormal: [stony]
        normal: [plain]
"""
CUES = """
absent: {before: ["no"]}
grade: {mild: [small]}
"""


def refused(findings=FINDINGS, cues=CUES):
    with pytest.raises(CxrError) as caught:
        read_lexicon(findings, cues, "f.yaml", "c.yaml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_table_of_ones_own_reads_its_own_finding():
    words = read_lexicon(FINDINGS, CUES)
    (found,) = mentions("Small stone.", words)
    assert (found.finding, found.polarity, found.grade) == ("stone", "present", "mild")
    (found,) = mentions("No stone.", words)
    assert found.polarity == "absent"
    (found,) = mentions("Kidney: plain.", words)
    assert found.polarity == "absent"
    assert mentions("Cardiomegaly.", words) == ()


def phrases():
    for first, sizes in lexicon().phrases.items():
        assert [size for size, _ in sizes] == sorted({size for size, _ in sizes}, reverse=True)
        for _, known in sizes:
            yield from (((first, *rest), entry) for rest, entry in known.items())


def test_the_word_no_is_a_word():
    assert ("no",) in {words for words, _ in phrases()}


def test_every_phrase_has_an_entry_that_means_something():
    for words, entry in phrases():
        means = (entry.named, entry.structure, entry.states, entry.before, entry.after, entry.change, entry.grade)
        assert any(means) or entry.marks, words
        assert entry.change in ("", *CHANGES)
        assert entry.grade in ("", *GRADES)


def test_optional_words_and_alternatives():
    assert sorted(spellings("a|b? c")) == [("a", "c"), ("b", "c"), ("c",)]


def test_an_unknown_key_is_refused():
    assert refused(FINDINGS.replace("title", "titel")) == (
        "f.yaml: stone: unknown key 'titel'; expected one of title, named, not_named, about"
    )
    assert refused(cues="absent: {befor: [no]}") == "c.yaml: absent: unknown key 'befor'; expected one of before, after"
    assert refused(cues="absnt: {before: [no]}") == "c.yaml: unknown key 'absnt'"
    assert refused(cues="grade: {slight: [small]}").startswith("c.yaml: grade: unknown key 'slight'; expected one of")


def test_a_missing_key_or_list_is_refused():
    assert refused("findings: {stone: {named: [stone]}}") == "f.yaml: stone: the key 'title' is missing"
    assert refused("other_structures: [lung]") == "f.yaml: the key 'findings' is missing"
    assert refused(FINDINGS.replace("[stone]", "stone")) == (
        "f.yaml: stone: 'named' is 'stone'; expected a list of phrases"
    )
    assert refused("[stone]") == "f.yaml: expected keys with values, got list"
    assert refused("") == "f.yaml: expected keys with values, got nothing"


def test_a_phrase_that_may_be_empty_is_refused():
    assert "may be empty" in refused(FINDINGS.replace("[stone]", "['stone?']"))


def test_a_bare_no_is_refused():
    assert "is not text" in refused(cues="absent: {before: [no]}")


def test_text_that_is_no_yaml_is_refused_with_its_line():
    assert refused("findings:\n  a: [b\n").startswith("f.yaml, line 3: not YAML (")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(CxrError, match=r"none\.yaml: cannot be read \(No such file"):
        lexicon(str(tmp_path / "none.yaml"))
    (tmp_path / "latin.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(CxrError, match=r"latin\.yaml: cannot be read \(it is not UTF-8 text\)"):
        lexicon(None, str(tmp_path / "latin.yaml"))


def test_a_written_copy_of_the_tables_reads_the_same(tmp_path):
    words = lexicon()
    from importlib.resources import files

    folder = files("cxrfactory.severity") / "resources"
    for name in ("findings.yaml", "cues.yaml"):
        loaded = yaml.safe_load((folder / name).read_text())
        (tmp_path / name).write_text(yaml.safe_dump(loaded, sort_keys=False))
    copy = lexicon(str(tmp_path / "findings.yaml"), str(tmp_path / "cues.yaml"))
    assert (copy.titles, copy.finding_of, copy.kin) == (words.titles, words.finding_of, words.kin)
    assert copy.phrases == words.phrases


def test_a_ratio_in_numbers_is_a_state_of_the_structures_that_have_a_limit():
    words = read_lexicon(FINDINGS.replace("        normal: [plain]", "        above: 0.25"), CUES)
    said = {
        text: [each.polarity for each in mentions(text, words)] for text in ("Kidney 0.3", "Kidney 25 %", "Kidney 3")
    }
    assert said == {"Kidney 0.3": ["present"], "Kidney 25 %": ["absent"], "Kidney 3": []}


@pytest.mark.parametrize("value", ["2.5", "0", "half", "[0.5]"])
def test_a_limit_is_a_ratio(value):
    assert "'above' is '" in refused(FINDINGS.replace("        normal: [plain]", f"        above: {value}"))
