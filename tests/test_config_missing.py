"""Paths of a config that are not on this machine are told by ``config --check``."""

from cxrfactory.config import parse_config
from cxrfactory.config.missing import missing_paths


def test_paths_that_no_rule_makes_are_named_with_their_keys(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    (tmp_path / "file").write_text("x")
    config = parse_config(
        {
            "infer": {"weights": "w.safetensors"},
            "cxlseg": {"weights": "pretrained"},
            "hearts": {"root": "mr"},
            "datasets": {
                "a": {"root": "here", "layout": "folder", "view": "all-frontal", "labels": "no.csv"},
                "b": {"root": "$HOME/films", "layout": "folder", "view": "all-frontal"},
                "c": {"root": "file", "layout": "vindr-cxr", "reports": {"source": "texts", "layout": "text"}},
                "d": {"root": "results/cohort/release/x", "layout": "vindr-cxr"},
            },
            "scans": {"s": {"root": "none"}},
        }
    )
    assert missing_paths(config) == [
        "datasets.a.labels: 'no.csv': no such file here",
        "datasets.b.root: '$HOME/films': no such folder here; '$' is not replaced in paths: write the path itself, or "
        "~ for the home folder",
        "datasets.c.root: 'file': no such folder here",
        "datasets.c.reports.source: 'texts': no such file or folder here",
        "scans.s.root: 'none': no such folder here",
        "hearts.root: 'mr': no such folder here",
        "infer.weights: 'w.safetensors': no such file here",
    ]


def test_defaults_are_not_looked_at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert missing_paths(parse_config({})) == []
