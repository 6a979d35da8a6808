# Reverse classification accuracy: how good is each mask, without ground truth.


rule rca_reference:
    input:
        labelled=f"{RESULTS}/preprocess/labelled.parquet",
        weights=PLAN.weights,
        card=PLAN.weights_card,
    output:
        f"{RESULTS}/rca/reference.parquet",
    log:
        f"{RESULTS}/logs/rca/reference.log",
    benchmark:
        f"{RESULTS}/benchmarks/rca/reference.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        options=PLAN.config.rca.options("fraction", "size"),
    message:
        "Prepare the reference images"
    shell:
        "python -m cxrfactory rca-reference --labelled {input.labelled:q} --weights {input.weights:q}"
        " --output {output:q} {params.options} 2> {log:q}"


rule rca:
    input:
        images=f"{RESULTS}/preprocess/{{dataset}}/{{shard}}.parquet",
        landmarks=f"{RESULTS}/infer/{{dataset}}/{{shard}}.parquet",
        reference=f"{RESULTS}/rca/reference.parquet",
    output:
        scores=f"{RESULTS}/rca/{{dataset}}/{{shard}}.parquet",
        rejected=f"{RESULTS}/rca/{{dataset}}/{{shard}}.rejected.parquet",
    log:
        f"{RESULTS}/logs/rca/{{dataset}}/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rca/{{dataset}}/{{shard}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 8
    resources:
        mem_mb=8000,
        runtime=720,
    params:
        options=PLAN.config.rca.options("references", "size"),
    message:
        "Score {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "python -m cxrfactory rca --images {input.images:q} --landmarks {input.landmarks:q}"
        " --reference {input.reference:q} --output {output.scores:q} --rejected {output.rejected:q}"
        " {params.options} --workers {threads} 2> {log:q}"
