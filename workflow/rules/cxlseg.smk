# Turn radiographs with reports into lung-segmented radiographs: segmenter, images, tables.

CXLSEG = PLAN.product("cxlseg")


rule cxlseg_labelled:
    input:
        labelled=OUT("ingest_labelled").table,
    output:
        **OUT("cxlseg_labelled"),
    log:
        LOG("cxlseg_labelled"),
    benchmark:
        BENCHMARK("cxlseg_labelled")
    conda:
        "../../envs/cpu.yaml"
    threads: 4
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        options=lambda wildcards: CXLSEG.images(),
    message:
        "Prepare the labelled set like the images to be segmented"
    shell:
        "python -m cxrfactory stage preprocess-labelled --labelled {input.labelled:q} --output {output.images:q}"
        " --rejected {output.rejected:q} {params.options:q} --workers {threads} 2> {log:q}"


rule cxlseg_weights:
    input:
        labelled=OUT("cxlseg_labelled").images,
        classes=CXLSEG.train.tables(),
    output:
        **OUT("cxlseg_weights"),
    log:
        LOG("cxlseg_weights"),
    benchmark:
        BENCHMARK("cxlseg_weights")
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus(CXLSEG.train) else "../../envs/cpu.yaml"
    threads: CXLSEG.train.threads
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        # An interrupted training continues from its checkpoint.
        runtime=1440,
        gpu=PLAN.gpus(CXLSEG.train),
    params:
        options=lambda wildcards: CXLSEG.training(),
    message:
        "Train the segmenter of lungs"
    shell:
        "python -m cxrfactory train --labelled {input.labelled:q} --output {output.weights:q}"
        " --history {output.history:q} {params.options:q} 2> {log:q}"


rule cxlseg_shard:
    input:
        manifest=OUT("ingest").manifest,
        reports=OUT("reports").table,
        rejected=OUT("reports").rejected,
        weights=CXLSEG.weights,
    output:
        **OUT("cxlseg_shard"),
    log:
        LOG("cxlseg_shard"),
    benchmark:
        BENCHMARK("cxlseg_shard")
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("infer") else "../../envs/cpu.yaml"
    threads: 4
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=PLAN.gpus("infer"),
    params:
        root=lambda wildcards: PLAN.releases.settings(wildcards).root,
        number=lambda wildcards: int(wildcards.shard.split("-")[0]),
        shards=lambda wildcards: PLAN.releases.settings(wildcards).shards,
        device=PLAN.config.infer.device,
        recipe=lambda wildcards: CXLSEG.recipe(),
        links=lambda wildcards: PLAN.releases.settings(wildcards).options("follow_links"),
        limits=lambda wildcards: PLAN.config.preprocess.reading_options(),
    message:
        "Cut out the lungs of {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "python -m cxrfactory stage cxlseg-shard --manifest {input.manifest:q} --reports {input.reports:q}"
        " --rejected-reports {input.rejected:q} --root {params.root:q} --shard {params.number} --shards {params.shards}"
        " --output {output.pictures:q} --rejected {output.rejected:q} {params.recipe:q} {params.limits:q}"
        " {params.links:q} --device {params.device:q} --workers {threads} 2> {log:q}"


rule package_cxlseg:
    input:
        manifest=OUT("ingest").manifest,
        reports=OUT("reports").table,
        rejected_reports=OUT("reports").rejected,
        pictures=PLAN.releases.shard_files("cxlseg_shard", "pictures"),
        rejected=PLAN.releases.shard_files("cxlseg_shard", "rejected"),
        labels=PLAN.releases.given_labels,
    output:
        product=directory(OUT("package_cxlseg").product),
        accounts=directory(OUT("package_cxlseg").accounts),
    log:
        LOG("package_cxlseg"),
    benchmark:
        BENCHMARK("package_cxlseg")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 360 * attempt,
    params:
        pictures=lambda wildcards, input: [f"--pictures={path}" for path in input.pictures],
        rejected=lambda wildcards, input: [f"--rejected={path}" for path in input.rejected],
        labels=lambda wildcards: [f"--labels={path}" for path in PLAN.releases.label_tables(wildcards)],
        release=PLAN.releases.release_name,
        options=lambda wildcards: PLAN.config.cxlseg.options("split", "shares", "seed"),
    message:
        "Package the segmented images of {wildcards.dataset}"
    shell:
        "python -m cxrfactory stage package-cxlseg --manifest {input.manifest:q} --reports {input.reports:q}"
        " --rejected-reports {input.rejected_reports:q} {params.pictures:q} {params.rejected:q} {params.labels:q}"
        " --dataset {wildcards.dataset:q} --release-name {params.release:q} --output {output.product:q}"
        " --part {output.accounts:q} {params.options:q} 2> {log:q}"


rule cxlseg:
    input:
        products=CXLSEG.products,
        accounts=expand(OUT("package_cxlseg").accounts, dataset=PLAN.releases.reported),
        weights=CXLSEG.weights,
        config=OUT("config_used").config,
    output:
        product=directory(OUT("cxlseg").product),
        examples=report(OUT("cxlseg").examples, caption="../report/cxlseg.rst", category="CXLSeg"),
    log:
        LOG("cxlseg"),
    benchmark:
        BENCHMARK("cxlseg")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        products=lambda wildcards, input: [f"--product={path}" for path in input.products],
        accounts=lambda wildcards, input: [f"--part={path}" for path in input.accounts],
        credits=lambda wildcards: PLAN.credits.of_releases(),
    message:
        "Close the product: card, examples, checksums"
    shell:
        "python -m cxrfactory stage close-cxlseg --output {output.product:q} {params.products:q} {params.accounts:q}"
        " --weights {input.weights:q} --config {input.config:q} {params.credits:q} 2> {log:q}"
        " && cp {output.product:q}/examples.png {output.examples:q}"


rule evaluate_lungs:
    input:
        product=OUT("cxlseg").product,
        truth=OUT("cohort").truth,
    output:
        **OUT("evaluate_lungs"),
    log:
        LOG("evaluate_lungs"),
    benchmark:
        BENCHMARK("evaluate_lungs")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    message:
        "Compare the lung masks with the truth"
    shell:
        "python -m cxrfactory stage evaluate-cxlseg --truth {input.truth:q} --product {input.product:q}"
        " --output {output.table:q} 2> {log:q}"
