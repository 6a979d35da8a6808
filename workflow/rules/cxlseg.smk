# Radiographs with reports to lung-segmented radiographs: reports, segmenter, pictures, tables.


rule reports:
    input:
        files=PLAN.report_files,
    output:
        table=f"{RESULTS}/reports/{{dataset}}.parquet",
        rejected=f"{RESULTS}/reports/{{dataset}}.rejected.parquet",
        summary=f"{RESULTS}/reports/{{dataset}}.summary.csv",
    log:
        f"{RESULTS}/logs/reports/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/reports/{{dataset}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        source=lambda wildcards: PLAN.dataset(wildcards).reports.source,
        layout=lambda wildcards: PLAN.dataset(wildcards).reports.layout,
        links=lambda wildcards: PLAN.dataset(wildcards).options("follow_links"),
    message:
        "Read the reports of {wildcards.dataset}"
    shell:
        "python -m cxrfactory stage reports {params.source:q} --layout {params.layout} --output {output.table:q}"
        " --rejected {output.rejected:q} --summary {output.summary:q} {params.links} 2> {log:q}"


rule cxlseg_labelled:
    input:
        labelled=f"{RESULTS}/manifest/labelled.parquet",
    output:
        images=f"{RESULTS}/cxlseg-weights/labelled.parquet",
        rejected=f"{RESULTS}/cxlseg-weights/labelled.rejected.parquet",
    log:
        f"{RESULTS}/logs/cxlseg_labelled.log",
    benchmark:
        f"{RESULTS}/benchmarks/cxlseg_labelled.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 4
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        options=PLAN.cxlseg_images,
    message:
        "Prepare the labelled set like the images to be segmented"
    shell:
        "python -m cxrfactory stage preprocess-labelled --labelled {input.labelled:q} --output {output.images:q}"
        " --rejected {output.rejected:q} {params.options} --workers {threads} 2> {log:q}"


rule cxlseg_weights:
    input:
        labelled=f"{RESULTS}/cxlseg-weights/labelled.parquet",
        classes=PLAN.training_tables,
    output:
        weights=f"{RESULTS}/cxlseg-weights/weights.safetensors",
        card=f"{RESULTS}/cxlseg-weights/weights.json",
        history=f"{RESULTS}/cxlseg-weights/history.csv",
    log:
        f"{RESULTS}/logs/cxlseg_weights.log",
    benchmark:
        f"{RESULTS}/benchmarks/cxlseg_weights.tsv"
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("train") else "../../envs/cpu.yaml"
    threads: PLAN.config.train.threads
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        # Interrupted, it goes on from its checkpoint.
        runtime=1440,
        gpu=PLAN.gpus("train"),
    params:
        options=PLAN.cxlseg_training,
    message:
        "Train the segmenter of lungs"
    shell:
        "python -m cxrfactory train --labelled {input.labelled:q} --output {output.weights:q}"
        " --history {output.history:q} {params.options} 2> {log:q}"


rule cxlseg_shard:
    input:
        manifest=f"{RESULTS}/manifest/{{dataset}}.parquet",
        reports=f"{RESULTS}/reports/{{dataset}}.parquet",
        rejected=f"{RESULTS}/reports/{{dataset}}.rejected.parquet",
        weights=PLAN.cxlseg_weights,
    output:
        pictures=f"{RESULTS}/cxlseg-shards/{{dataset}}/{{shard}}.parquet",
        rejected=f"{RESULTS}/cxlseg-shards/{{dataset}}/{{shard}}.rejected.parquet",
    log:
        f"{RESULTS}/logs/cxlseg_shard/{{dataset}}/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/cxlseg_shard/{{dataset}}/{{shard}}.tsv"
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("infer") else "../../envs/cpu.yaml"
    threads: 4
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=PLAN.gpus("infer"),
    params:
        root=lambda wildcards: PLAN.dataset(wildcards).root,
        number=lambda wildcards: int(wildcards.shard.split("-")[0]),
        shards=lambda wildcards: PLAN.dataset(wildcards).shards,
        device=PLAN.config.infer.device,
        recipe=PLAN.cxlseg_recipe,
        links=lambda wildcards: PLAN.dataset(wildcards).options("follow_links"),
        limits=PLAN.config.preprocess.options("max_megapixels", "burnt_in"),
    message:
        "Cut out the lungs of {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "python -m cxrfactory stage cxlseg-shard --manifest {input.manifest:q} --reports {input.reports:q}"
        " --rejected-reports {input.rejected:q} --root {params.root:q} --shard {params.number} --shards {params.shards}"
        " --output {output.pictures:q} --rejected {output.rejected:q} {params.recipe} {params.limits}"
        " {params.links} --device {params.device} --workers {threads} 2> {log:q}"


