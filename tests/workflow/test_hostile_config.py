"""Every text of a config is data: no shell runs it, Snakemake takes no wildcard out of it, no program an option."""

import csv
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from cxrfactory.config import Config, parse_config, read_config
from cxrfactory.errors import CxrError
from cxrfactory.ingest.datasets import complete, without_originals
from cxrfactory.tables.parquet import read_table, write_arrow
from cxrfactory.workflow.names import texts
from cxrfactory.workflow.plan import Plan

ROOT = Path(__file__).parents[2]
SAFE = "safe"
QUOTES = "it's; touch pwned; echo '"
SUBSTITUTIONS = 'a "$(touch pwned)" `touch pwned` $HOME \\'
REDIRECTIONS = " a b && touch pwned | tee pwned > pwned & # * ~ ! %s "
WILDCARDS = "{dataset} {wildcards.x} {shard} {input} {{a}} {0}"
MARKUP = "<script>alert(1)</script><results>"
HOSTILE = {
    "quotes": QUOTES,
    "shell": QUOTES + SUBSTITUTIONS + REDIRECTIONS,
    "substitutions": SUBSTITUTIONS,
    "redirections": REDIRECTIONS,
    "wildcards": WILDCARDS,
    "markup": MARKUP,
    "dash": "-rf",
    "long dash": "--help",
    "upwards": "../",
    "line break": "a\ntouch pwned\n",
    "carriage return": "a\rb",
    "escape": "\x1b[2J",
    "separator": "a\u2028b",
}
RELEASE = "vindr-cxr"
OWN = "own"  # a folder of one's own
OWN_COLUMNS = ("image_id", "path", "patient_id", "study_id", "view", "sex", "age", "findings")
AGREEMENT_COLUMNS = (
    *("measured_item", "measured_grade", "measured_value", "reference_item", "reference_grade"),
    "patient",
)
COMMAND = "Shell command: "


