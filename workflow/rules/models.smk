# Compare models of one recipe (results/models); the rule weights trains them.


rule compare_models:
    input:
        labelled=OUT("preprocess_labelled").images,
        weights=PLAN.comparison.weights,
    output:
        folder=directory(OUT("compare_models").folder),
        table=report(OUT("compare_models").table, caption="../report/models.rst", category="Models"),
        tests=report(OUT("compare_models").tests, caption="../report/wilcoxon.rst", category="Models"),
        curves=report(
            [OUT("compare_models").curves] if PLAN.comparison.history_options() else [],
            caption="../report/curves.rst",
            category="Models",
        ),
        overlays=report(
            expand(OUT("compare_models").overlays, name=PLAN.comparison.names),
            caption="../report/extremes.rst",
            category="Models",
        ),
    log:
        LOG("compare_models"),
    benchmark:
        BENCHMARK("compare_models")
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("infer") else "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=PLAN.gpus("infer"),
    params:
        weights=lambda wildcards: PLAN.comparison.weight_options(),
        histories=lambda wildcards: PLAN.comparison.history_options(),
        device=PLAN.config.infer.device,
    message:
        "Evaluate the models side by side"
    shell:
        "python -m cxrfactory evaluate-model --labelled {input.labelled:q} --split val {params.weights:q}"
        " {params.histories:q} --device {params.device:q} --output {output.folder:q} 2> {log:q}"
        " && for file in {output.table:q} {output.tests:q} {output.curves:q} {output.overlays:q};"
        ' do cp {output.folder:q}/"$(basename "$file")" "$file"; done'


rule audit_models:
    input:
        labelled=OUT("preprocess_labelled").images,
        weights=PLAN.comparison.weights,
    output:
        folder=directory(OUT("audit_models").folder),
        kinds=report(OUT("audit_models").kinds, caption="../report/perturbations.rst", category="Models"),
        perturbations=report(
            OUT("audit_models").perturbations, caption="../report/perturbations.rst", category="Models"
        ),
        occlusion=report(OUT("audit_models").occlusion, caption="../report/occlusion.rst", category="Models"),
    log:
        LOG("audit_models"),
    benchmark:
        BENCHMARK("audit_models")
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("infer") else "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 1440 * attempt,
        gpu=PLAN.gpus("infer"),
    params:
        weights=lambda wildcards: PLAN.comparison.weight_options(),
        device=PLAN.config.infer.device,
        options=lambda wildcards: PLAN.config.preprocess.options(),
    message:
        "Audit the models: perturbations, occlusion"
    shell:
        "python -m cxrfactory audit --labelled {input.labelled:q} --split val {params.weights:q}"
        " --device {params.device:q} {params.options:q} --output {output.folder:q} 2> {log:q}"
        " && for file in {output.kinds:q} {output.perturbations:q} {output.occlusion:q};"
        ' do cp {output.folder:q}/"$(basename "$file")" "$file"; done'


rule models:
    input:
        evaluation=OUT("compare_models").folder,
        audit=[OUT("audit_models").folder] if PLAN.config.compare.audit else [],
    output:
        folder=directory(OUT("models").folder),
    log:
        LOG("models"),
    benchmark:
        BENCHMARK("models")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 500 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    message:
        "Gather the comparison of models"
    shell:
        "(mkdir {output.folder:q} && cp -R {input:q} {output.folder:q}/"
        " && rm -f {output.folder:q}/*/.snakemake_timestamp) 2> {log:q}"
