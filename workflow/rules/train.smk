# Labelled radiographs to weights.


rule train:
    input:
        labelled=f"{RESULTS}/preprocess/labelled.parquet",
        classes=PLAN.training_tables,
    output:
        weights=f"{RESULTS}/train/segmenter.safetensors",
        card=f"{RESULTS}/train/segmenter.json",
        history=f"{RESULTS}/train/history.csv",
        curves=report(f"{RESULTS}/figures/training.png", caption="../report/training.rst", category="Training"),
    log:
        f"{RESULTS}/logs/train.log",
    benchmark:
        f"{RESULTS}/benchmarks/train.tsv"
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("train") else "../../envs/cpu.yaml"
    threads: PLAN.config.train.threads
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        # Interrupted, it goes on from its checkpoint.
        runtime=1440,
        gpu=PLAN.gpus("train"),
    params:
        options=f"{PLAN.config.model.options()} {PLAN.config.train.options()}",
    message:
        "Train the segmenter"
    shell:
        "python -m cxrfactory train --labelled {input.labelled:q} --output {output.weights:q}"
        " --history {output.history:q} --curves {output.curves:q} {params.options}"
        " 2> {log:q}"


rule weights:
    input:
        labelled=f"{RESULTS}/preprocess/labelled.parquet",
        classes=PLAN.training_tables,
    output:
        folder=directory(f"{RESULTS}/weights/{{model}}"),
    log:
        f"{RESULTS}/logs/weights/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/weights/{{model}}.tsv"
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("train") else "../../envs/cpu.yaml"
    threads: PLAN.config.train.threads
    resources:
        mem_mb=lambda wildcards, attempt: 12000 * attempt,
        # Interrupted, it goes on from its checkpoint.
        runtime=1440,
        gpu=PLAN.gpus("train"),
    params:
        options=f"{PLAN.config.model.options()} {PLAN.config.train.options()}",
        # The folder of a failed job is removed; the checkpoint of an interrupted training stays here.
        work=f"{RESULTS}/weights/.{{model}}",
    message:
        "Make weights: {wildcards.model}"
    shell:
        "python -m cxrfactory train --labelled {input.labelled:q} --output {params.work:q}/weights.safetensors"
        " --history {params.work:q}/history.csv --curves {params.work:q}/curves.png {params.options}"
        " --segmenter {wildcards.model:q} 2> {log:q} && mv {params.work:q} {output.folder:q}"
