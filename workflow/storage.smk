# Releases out of object storage into folders, products out of folders into object storage (docs/cluster.md):
#   snakemake -s workflow/storage.smk fetch --configfile storage.yaml --storage-s3-endpoint-url https://...
import sys
from os.path import expanduser

from snakemake.utils import min_version, validate

min_version("9.0")

sys.path.insert(0, f"{workflow.basedir}/../src")

from cxrfactory.config.reading import refuse_twice
from cxrfactory.errors import CxrError

try:
    refuse_twice(workflow.configfiles)
except CxrError as error:
    raise WorkflowError(str(error))

validate(config, "schemas/storage.schema.json")

FETCH, PUBLISH = config.get("fetch", {}), config.get("publish", {})
# Folders may begin with `~`; the other ends are addresses of objects.
for entries, end in ((FETCH, "to"), (PUBLISH, "from")):
    for entry in entries.values():
        entry[end] = expanduser(entry[end])

shell.executable("bash")


localrules:
    fetch,
    publish,


rule fetch:
    input:
        [entry["to"] for entry in FETCH.values()],


rule publish:
    input:
        [storage.s3(entry["to"]) for entry in PUBLISH.values()],


for name, entry in FETCH.items():

    rule:
        name:
            f"fetch_{name}"
        input:
            storage.s3(entry["from"]),
        output:
            directory(entry["to"]),
        log:
            f"{entry['to'].rstrip('/')}.fetch.log",
        benchmark:
            f"{entry['to'].rstrip('/')}.fetch.tsv"
        conda:
            "../envs/cpu.yaml"
        threads: 1
        resources:
            mem_mb=lambda wildcards, attempt: 2000 * attempt,
            runtime=lambda wildcards, attempt: 1440 * attempt,
        message:
            "Fetch {input} into {output}"
        shell:
            "(mkdir {output:q} && cp -R --reflink=auto {input:q}/. {output:q}/"
            ' && echo "$(find {output:q} -type f | wc -l) files") 2>&1 | tee {log:q}'


for name, entry in PUBLISH.items():

    rule:
        name:
            f"publish_{name}"
        input:
            entry["from"],
        output:
            storage.s3(entry["to"]),
        log:
            f"{entry['from'].rstrip('/')}.publish.log",
        benchmark:
            f"{entry['from'].rstrip('/')}.publish.tsv"
        conda:
            "../envs/cpu.yaml"
        threads: 1
        resources:
            mem_mb=lambda wildcards, attempt: 2000 * attempt,
            runtime=lambda wildcards, attempt: 1440 * attempt,
        message:
            "Publish {input}, whose checksums hold"
        shell:
            "(cd {input:q} && sha256sum --check --quiet --strict SHA256SUMS) > {log:q} 2>&1"
            " && (mkdir -p {output:q} && cp -R --reflink=auto {input:q}/. {output:q}/"
            " && rm -f {output:q}/.snakemake_timestamp) >> {log:q} 2>&1"
