# Compare classifiers on original and on lung-segmented images of results/cxlseg.


rule classify_pictures:
    input:
        product=OUT("package_cxlseg").product,
        manifest=OUT("ingest").manifest,
    output:
        **OUT("classify_pictures"),
    log:
        LOG("classify_pictures"),
    benchmark:
        BENCHMARK("classify_pictures")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        root=PLAN.releases.films,
        links=PLAN.releases.film_links,
        made=lambda wildcards: CXLSEG.classified(),
        largest=lambda wildcards: PLAN.config.preprocess.options("max_megapixels"),
    message:
        "Gather original and segmented images of {wildcards.dataset}"
    shell:
        "python -m cxrfactory study classify-pictures --product {input.product:q} --manifest {input.manifest:q}"
        " --root {params.root:q} --output {output.pictures:q} {params.made:q} {params.largest:q} {params.links:q}"
        " 2> {log:q}"


rule classify:
    input:
        pictures=expand(OUT("classify_pictures").pictures, dataset=PLAN.releases.reported),
    output:
        **OUT("classify"),
    log:
        LOG("classify"),
    benchmark:
        BENCHMARK("classify")
    wildcard_constraints:
        classifier="|".join(PLAN.config.classify.models),
        picture="original|segmented",
        repeat=r"\d+",
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("classify") else "../../envs/cpu.yaml"
    threads: PLAN.config.classify.threads
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 2880 * attempt,
        gpu=PLAN.gpus("classify"),
    params:
        pictures=lambda wildcards, input: [f"--pictures={path}" for path in input.pictures],
        options=lambda wildcards: CXLSEG.classifier(),
    message:
        "Train {wildcards.classifier} on {wildcards.picture} images"
    shell:
        "python -m cxrfactory study classify {params.pictures:q} --model {wildcards.classifier}"
        " --picture {wildcards.picture} --repeat {wildcards.repeat} --output {output.predictions:q}"
        " --history {output.history:q} {params.options:q} 2> {log:q}"


rule classify_compare:
    input:
        predictions=CXLSEG.predictions,
    output:
        folder=directory(OUT("classify_compare").folder),
        figure=report(OUT("classify_compare").figure, caption="../report/classification.rst", category="CXLSeg"),
    log:
        LOG("classify_compare"),
    benchmark:
        BENCHMARK("classify_compare")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        predictions=lambda wildcards, input: [f"--predictions={path}" for path in input.predictions],
        seed=lambda wildcards: PLAN.config.classify.options("seed"),
    message:
        "Compare classifiers on original and on segmented images"
    shell:
        "python -m cxrfactory study classify-compare {params.predictions:q} --output {output.folder:q} {params.seed:q}"
        " 2> {log:q} && cp {output.folder:q}/rates.png {output.figure:q}"
