# List the images of releases and of the labelled set in tables; every row is kept or excluded with its reason.


rule ingest:
    input:
        tables=PLAN.releases.tables,
        verdicts=PLAN.releases.verdicts,
    output:
        **OUT("ingest"),
    log:
        LOG("ingest"),
    benchmark:
        BENCHMARK("ingest")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        layout=lambda wildcards: PLAN.releases.layout(wildcards).name,
        root=lambda wildcards: PLAN.releases.settings(wildcards).root,
        flags=PLAN.releases.ingest_options,
    message:
        "Ingest {wildcards.dataset}"
    shell:
        "python -m cxrfactory ingest {params.layout:q} --name {wildcards.dataset:q} --root {params.root:q}"
        " --output {output.manifest:q} --summary {output.summary:q} {params.flags:q} 2> {log:q}"


rule selection:
    input:
        manifests=expand(OUT("ingest").manifest, dataset=PLAN.releases.names),
    output:
        diagram=report(OUT("selection").diagram, caption="../report/selection.rst", category="Selection"),
        table=OUT("selection").table,
    log:
        LOG("selection"),
    benchmark:
        BENCHMARK("selection")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        layouts=lambda wildcards: PLAN.releases.selection_options(),
        counts=lambda wildcards: PLAN.credits.paper_counts(),
    message:
        "Draw the selection diagram"
    shell:
        "python -m cxrfactory stage selection {input.manifests:q} {params.layouts:q} {params.counts:q}"
        " --output {output.diagram:q} --table {output.table:q} 2> {log:q}"


rule ingest_labelled:
    input:
        clinical=PLAN.labelled.clinical,
    output:
        **OUT("ingest_labelled"),
    log:
        LOG("ingest_labelled"),
    benchmark:
        BENCHMARK("ingest_labelled")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        root=subpath(input.clinical, parent=True),
        options=lambda wildcards: PLAN.labelled.options(),
    message:
        "Ingest the labelled set"
    shell:
        "python -m cxrfactory stage ingest-labelled --root {params.root:q} --output {output.table:q}"
        " --rejected {output.rejected:q} {params.options:q} 2> {log:q}"


rule ingest_scans:
    input:
        root=PLAN.scans.root,
        verdicts=PLAN.scans.verdicts,
    output:
        **OUT("ingest_scans"),
    log:
        LOG("ingest_scans"),
    benchmark:
        BENCHMARK("ingest_scans")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        options=lambda wildcards: PLAN.scans.settings(wildcards).options("ct", "labels", "patient", "exclude"),
    message:
        "Ingest the CT release {wildcards.scans}"
    shell:
        "python -m cxrfactory stage ingest-scans {wildcards.scans:q} --root {input.root:q} --output {output.manifest:q} {params.options:q}"
        " 2> {log:q}"
