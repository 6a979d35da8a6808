# Image shards to landmark shards, with uncertainty.


rule infer:
    input:
        images=f"{RESULTS}/preprocess/{{dataset}}/{{shard}}.parquet",
        weights=PLAN.weights,
        card=PLAN.weights_card,
    output:
        landmarks=f"{RESULTS}/infer/{{dataset}}/{{shard}}.parquet",
        rejected=f"{RESULTS}/infer/{{dataset}}/{{shard}}.rejected.parquet",
    log:
        f"{RESULTS}/logs/infer/{{dataset}}/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/infer/{{dataset}}/{{shard}}.tsv"
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("infer") else "../../envs/cpu.yaml"
    threads: 4
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
        gpu=PLAN.gpus("infer"),
    params:
        options=PLAN.config.infer.options("samples", "precision", "device", "batch_size"),
    message:
        "Infer {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "python -m cxrfactory stage infer --images {input.images:q} --weights {input.weights:q}"
        " --output {output.landmarks:q} --rejected {output.rejected:q} {params.options}"
        " --workers {threads} 2> {log:q}"


rule overlays:
    input:
        images=PLAN.shard_files("preprocess"),
        landmarks=PLAN.shard_files("infer"),
    output:
        report(
            f"{RESULTS}/figures/overlays.{{dataset}}.png",
            caption="../report/overlays.rst",
            category="Overlays",
            labels={"release": "{dataset}"},
        ),
    log:
        f"{RESULTS}/logs/overlays/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/overlays/{{dataset}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        images=lambda wildcards, input: [f"--images={path}" for path in input.images],
        landmarks=lambda wildcards, input: [f"--landmarks={path}" for path in input.landmarks],
        graph=PLAN.config.model.graph,
    message:
        "Draw overlays of {wildcards.dataset}"
    shell:
        "python -m cxrfactory stage overlays {params.images:q} {params.landmarks:q} --graph {params.graph}"
        " --output {output:q} 2> {log:q}"
