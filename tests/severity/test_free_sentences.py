"""400 free sentences in the styles of several countries, labelled before the rules were run on them.

``free_sentences.csv`` holds the set (1 to 3), the sentence, and a row for each finding; a sentence without a finding
has one row without labels. All three sets have since been used to correct general rules; docs/severity.md has the
figures of the first run.
"""

import csv
from collections import defaultdict
from pathlib import Path

from cxrfactory.severity.lexicon import lexicon
from cxrfactory.severity.mentions import mentions
from cxrfactory.severity.sentences import sentences

TABLE = Path(__file__).with_name("free_sentences.csv")


def labelled():
    """Labels of each sentence: finding -> (polarity, grade)."""
    found = defaultdict(dict)
    with TABLE.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            labels = found[row["sentence"]]
            if row["finding"]:
                labels[row["finding"]] = row["polarity"], row["grade"]
    return found


def read(text):
    found = [each for sentence in sentences(text) for each in mentions(sentence.text, lexicon())]
    return {each.finding: (each.polarity, each.grade) for each in found}


def test_free_sentences_are_read_as_labelled():
    gold = labelled()
    assert len(gold) == 400
    known = {(text, finding, *label) for text, labels in gold.items() for finding, label in labels.items()}
    said = {(text, finding, *label) for text in gold for finding, label in read(text).items()}
    for length, least in ((2, 0.99), (3, 0.985), (4, 0.98)):  # mention; polarity as well; grade as well
        theirs, ours = ({row[:length] for row in rows} for rows in (known, said))
        both = len(theirs & ours)
        assert both / len(ours) >= least
        assert both / len(theirs) >= least
