"""70 sentences of forms, telegram style and dictation, labelled before the rules were run on them.

``form_sentences.csv`` holds the sentence and a row for each finding; a sentence without a finding has one row without
labels. The sentences that were read wrongly at first have since been used to correct general rules.
"""

import csv
from collections import defaultdict
from pathlib import Path

from cxrfactory.severity.lexicon import lexicon
from cxrfactory.severity.reports import read_report

TABLE = Path(__file__).with_name("form_sentences.csv")
LABELS = ("finding", "polarity", "grade", "change")


def test_sentences_of_forms_are_read_as_labelled():
    gold = defaultdict(set)
    with TABLE.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            gold[row["sentence"]] |= {tuple(row[name] for name in LABELS)} if row["finding"] else set()
    assert len(gold) == 70
    for text, labels in gold.items():
        rows = read_report({"findings": text}, lexicon())
        assert {tuple(row[name] for name in LABELS) for row in rows} == labels, text