rule package_cxlseg:
    input:
        manifest=f"{RESULTS}/manifest/{{dataset}}.parquet",
        reports=f"{RESULTS}/reports/{{dataset}}.parquet",
        rejected_reports=f"{RESULTS}/reports/{{dataset}}.rejected.parquet",
        pictures=PLAN.shard_files("cxlseg-shards"),
        rejected=PLAN.shard_files("cxlseg-shards", "rejected.parquet"),
        labels=PLAN.given_labels,
    output:
        product=directory(f"{RESULTS}/cxlseg-release/{{dataset}}/product"),
        accounts=directory(f"{RESULTS}/cxlseg-release/{{dataset}}/accounts"),
    log:
        f"{RESULTS}/logs/package_cxlseg/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/package_cxlseg/{{dataset}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 360 * attempt,
    params:
        pictures=lambda wildcards, input: [f"--pictures={path}" for path in input.pictures],
        rejected=lambda wildcards, input: [f"--rejected={path}" for path in input.rejected],
        labels=lambda wildcards: [f"--labels={path}" for path in PLAN.label_tables(wildcards)],
        release=lambda wildcards: PLAN.layout(wildcards).published_name,
        options=PLAN.config.cxlseg.options("split", "shares", "seed"),
    message:
        "Package the segmented images of {wildcards.dataset}"
    shell:
        "python -m cxrfactory stage package-cxlseg --manifest {input.manifest:q} --reports {input.reports:q}"
        " --rejected-reports {input.rejected_reports:q} {params.pictures:q} {params.rejected:q} {params.labels:q}"
        " --dataset {wildcards.dataset:q} --release-name {params.release:q} --output {output.product:q}"
        " --part {output.accounts:q} {params.options} 2> {log:q}"


rule cxlseg:
    input:
        products=expand(f"{RESULTS}/cxlseg-release/{{dataset}}/product", dataset=PLAN.reported),
        accounts=expand(f"{RESULTS}/cxlseg-release/{{dataset}}/accounts", dataset=PLAN.reported),
        weights=PLAN.cxlseg_weights,
        config=f"{RESULTS}/config.yaml",
    output:
        product=directory(f"{RESULTS}/cxlseg"),
        examples=report(f"{RESULTS}/figures/cxlseg.png", caption="../report/cxlseg.rst", category="CXLSeg"),
    log:
        f"{RESULTS}/logs/cxlseg.log",
    benchmark:
        f"{RESULTS}/benchmarks/cxlseg.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        products=lambda wildcards, input: [f"--product={path}" for path in input.products],
        accounts=lambda wildcards, input: [f"--part={path}" for path in input.accounts],
        credits=PLAN.credits,
    message:
        "Close the product: card, examples, checksums"
    shell:
        "python -m cxrfactory stage close-cxlseg --output {output.product:q} {params.products:q} {params.accounts:q}"
        " --weights {input.weights:q} --config {input.config:q} {params.credits} 2> {log:q}"
        " && cp {output.product:q}/examples.png {output.examples:q}"


rule evaluate_lungs:
    input:
        product=f"{RESULTS}/cxlseg",
        truth=f"{PLAN.cohort}/truth.parquet",
    output:
        table=f"{RESULTS}/cxlseg-evaluation.csv",
    log:
        f"{RESULTS}/logs/evaluate_lungs.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate_lungs.tsv"
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