def config(text=SAFE, only=None):
    """A config whose every free text begins with a text of ours, or that of one key; the rest begins with ``safe``."""

    def mine(key, end="", also=""):
        return f"{also}{text if only is None or key in only else SAFE}{end}"

    def known(key, name):
        """A name that must be a known one, else it is refused."""
        return text if only and key in only else name

    reports = {"source": mine("reports.source", "-reports.csv"), "layout": known("reports.layout", "table")}
    dataset = {
        "root": mine("datasets.root", "-root"),
        "layout": known("datasets.layout", RELEASE),
        "shards": 1,
        "labels": mine("datasets.labels", "-l.csv"),
        "exclude": mine("datasets.exclude", "-e.csv"),
        "reports": reports,
    }
    own = {
        "root": mine("datasets.own.root", "-own"),
        "layout": "folder",
        "table": mine("datasets.table", "-list.csv"),
        "columns": {name: mine(f"datasets.columns.{name}", f"-{name}") for name in OWN_COLUMNS},
        "frontal": [mine("datasets.frontal", "-1"), mine("datasets.frontal", "-2")],
        "patient": mine("datasets.patient", "(.*)"),
        "study": mine("datasets.study", "(.*)"),
        "pseudonymise": True,
        "private": mine("datasets.private", "-private"),
        "shards": 1,
    }
    scans = {
        "root": mine("scans.root", "-scans"),
        "ct": mine("scans.ct", "/{study}/ct.nii.gz"),
        "labels": mine("scans.labels", "/{study}/labels"),
        "names": mine("scans.names", "-names.csv"),
        "patient": mine("scans.patient", "(.*)"),
        "exclude": mine("scans.exclude", "-e.csv"),
        "axes": mine("scans.axes"),
        "spacing_mm": [1, 1, 2],
    }
    return {
        "results": mine("results", "-results"),
        "cohort": {"folder": mine("cohort.folder", "-cohort"), "patients": 7, "labelled": 3},
        "datasets": {mine("datasets") if only and "datasets" in only else RELEASE: dataset, OWN: own},
        "scans": {mine("scans") if only and "scans" in only else "ct": scans},
        "labelled": {
            "root": mine("labelled.root", "-labelled"),
            "images": {mine("labelled.images"): mine("labelled.images", "-images")},
            "train_list": mine("labelled.train_list", "-t.txt"),
            "val_list": mine("labelled.val_list", "-v.txt"),
        },
        "train": {
            "balance": "class",
            "classes": mine("train.classes", "-classes.csv"),
            "shapes": mine("train.shapes", "-s"),
        },
        "registration": {"shapes": mine("registration.shapes", "-s")},
        "infer": {"weights": mine("infer.weights", "-w.safetensors")},
        "rca": {
            "network": mine("rca.network", "-n.safetensors"),
            "calibration": mine("rca.calibration", "-c.json"),
        },
        "cxlseg": {
            "weights": mine("cxlseg.weights", "-x.safetensors"),
            "train": {
                "classes": mine("cxlseg.train.classes", "-classes.csv"),
                "shapes": mine("cxlseg.train.shapes", "-s"),
            },
        },
        "classify": {
            "labels": [mine("classify.labels", "-1"), mine("classify.labels", "-2")],
            "initial": mine("classify.initial", "-i"),
        },
        "project": {"device": mine("project.device")},
        "compare": {"models": ["unet"]},
        "generalise": {
            "tables": [mine("generalise.tables", "-t.parquet")],
            "sources": [mine("generalise.sources", "-1"), mine("generalise.sources", "-2")],
            "pixel_mm": {mine("generalise.pixel_mm"): 0.5},
        },
        "measure": {f"{kind}_source": mine(f"measure.{kind}_source") for kind in ("ctr", "cobb", "scd", "kyphosis")},
        "zero_shot": {
            "weights": mine("zero_shot.weights", "-z.safetensors"),
            "tables": [mine("zero_shot.tables", "-z.parquet")],
            "folders": [mine("zero_shot.folders", "-f")],
            "spines": mine("zero_shot.spines", "-s"),
        },
        "agreement": {
            "findings": [f"{mine('agreement.findings')}={mine('agreement.findings')}"],
            "grades": [mine("agreement.grades", "-0"), mine("agreement.grades", "-1")],
            "words": [f"{mine('agreement.words')}={mine('agreement.grades', '-1')}"],
            "unspecified": [mine("agreement.unspecified", "-u")],
            "polarities": [mine("agreement.polarities", "-p")],
            **{
                key: [mine(f"agreement.{key}", "-k1"), mine(f"agreement.{key}", "-k2")]
                for key in ("measured_key", "reference_key")
            },
            **{key: mine(f"agreement.{key}", "-column") for key in AGREEMENT_COLUMNS},
            "measured": mine("agreement.measured", "-m.csv"),
            "reference": [mine("agreement.reference", "-r.csv")],
            "links": [mine("agreement.links", "-l.csv")],
            "answers": {mine("agreement.answers"): mine("agreement.answers", "-a.csv")},
        },
        "studies": {
            "tables": [mine("studies.tables", "-l.parquet")],
            "classes": mine("studies.classes", "-c.csv"),
            "devices": mine("studies.devices", "-d.csv"),
        },
        "severity": {
            "findings": mine("severity.findings", "-f.yaml"),
            "cues": mine("severity.cues", "-c.yaml"),
        },
        "hearts": {
            "root": mine("hearts.root", "-h"),
            "weights": mine("hearts.weights", "-h.safetensors"),
            "finder": mine("hearts.finder", "-hf.safetensors"),
        },
        "roots": {
            "root": mine("roots.root", "-plates"),
            "plants_table": mine("roots.plants_table", "-plants.csv"),
            "groups": mine("roots.groups", "-groups.csv"),
            "labelled": mine("roots.labelled", "-drawn"),
            "weights": mine("roots.weights", "-roots.safetensors"),
        },
        "benchmark": {
            "models": ["unet"],
            "labelled": mine("benchmark.labelled", "-b.parquet"),
            "views": [mine("benchmark.views", "-1"), mine("benchmark.views", "-2")],
            "structures": [mine("benchmark.structures", "-1"), mine("benchmark.structures", "-2")],
            "findings": mine("benchmark.findings", "-f.csv"),
            "train": {
                "classes": mine("benchmark.train.classes", "-classes.csv"),
                "shapes": mine("benchmark.train.shapes", "-s"),
            },
        },
    }


