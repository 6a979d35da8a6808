# The papers' studies (results/study/NAME, on request): steps of existing commands, and a summary beside the paper.


wildcard_constraints:
    study=PLAN.paper_studies.pattern,
    step=PLAN.paper_studies.step_pattern,


rule study_step:
    input:
        PLAN.paper_studies.inputs,
    output:
        folder=directory(OUT("study_step").folder),
    log:
        LOG("study_step"),
    benchmark:
        BENCHMARK("study_step")
    conda:
        "../../envs/gpu.yaml" if PLAN.config.studies.device == "cuda" else "../../envs/cpu.yaml"
    threads: lambda wildcards: PLAN.paper_studies.threads if PLAN.paper_studies.step(wildcards).trains else 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        # An interrupted training continues from its checkpoint.
        runtime=1440,
        gpu=PLAN.paper_studies.gpus,
    params:
        commands=PLAN.paper_studies.commands,
        # Snakemake removes the output folder of a failed job; the checkpoint stays in this other folder.
        work=PLAN.paper_studies.work,
    message:
        "Study {wildcards.study}: {wildcards.step}"
    shell:
        "(mkdir -p {params.work:q} && {params.commands} && mv {params.work:q} {output.folder:q}) 2> {log:q}"


rule study:
    input:
        PLAN.paper_studies.inputs,
    output:
        folder=report(
            directory(OUT("study").folder),
            patterns=["{file}.png"],
            caption="../report/study.rst",
            category="Studies",
            subcategory="{study}",
        ),
    log:
        LOG("study"),
    benchmark:
        BENCHMARK("study")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        commands=PLAN.paper_studies.commands,
        work=PLAN.paper_studies.work,
    message:
        "Study {wildcards.study}: set its figures beside the paper's"
    shell:
        "(mkdir -p {params.work:q} && {params.commands} && mv {params.work:q} {output.folder:q}) 2> {log:q}"


rule studies:
    input:
        tables=lambda wildcards: PLAN.paper_studies.tables,
        folders=PLAN.paper_studies.folders,
    output:
        page=OUT("studies").page,
    log:
        LOG("studies"),
    benchmark:
        BENCHMARK("studies")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        tables=lambda wildcards, input: [f"--labelled={table}" for table in input.tables],
    message:
        "Gather the findings of all studies on one page"
    shell:
        "python -m cxrfactory study page {input.folders:q} {params.tables:q} --output {output.page:q} 2> {log:q}"
