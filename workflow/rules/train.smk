# Train weights on labelled radiographs.


rule train:
    input:
        labelled=OUT("preprocess_labelled").images,
        classes=PLAN.config.train.tables(),
    output:
        weights=OUT("train").weights,
        card=OUT("train").card,
        history=OUT("train").history,
        curves=report(OUT("train").curves, caption="../report/training.rst", category="Training"),
    log:
        LOG("train"),
    benchmark:
        BENCHMARK("train")
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("train") else "../../envs/cpu.yaml"
    threads: PLAN.config.train.threads
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        # An interrupted training continues from its checkpoint.
        runtime=1440,
        gpu=PLAN.gpus("train"),
    params:
        options=lambda wildcards: PLAN.segmenter.training(),
    message:
        "Train the segmenter"
    shell:
        "python -m cxrfactory train --labelled {input.labelled:q} --output {output.weights:q}"
        " --history {output.history:q} --curves {output.curves:q} {params.options:q} 2> {log:q}"


rule weights:
    input:
        labelled=OUT("preprocess_labelled").images,
        classes=PLAN.config.train.tables(),
    output:
        folder=directory(OUT("weights").folder),
    log:
        LOG("weights"),
    benchmark:
        BENCHMARK("weights")
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("train") else "../../envs/cpu.yaml"
    threads: PLAN.config.train.threads
    resources:
        mem_mb=lambda wildcards, attempt: 12000 * attempt,
        # An interrupted training continues from its checkpoint.
        runtime=1440,
        gpu=PLAN.gpus("train"),
    params:
        options=lambda wildcards: PLAN.segmenter.training(),
        # Snakemake removes the output folder of a failed job; the checkpoint stays in this other folder.
        work=lambda wildcards: PLAN.comparison.unfinished(wildcards.model),
    message:
        "Make weights: {wildcards.model}"
    shell:
        "python -m cxrfactory train --labelled {input.labelled:q} --output {params.work:q}/weights.safetensors"
        " --history {params.work:q}/history.csv --curves {params.work:q}/curves.png {params.options:q}"
        " --segmenter {wildcards.model:q} 2> {log:q} && mv {params.work:q} {output.folder:q}"