PATTERNS = {"datasets.patient", "datasets.study"}  # regular expressions
NAMES = {"datasets", "scans", "datasets.layout", "reports.layout"}  # letters and digits, or names that are known
KEYS = [
    "results",
    "cohort.folder",
    "datasets",
    "datasets.root",
    "datasets.layout",
    "datasets.labels",
    "datasets.exclude",
    "datasets.own.root",
    "datasets.table",
    *(f"datasets.columns.{name}" for name in OWN_COLUMNS),
    "datasets.frontal",
    "datasets.patient",
    "datasets.study",
    "datasets.private",
    "reports.source",
    "reports.layout",
    "scans",
    "scans.root",
    "scans.ct",
    "scans.labels",
    "scans.names",
    "scans.patient",
    "scans.exclude",
    "scans.axes",
    "labelled.root",
    "labelled.images",
    "labelled.train_list",
    "labelled.val_list",
    "train.classes",
    "train.shapes",
    "registration.shapes",
    "infer.weights",
    "rca.network",
    "rca.calibration",
    "cxlseg.weights",
    "cxlseg.train.classes",
    "cxlseg.train.shapes",
    "classify.labels",
    "classify.initial",
    "project.device",
    "generalise.tables",
    "generalise.sources",
    "generalise.pixel_mm",
    *(f"measure.{kind}_source" for kind in ("ctr", "cobb", "scd", "kyphosis")),
    "zero_shot.weights",
    "zero_shot.tables",
    "zero_shot.folders",
    "zero_shot.spines",
    "agreement.findings",
    "agreement.grades",
    "agreement.words",
    "agreement.unspecified",
    "agreement.polarities",
    "agreement.measured_key",
    "agreement.reference_key",
    *(f"agreement.{name}" for name in AGREEMENT_COLUMNS),
    "agreement.measured",
    "agreement.reference",
    "agreement.links",
    "agreement.answers",
    "studies.tables",
    "studies.classes",
    "studies.devices",
    "benchmark.labelled",
    "benchmark.views",
    "benchmark.structures",
    "benchmark.findings",
    "benchmark.train.classes",
    "benchmark.train.shapes",
    "severity.findings",
    "severity.cues",
    "hearts.root",
    "hearts.weights",
    "hearts.finder",
    "roots.root",
    "roots.plants_table",
    "roots.groups",
    "roots.labelled",
    "roots.weights",
]


def free_texts(schema, part, key=""):
    """Keys of the config's schema that take any text; a pattern admits words alone (see the test of added words)."""
    if "$ref" in part:
        part = schema["$defs"][part["$ref"].rsplit("/", 1)[1]]
    for each in part.get("anyOf", []):
        yield from free_texts(schema, each, key)
    if part.get("type") == "string" and not {"enum", "const", "pattern"} & set(part):
        yield key
    for name, inner in part.get("properties", {}).items():
        yield from free_texts(schema, inner, f"{key}.{name}".lstrip("."))
    if isinstance(part.get("additionalProperties"), dict):
        yield from free_texts(schema, part["additionalProperties"], f"{key}.*")
    if "items" in part:
        yield from free_texts(schema, part["items"], key)


def compiles(text):
    """Whether a text is a regular expression."""
    try:
        return bool(re.compile(text))
    except re.error:
        return False


def accepted(text):
    """Keys under which a text passes; elsewhere it must be refused in one line."""
    passed, refusals = [], []
    for key in KEYS:
        try:
            Plan.of(config(text, {key}))
            passed.append(key)
        except CxrError as error:
            refusals.append(str(error))
    assert all(line.isprintable() and len(line) < 600 for line in refusals), refusals
    return passed


def test_the_hostile_config_reaches_every_free_text_of_the_model():
    plan = parse_config(config(QUOTES, set(KEYS) - {"datasets", "scans"}))
    reached = {
        re.sub(rf"^(datasets|scans)\.(?:{RELEASE}|{OWN}|ct)\.", r"\1.*.", key)
        for key, text in texts(plan)
        if text.startswith(QUOTES)
    }
    reached = {re.sub(r"^(labelled\.images|agreement\.answers)\..*", r"\1.*", key, flags=re.DOTALL) for key in reached}
    # The names of sources are keys of numbers here; the schema knows no text below them.
    named = {key for key in reached if key.startswith("generalise.pixel_mm.")}
    assert len(named) == 1
    schema = Config.model_json_schema()
    assert reached - named == set(free_texts(schema, schema))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_passes_as_data_or_is_refused_in_one_line(name):
    passed = accepted(HOSTILE[name])
    if name in ("line break", "carriage return", "escape", "separator"):
        assert passed == []
    elif name in ("quotes", "shell", "substitutions", "redirections"):
        # Everything else is any text.
        broken = PATTERNS if not compiles(f"{HOSTILE[name]}(.*)") else set()
        assert passed == [key for key in KEYS if key not in NAMES | broken]
    elif name in ("wildcards", "markup"):
        assert not {"results", "cohort.folder", "datasets.root", "infer.weights", "labelled.root"} & set(passed)
        assert not {"generalise.tables", "benchmark.labelled", "benchmark.findings"} & set(passed)
        assert not {"agreement.measured", "agreement.reference", "agreement.links", "agreement.answers"} & set(passed)
        assert {"scans.ct", "labelled.images", "labelled.train_list", "classify.labels"} <= set(passed)
        assert {"generalise.sources", "generalise.pixel_mm"} <= set(passed)
    elif "dash" in name:
        assert not {"results", "cohort.folder", *NAMES} & set(passed)


