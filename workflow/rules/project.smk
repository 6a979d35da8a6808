# CT studies to PA and lateral radiographs with the masks of every structure.


rule project:
    input:
        manifest=f"{RESULTS}/manifest/scans/{{scans}}.parquet",
    output:
        images=f"{RESULTS}/project/{{scans}}/{{shard}}.images.parquet",
        masks=f"{RESULTS}/project/{{scans}}/{{shard}}.masks.parquet",
        studies=f"{RESULTS}/project/{{scans}}/{{shard}}.studies.parquet",
        rejected=f"{RESULTS}/project/{{scans}}/{{shard}}.rejected.parquet",
    log:
        f"{RESULTS}/logs/project/{{scans}}/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/project/{{scans}}/{{shard}}.tsv"
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("project") else "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=PLAN.gpus("project"),
    params:
        number=lambda wildcards: int(wildcards.shard.split("-")[0]),
        options=PLAN.project_options,
    message:
        "Project {wildcards.scans}, shard {wildcards.shard}"
    shell:
        "python -m cxrfactory stage project --manifest {input.manifest:q} --shard {params.number}"
        " {params.options} --images {output.images:q} --masks {output.masks:q}"
        " --studies {output.studies:q} --rejected {output.rejected:q} --threads {threads} 2> {log:q}"
