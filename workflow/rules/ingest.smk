# Releases and the labelled set to tables: every row kept or excluded with its reason.


rule ingest:
    input:
        tables=PLAN.tables,
    output:
        manifest=f"{RESULTS}/manifest/{{dataset}}.parquet",
        summary=f"{RESULTS}/manifest/{{dataset}}.summary.csv",
    log:
        f"{RESULTS}/logs/ingest/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/ingest/{{dataset}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        layout=lambda wildcards: PLAN.layout(wildcards).name,
        root=lambda wildcards: PLAN.dataset(wildcards).root,
        flags=PLAN.ingest_flags,
    message:
        "Ingest {wildcards.dataset}"
    shell:
        "python -m cxrfactory ingest {params.layout:q} --name {wildcards.dataset:q} --root {params.root:q}"
        " --output {output.manifest:q}"
        " --summary {output.summary:q} {params.flags} 2> {log:q}"


rule selection:
    input:
        manifests=expand(f"{RESULTS}/manifest/{{dataset}}.parquet", dataset=PLAN.datasets),
    output:
        diagram=report(f"{RESULTS}/figures/selection.png", caption="../report/selection.rst", category="Selection"),
        table=f"{RESULTS}/figures/selection.csv",
    log:
        f"{RESULTS}/logs/selection.log",
    benchmark:
        f"{RESULTS}/benchmarks/selection.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        layouts=PLAN.layout_options,
        counts=PLAN.paper_counts,
    message:
        "Draw the selection diagram"
    shell:
        "python -m cxrfactory stage selection {input.manifests:q} {params.layouts:q} {params.counts}"
        " --output {output.diagram:q} --table {output.table:q} 2> {log:q}"


rule ingest_labelled:
    input:
        clinical=f"{PLAN.config.labelled.root}/clinical.csv",
    output:
        table=f"{RESULTS}/manifest/labelled.parquet",
        rejected=f"{RESULTS}/manifest/labelled.rejected.parquet",
    log:
        f"{RESULTS}/logs/ingest/labelled.log",
    benchmark:
        f"{RESULTS}/benchmarks/ingest/labelled.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        root=subpath(input.clinical, parent=True),
        options=PLAN.labelled_options,
    message:
        "Ingest the labelled set"
    shell:
        "python -m cxrfactory stage ingest-labelled --root {params.root:q} --output {output.table:q}"
        " --rejected {output.rejected:q} {params.options} 2> {log:q}"


rule ingest_scans:
    input:
        root=PLAN.scan_root,
    output:
        manifest=f"{RESULTS}/manifest/scans/{{scans}}.parquet",
    log:
        f"{RESULTS}/logs/ingest/scans/{{scans}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/ingest/scans/{{scans}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        options=lambda wildcards: PLAN.scans(wildcards).options("ct", "labels", "patient"),
    message:
        "Ingest the CT release {wildcards.scans}"
    shell:
        "python -m cxrfactory stage ingest-scans {wildcards.scans:q} --root {input.root:q} --output {output.manifest:q} {params.options}"
        " 2> {log:q}"
