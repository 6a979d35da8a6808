# Project CT studies into PA and lateral radiographs with the masks of every structure.


rule project:
    input:
        manifest=OUT("ingest_scans").manifest,
    output:
        **OUT("project"),
    log:
        LOG("project"),
    benchmark:
        BENCHMARK("project")
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("project") else "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=PLAN.gpus("project"),
    params:
        number=lambda wildcards: int(wildcards.shard.split("-")[0]),
        options=PLAN.scans.options,
    message:
        "Project {wildcards.scans}, shard {wildcards.shard}"
    shell:
        "python -m cxrfactory stage project --manifest {input.manifest:q} --shard {params.number}"
        " {params.options:q} --images {output.images:q} --masks {output.masks:q}"
        " --studies {output.studies:q} --rejected {output.rejected:q} --threads {threads} 2> {log:q}"
