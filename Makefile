# The main commands are `make demo` and `make test`; each works on a fresh clone.
PYTHON ?= python3
VENV ?= .venv
CORES ?= $(shell $(PYTHON) -c "import os; print(len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count())")
BIN = $(CURDIR)/$(VENV)/bin
STAMP = $(VENV)/.installed
CLUSTER = $(VENV)/cluster
RUN = PATH="$(BIN):$$PATH"

.PHONY: demo begun test e2e cluster lint docs install clean

demo: $(STAMP)
	$(RUN) snakemake --cores $(CORES) results/chexmask results/evaluation
	@echo "The dataset is in results/chexmask (start with its README.md); overlays are in results/figures."
	@echo "Look at it: $(VENV)/bin/python -m cxrfactory browse results/chexmask"

# The first stages of the demo. .ci/run makes them before the tests, because files in results/ must not affect a test.
begun: $(STAMP)
	$(RUN) snakemake --cores $(CORES) results/figures/selection.png results/manifest/labelled.parquet results/config.yaml

# Tests of one file stay in one process, which keeps what they share; each process computes on one core.
test: $(STAMP)
	$(RUN) OMP_NUM_THREADS=1 python -m pytest -n $(CORES) --maxprocesses 8 --dist loadfile

e2e: $(STAMP)
	$(RUN) python -m pytest -m workflow tests/workflow

# These tests use a separate environment on top of the other: the Slurm plugin slows every start if Slurm has no controller.
cluster: $(CLUSTER)/.installed
	PATH="$(CURDIR)/$(CLUSTER)/bin:$$PATH" python -m pytest -m workflow -rs tests/workflow/test_slurm.py tests/workflow/test_storage.py

lint: $(STAMP)
	$(RUN) ruff check . && $(RUN) ruff format --check .
	$(RUN) snakefmt --check Snakefile workflow
	$(RUN) snakemake --lint

# The tutorials are run on the products of the embedded default; warnings are errors.
docs: $(STAMP)
	$(RUN) snakemake --cores $(CORES) results/chexmask results/radgenome results/evaluation
	$(RUN) python -m pip install --quiet -e ".[docs]"
	$(RUN) python -m sphinx -W --keep-going -b html docs docs/_build
	@echo "The site is in docs/_build; open docs/_build/index.html."

install: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -c "import sys; sys.exit('cxrfactory needs Python 3.11 or newer, found ' + sys.version.split()[0] + '; set PYTHON=...' if sys.version_info < (3, 11) else 0)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -e ".[test]"
	touch $(STAMP)

$(CLUSTER)/.installed: $(STAMP)
	$(PYTHON) -m venv --without-pip --clear $(CLUSTER)
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" > "$$($(CLUSTER)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/below.pth"
	$(CLUSTER)/bin/python -m pip install --quiet -e ".[cluster-test]"
	touch $@

clean:
	rm -rf $(VENV) results .snakemake
