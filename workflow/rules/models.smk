# Models of one recipe side by side: results/models. Their weights are made by the rule weights.


rule compare_models:
    input:
        labelled=f"{RESULTS}/preprocess/labelled.parquet",
        weights=PLAN.compared_weights,
    output:
        folder=directory(f"{RESULTS}/compare/evaluation"),
        table=report(f"{RESULTS}/figures/models/models.csv", caption="../report/models.rst", category="Models"),
        tests=report(f"{RESULTS}/figures/models/wilcoxon.csv", caption="../report/wilcoxon.rst", category="Models"),
        curves=report(
            [f"{RESULTS}/figures/models/curves.png"] if PLAN.compared_histories else [],
            caption="../report/curves.rst",
            category="Models",
        ),
        overlays=report(
            expand(f"{RESULTS}/figures/models/overlays-{{name}}.png", name=PLAN.compared),
            caption="../report/extremes.rst",
            category="Models",
        ),
    log:
        f"{RESULTS}/logs/compare_models.log",
    benchmark:
        f"{RESULTS}/benchmarks/compare_models.tsv"
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("infer") else "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=PLAN.gpus("infer"),
    params:
        weights=PLAN.compared_options,
        histories=PLAN.compared_histories,
        device=PLAN.config.infer.device,
    message:
        "Evaluate the models side by side"
    shell:
        "python -m cxrfactory evaluate-model --labelled {input.labelled:q} --split val {params.weights}"
        " {params.histories} --device {params.device} --output {output.folder:q} 2> {log:q}"
        " && for file in {output.table:q} {output.tests:q} {output.curves:q} {output.overlays:q};"
        ' do cp {output.folder:q}/"$(basename "$file")" "$file"; done'


rule audit_models:
    input:
        labelled=f"{RESULTS}/preprocess/labelled.parquet",
        weights=PLAN.compared_weights,
    output:
        folder=directory(f"{RESULTS}/compare/audit"),
        kinds=report(f"{RESULTS}/figures/models/kinds.csv", caption="../report/perturbations.rst", category="Models"),
        perturbations=report(
            f"{RESULTS}/figures/models/perturbations.png", caption="../report/perturbations.rst", category="Models"
        ),
        occlusion=report(
            f"{RESULTS}/figures/models/occlusion.png", caption="../report/occlusion.rst", category="Models"
        ),
    log:
        f"{RESULTS}/logs/audit_models.log",
    benchmark:
        f"{RESULTS}/benchmarks/audit_models.tsv"
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("infer") else "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 1440 * attempt,
        gpu=PLAN.gpus("infer"),
    params:
        weights=PLAN.compared_options,
        device=PLAN.config.infer.device,
        options=PLAN.config.preprocess.options(),
    message:
        "Audit the models: perturbations, occlusion"
    shell:
        "python -m cxrfactory audit --labelled {input.labelled:q} --split val {params.weights}"
        " --device {params.device} {params.options} --output {output.folder:q} 2> {log:q}"
        " && for file in {output.kinds:q} {output.perturbations:q} {output.occlusion:q};"
        ' do cp {output.folder:q}/"$(basename "$file")" "$file"; done'


rule models:
    input:
        evaluation=f"{RESULTS}/compare/evaluation",
        audit=[f"{RESULTS}/compare/audit"] if PLAN.config.compare.audit else [],
    output:
        folder=directory(f"{RESULTS}/models"),
    log:
        f"{RESULTS}/logs/models.log",
    benchmark:
        f"{RESULTS}/benchmarks/models.tsv"
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
