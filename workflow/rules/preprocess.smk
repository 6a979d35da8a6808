# Turn radiograph files into square 8-bit images, with the geometry of the inverse mapping.


rule preprocess:
    input:
        manifest=OUT("ingest").manifest,
    output:
        **OUT("preprocess"),
    log:
        LOG("preprocess"),
    benchmark:
        BENCHMARK("preprocess")
    conda:
        "../../envs/cpu.yaml"
    threads: 4
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        root=PLAN.releases.films,
        links=PLAN.releases.film_links,
        number=lambda wildcards: int(wildcards.shard.split("-")[0]),
        shards=lambda wildcards: PLAN.releases.settings(wildcards).shards,
        options=lambda wildcards: PLAN.config.preprocess.options(),
    message:
        "Preprocess {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "python -m cxrfactory stage preprocess --manifest {input.manifest:q} --root {params.root:q}"
        " --shard {params.number} --shards {params.shards} --output {output.images:q}"
        " --rejected {output.rejected:q} {params.links:q} {params.options:q} --workers {threads} 2> {log:q}"


rule preprocess_labelled:
    input:
        labelled=OUT("ingest_labelled").table,
    output:
        **OUT("preprocess_labelled"),
    log:
        LOG("preprocess_labelled"),
    benchmark:
        BENCHMARK("preprocess_labelled")
    conda:
        "../../envs/cpu.yaml"
    threads: 4
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        options=lambda wildcards: PLAN.config.preprocess.options(),
    message:
        "Preprocess the labelled set"
    shell:
        "python -m cxrfactory stage preprocess-labelled --labelled {input.labelled:q} --output {output.images:q}"
        " --rejected {output.rejected:q} {params.options:q} --workers {threads} 2> {log:q}"
