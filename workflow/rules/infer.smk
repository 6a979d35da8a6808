# Predict landmarks with their uncertainty, shard by shard.


rule infer:
    input:
        images=OUT("preprocess").images,
        weights=PLAN.segmenter.weights,
        card=PLAN.segmenter.card,
    output:
        **OUT("infer"),
    log:
        LOG("infer"),
    benchmark:
        BENCHMARK("infer")
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("infer") else "../../envs/cpu.yaml"
    threads: 4
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
        gpu=PLAN.gpus("infer"),
    params:
        options=lambda wildcards: PLAN.config.infer.options("samples", "precision", "device", "batch_size"),
    message:
        "Infer {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "python -m cxrfactory stage infer --images {input.images:q} --weights {input.weights:q}"
        " --output {output.landmarks:q} --rejected {output.rejected:q} {params.options:q}"
        " --workers {threads} 2> {log:q}"


rule overlays:
    input:
        images=PLAN.releases.shard_files("preprocess", "images"),
        landmarks=PLAN.releases.shard_files("infer", "landmarks"),
    output:
        report(
            OUT("overlays").picture,
            caption="../report/overlays.rst",
            category="Overlays",
            labels={"release": "{dataset}"},
        ),
    log:
        LOG("overlays"),
    benchmark:
        BENCHMARK("overlays")
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
        "python -m cxrfactory stage overlays {params.images:q} {params.landmarks:q} --graph {params.graph:q}"
        " --output {output:q} 2> {log:q}"
