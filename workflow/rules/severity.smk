# Read from the reports of a release which findings are there, and how severe.


rule severity:
    input:
        reports=OUT("reports").table,
        phrases=PLAN.config.severity.tables(),
    output:
        **OUT("severity"),
    log:
        LOG("severity"),
    benchmark:
        BENCHMARK("severity")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        options=PLAN.config.severity.options(),
    message:
        "Read the severity of findings from the reports of {wildcards.dataset}"
    shell:
        "python -m cxrfactory stage severity --output {output.table:q} --summary {output.summary:q} {params.options:q}"
        " -- {input.reports:q} 2> {log:q}"
