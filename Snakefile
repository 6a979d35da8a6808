import re
import sys

from snakemake.utils import min_version

min_version("9.0")


# A config of one's own stands instead of the default: merged, it would keep the default's releases.
if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


sys.path.insert(0, f"{workflow.basedir}/src")

from cxrfactory.errors import CxrError
from cxrfactory.workflow.failures import say_last
from cxrfactory.workflow.scheduling import drop_default_rate_limit
from cxrfactory.workflow.plan import Plan

try:
    PLAN = Plan.of(config)
except CxrError as error:
    raise WorkflowError(str(error))

RESULTS = PLAN.results

# Rules run the checkout, whether or not the package is installed in their environment.
shell.executable("bash")
shell.prefix(f"set -euo pipefail; export PYTHONPATH='{workflow.basedir}/src'; ")


wildcard_constraints:
    dataset="|".join(map(re.escape, PLAN.datasets)),
    scans="|".join(map(re.escape, PLAN.scan_releases)),
    model="|".join(PLAN.models),
    shard=r"\d{4}-of-\d{4}",


localrules:
    all,


onstart:
    drop_default_rate_limit(workflow.scheduler)


# What failed, and where its log is, as the last lines of a run; also with --keep-going.
onerror:
    say_last(workflow.scheduler.failed)


rule all:
    input:
        f"{RESULTS}/chexmask",


include: "workflow/rules/cohort.smk"
include: "workflow/rules/ingest.smk"
include: "workflow/rules/preprocess.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/infer.smk"
include: "workflow/rules/rca.smk"
include: "workflow/rules/project.smk"
include: "workflow/rules/package.smk"
include: "workflow/rules/radgenome.smk"
include: "workflow/rules/cxlseg.smk"
include: "workflow/rules/classify.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/validation.smk"


report: "workflow/report/workflow.rst"
