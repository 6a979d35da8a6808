import os
import sys

from snakemake.utils import min_version

min_version("9.27")


# A user's config replaces the default config; if both were merged, the default's releases would remain.
if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


# The package beside this file goes before an installed one. A Snakefile that Snakemake fetched from a hosting site has
# nothing beside it, and then the installed package is used.
HERE = workflow.current_basedir.get_path_or_uri(secret_free=True)
CHECKOUT = HERE if os.path.isdir(f"{HERE}/src/cxrfactory") else None
if CHECKOUT:
    sys.path.insert(0, f"{CHECKOUT}/src")

from cxrfactory.errors import CxrError
from cxrfactory.workflow.closing import say_products
from cxrfactory.workflow.failures import say_last
from cxrfactory.workflow.plan import Plan
from cxrfactory.workflow.progress import show_progress, stop_progress
from cxrfactory.workflow.results import PRODUCTS, describe
from cxrfactory.workflow.scheduling import drop_default_rate_limit
from cxrfactory.workflow.shell import prefix
from cxrfactory.workflow.targets import name_nearest

try:
    PLAN = Plan.of(config, workflow.configfiles, sys.argv)
except CxrError as error:
    raise WorkflowError(str(error))

# Paths of a stage's files, log and table of times, from the map of results (src/cxrfactory/workflow/results.py).
# Paths are said once, in src/cxrfactory/workflow/stage_files.py and, for a product, in workflow.py in its folder.
OUT, LOG, BENCHMARK = PLAN.results.out, PLAN.results.log, PLAN.results.benchmark

# Rules run the code of this checkout, whether or not the package is installed in their environment.
shell.executable("bash")
shell.prefix(prefix(CHECKOUT))


wildcard_constraints:
    dataset=PLAN.releases.pattern,
    scans=PLAN.scans.pattern,
    model="|".join(PLAN.comparison.known),
    shard=r"\d{4}-of-\d{4}",


localrules:
    all,


onstart:
    drop_default_rate_limit(workflow.scheduler)
    show_progress(workflow)


# One screen about each product: accounts, quality, where to look, the next command.
onsuccess:
    stop_progress()
    say_products(workflow, {name: OUT(name).product for name in PRODUCTS})


# Failed jobs and their logs are listed in the last lines of a run, also with --keep-going.
onerror:
    stop_progress()
    say_last(workflow.scheduler.failed)


rule all:
    """Makes the first product of the map."""
    input:
        OUT(next(iter(PRODUCTS))).product,


include: "workflow/rules/cohort.smk"
include: "workflow/rules/ingest.smk"
include: "workflow/rules/reports.smk"
include: "workflow/rules/severity.smk"
include: "workflow/rules/preprocess.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/generalise.smk"
include: "workflow/rules/zero_shot.smk"
include: "workflow/rules/infer.smk"
include: "workflow/rules/rca.smk"
include: "workflow/rules/project.smk"


for product in PRODUCTS:

    include: f"workflow/rules/{product}.smk"


include: "workflow/rules/benchmark.smk"
include: "workflow/rules/classify.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/measure.smk"
include: "workflow/rules/validation.smk"
include: "workflow/rules/agreement.smk"
include: "workflow/rules/studies.smk"


describe(workflow.rules)
name_nearest(workflow, PLAN)


report: "workflow/report/workflow.rst"
