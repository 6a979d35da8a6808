# Radiograph files to square 8-bit images, with the geometry that leads back.


rule preprocess:
    input:
        manifest=f"{RESULTS}/manifest/{{dataset}}.parquet",
    output:
        images=f"{RESULTS}/preprocess/{{dataset}}/{{shard}}.parquet",
        rejected=f"{RESULTS}/preprocess/{{dataset}}/{{shard}}.rejected.parquet",
    log:
        f"{RESULTS}/logs/preprocess/{{dataset}}/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/preprocess/{{dataset}}/{{shard}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 4
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        root=lambda wildcards: PLAN.dataset(wildcards).root,
        links=lambda wildcards: PLAN.dataset(wildcards).options("follow_links"),
        number=lambda wildcards: int(wildcards.shard.split("-")[0]),
        shards=lambda wildcards: PLAN.dataset(wildcards).shards,
        options=PLAN.config.preprocess.options(),
    message:
        "Preprocess {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "python -m cxrfactory stage preprocess --manifest {input.manifest:q} --root {params.root:q}"
        " --shard {params.number} --shards {params.shards} --output {output.images:q}"
        " --rejected {output.rejected:q} {params.links} {params.options} --workers {threads} 2> {log:q}"


rule preprocess_labelled:
    input:
        labelled=f"{RESULTS}/manifest/labelled.parquet",
    output:
        images=f"{RESULTS}/preprocess/labelled.parquet",
        rejected=f"{RESULTS}/preprocess/labelled.rejected.parquet",
    log:
        f"{RESULTS}/logs/preprocess/labelled.log",
    benchmark:
        f"{RESULTS}/benchmarks/preprocess/labelled.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 4
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        options=PLAN.config.preprocess.options(),
    message:
        "Preprocess the labelled set"
    shell:
        "python -m cxrfactory stage preprocess-labelled --labelled {input.labelled:q} --output {output.images:q}"
        " --rejected {output.rejected:q} {params.options} --workers {threads} 2> {log:q}"
