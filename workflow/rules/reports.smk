# Split the reports of a release into a table of their sections.


rule reports:
    input:
        files=PLAN.releases.report_files,
    output:
        **OUT("reports"),
    log:
        LOG("reports"),
    benchmark:
        BENCHMARK("reports")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        source=lambda wildcards: PLAN.releases.settings(wildcards).reports.source,
        layout=lambda wildcards: PLAN.releases.settings(wildcards).reports.layout,
        options=PLAN.releases.report_options,
    message:
        "Read the reports of {wildcards.dataset}"
    shell:
        "python -m cxrfactory stage reports --layout {params.layout:q} --output {output.table:q}"
        " --rejected {output.rejected:q} --summary {output.summary:q} {params.options:q} -- {params.source:q} 2> {log:q}"