@pytest.mark.parametrize("key", ["view_words", "body_part_words"])
@pytest.mark.parametrize("name", HOSTILE)
def test_an_added_word_has_no_sign_of_a_shell(key, name):
    """A hostile word is refused in one line; letters and blanks pass in the form of the tables."""
    meaning = {"view_words": "pa", "body_part_words": "chest"}[key]
    if HOSTILE[name].strip("./-").isalpha():  # -rf and --help are words when the dashes are gone
        word = HOSTILE[name].strip("-").upper()
        found = parse_config({"preprocess": {key: [f"{HOSTILE[name]}={meaning}"]}}).preprocess.options(key)
        assert found == [f"--{key.replace('_', '-')}={word}={meaning.upper()}"]
        return
    with pytest.raises(CxrError) as caught:
        parse_config({"preprocess": {key: [f"{HOSTILE[name]}={meaning}"]}})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["a=b", ""])
def test_names_of_image_sources(name):
    values = {"labelled": {"root": "x", "images": {name: "folder"}}}
    if name:
        with pytest.raises(CxrError, match="expected a name without '='"):
            Plan.of(values)
    else:
        Plan.of(values)


def prepare(folder, values):
    """Files that the plan of a config asks for, under its names."""
    release = values["datasets"][RELEASE]
    root = folder / release["root"]
    (root / "annotations").mkdir(parents=True)
    for part, numbers in (("train", range(4)), ("test", range(4, 6))):
        rows = ["image_id,rad_id", *(f"{number:032x},R1" for number in numbers)]
        (root / f"annotations/image_labels_{part}.csv").write_text("\n".join(rows) + "\n")
    own = values["datasets"][OWN]
    (folder / own["root"]).mkdir()
    header, row = own["columns"].values(), ["i1", "a.png", "p1", "s1", own["frontal"][0], "F", "50", "Nodule"]
    with (folder / own["root"] / own["table"]).open("w", newline="") as stream:
        csv.writer(stream).writerows([header, row])
    (folder / own["root"] / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    labelled = folder / values["labelled"]["root"]
    labelled.mkdir()
    (labelled / "clinical.csv").write_text("id,source\n")
    (folder / values["scans"]["ct"]["root"]).mkdir()
    (folder / values["train"]["shapes"]).mkdir(exist_ok=True)
    (folder / release["reports"]["source"]).write_text("study_id,report\n1,FINDINGS: clear.\n")
    weights = [values[section][key] for section, key in (("infer", "weights"), ("rca", "network"))]
    weights += [values["cxlseg"]["weights"], values["zero_shot"]["weights"]]
    weights += [values["hearts"]["weights"], values["hearts"]["finder"], values["roots"]["weights"]]
    cards = [str(Path(name).with_suffix(".json")) for name in weights]
    table = pa.table({"source": values["generalise"]["sources"]})
    for section in ("generalise", "zero_shot"):
        write_arrow(table, folder / values[section]["tables"][0])
    for key in ("plants_table", "groups"):
        (folder / values["roots"][key]).touch()
    folders = [values["hearts"]["root"], values["roots"]["root"], values["roots"]["labelled"]]
    for name in (*values["zero_shot"]["folders"], values["zero_shot"]["spines"], *folders):
        (folder / name).mkdir(exist_ok=True)
    for judged in (release, values["scans"]["ct"]):
        (folder / judged["exclude"]).write_text("dataset,image_id,verdict\n")
    for key in ("labelled", "findings"):
        (folder / values["benchmark"][key]).touch()
    settings = values["agreement"]
    for name in (settings["measured"], *settings["reference"], *settings["links"], *settings["answers"].values()):
        (folder / name).touch()
    for key in ("findings", "cues"):
        (folder / values["severity"][key]).touch()
    (folder / values["benchmark"]["train"]["classes"]).touch()
    (folder / values["benchmark"]["train"]["shapes"]).mkdir(exist_ok=True)
    for name in (*weights, *cards, release["labels"], values["train"]["classes"], values["rca"]["calibration"]):
        (folder / name).touch()


def snakemake(folder, values, *arguments):
    (folder / "c.yaml").write_text(yaml.safe_dump(values))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--configfile", "c.yaml"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [*command, "--cores", "2", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert not [*folder.parent.rglob("pwned")], "a text of the config was run"
    return done


def commands(folder, values):
    """Words of every shell command of the whole workflow, as Snakemake prints them in a dry run."""
    results = values["results"]
    products = (
        *("chexmask", "radgenome", "cxlseg", "models", "validation", "classification", "generalise", "benchmark"),
        *("zero-shot", "agreement", "measure", "hearts", "roots"),
    )
    targets = [f"./{results}/{name}" if results.startswith("-") else f"{results}/{name}" for name in products]
    targets += [f"./{results}/severity/{RELEASE}.parquet"]
    targets += [f"{values['cohort']['folder']}/truth.parquet", f"{values['cohort']['folder']}/virtual-ct"]
    done = snakemake(folder, values, "--dry-run", "--printshellcmds", "--", *targets)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    printed = (line.strip() for line in (done.stdout + done.stderr).splitlines())
    found = [shlex.split(line.removeprefix(COMMAND)) for line in printed if line.startswith(COMMAND)]
    # Paths name a source that is left out by its letters, with a hash where it has other signs.
    return [
        [re.sub(r"(?<=/)((?:test-|scores-)?without-)[\w-]+", r"\1SOURCE", word) for word in words] for words in found
    ]


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("safe") / "run"
    folder.mkdir()
    prepare(folder, config())
    found = commands(folder, config())
    assert len(found) > 30
    return sorted(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["shell", "wildcards", "markup", "dash"])
def test_every_command_of_a_hostile_config_is_that_of_a_harmless_one(tmp_path, name, expected):
    text = HOSTILE[name]
    values = config(text, set(accepted(text)))
    folder = tmp_path / "run"
    folder.mkdir()
    prepare(folder, values)
    found = [[word.replace(text, SAFE) for word in words] for words in commands(folder, values)]
    if name == "dash":  # also in a word of ours
        expected = [[word.replace(text, SAFE) for word in words] for words in expected]
    # The whole config in JSON, which the run's copy of it is made from, escapes quotes and backslashes.
    assert without_json(found) == without_json(expected)


def without_json(found):
    return sorted([word for word in words if not word.startswith("{")] for words in found)


@pytest.mark.slow
def test_rules_run_with_a_hostile_config(tmp_path):
    values = config(HOSTILE["shell"], set(KEYS) - NAMES - PATTERNS)
    folder = tmp_path / "run"
    folder.mkdir()
    prepare(folder, values)
    results = folder / values["results"]
    made = [results / name for name in ("config.yaml", f"manifest/{RELEASE}.parquet", f"manifest/{OWN}.parquet")]
    tried = [results / name for name in ("manifest/labelled.parquet", f"reports/{RELEASE}.parquet")]
    targets = [str(path.relative_to(folder)) for path in (*made, *tried)]
    done = snakemake(folder, values, "--keep-going", "--", *targets)
    for path in made:
        assert path.is_file(), done.stderr[-3000:]
    assert read_config(made[0]) == without_originals(complete(parse_config(values)))
    manifest = read_table(made[2])
    assert manifest["included"].all()
    for log in ("ingest/labelled", f"reports/{RELEASE}"):  # they run, and may refuse these tables
        last = (results / f"logs/{log}.log").read_text().splitlines()[-1]
        assert "pwned" not in last or "error: " in last or "wrote" in last, last
        assert "Usage:" not in last


@pytest.mark.slow
def test_a_checkout_may_lie_anywhere(tmp_path):
    """The rules find the package below a folder with spaces, quotes and signs of the shell."""
    checkout = tmp_path / 'it\'s "my" $HOME (copy); touch pwned;' / "cxrfactory"
    checkout.mkdir(parents=True)
    for name in ("Snakefile", "config.yaml", "src", "workflow", "profiles", "envs", "resources"):
        (checkout / name).symlink_to(ROOT / name)
    command = [sys.executable, "-m", "snakemake", "--cores", "1"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": ""}
    done = subprocess.run(
        [*command, "results/config.yaml"], cwd=checkout, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert read_config(checkout / "results/config.yaml") == complete(Config())
    assert not [*tmp_path.rglob("pwned")]
