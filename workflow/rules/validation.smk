# Technical validation of the product (results/validation). The gold standard needs human readers, so it has no rule.


rule rca_statistics:
    input:
        product=OUT("chexmask").product,
    output:
        folder=directory(OUT("rca_statistics").folder),
        table=report(
            OUT("rca_statistics").table,
            caption="../report/rca_statistics.rst",
            category="Validation",
        ),
        histogram=report(
            OUT("rca_statistics").histogram,
            caption="../report/rca_statistics.rst",
            category="Validation",
        ),
    log:
        LOG("rca_statistics"),
    benchmark:
        BENCHMARK("rca_statistics")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    message:
        "Describe the RCA scores"
    shell:
        "python -m cxrfactory study rca-statistics --product {input.product:q} --output {output.folder:q} 2> {log:q}"
        " && cp {output.folder:q}/rca_statistics.csv {output.table:q}"
        " && cp {output.folder:q}/rca_histogram.png {output.histogram:q}"


rule bias:
    input:
        product=OUT("package").product,
        manifest=OUT("ingest").manifest,
    output:
        folder=directory(OUT("bias").folder),
        table=report(
            OUT("bias").table,
            caption="../report/bias.rst",
            category="Validation",
            labels={"release": "{dataset}", "file": "table"},
        ),
        picture=report(
            OUT("bias").picture,
            caption="../report/bias.rst",
            category="Validation",
            labels={"release": "{dataset}", "file": "picture"},
        ),
    log:
        LOG("bias"),
    benchmark:
        BENCHMARK("bias")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        release=PLAN.releases.release_name,
    message:
        "Compare the RCA scores of groups of patients of {wildcards.dataset}"
    shell:
        "python -m cxrfactory study bias --product {input.product:q}/Parquet/{params.release:q}.parquet"
        " --manifest {input.manifest:q} --output {output.folder:q} 2> {log:q}"
        " && cp {output.folder:q}/bias.csv {output.table:q} && cp {output.folder:q}/bias.png {output.picture:q}"


rule label_own_masks:
    input:
        images=PLAN.releases.shard_files("preprocess", "images"),
        landmarks=PLAN.releases.shard_files("infer", "landmarks"),
        rca=PLAN.releases.shard_files("rca", "scores"),
        manifest=OUT("ingest").manifest,
        labelled=OUT("preprocess_labelled").images,
    output:
        **OUT("label_own_masks"),
    log:
        LOG("label_own_masks"),
    benchmark:
        BENCHMARK("label_own_masks")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        images=lambda wildcards, input: [f"--images={path}" for path in input.images],
        landmarks=lambda wildcards, input: [f"--landmarks={path}" for path in input.landmarks],
        rca=lambda wildcards, input: [f"--rca={path}" for path in input.rca],
    message:
        "Label images of {wildcards.dataset} with our own masks"
    shell:
        "python -m cxrfactory label own-masks {params.images:q} {params.landmarks:q} {params.rca:q}"
        " --manifest {input.manifest:q} --without {input.labelled:q} --source {wildcards.dataset:q}"
        " --output {output.labelled:q} --rejected {output.rejected:q} 2> {log:q}"


rule retrain:
    input:
        labelled=OUT("label_own_masks").labelled,
    output:
        **OUT("retrain"),
    log:
        LOG("retrain"),
    benchmark:
        BENCHMARK("retrain")
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("train") else "../../envs/cpu.yaml"
    threads: PLAN.config.train.threads
    resources:
        mem_mb=lambda wildcards, attempt: 12000 * attempt,
        # An interrupted training continues from its checkpoint.
        runtime=1440,
        gpu=PLAN.gpus("train"),
    params:
        # These options omit the tables of the experts' images, which this training must not use.
        options=lambda wildcards: CHEXMASK.retraining(),
    message:
        "Train on our own masks of {wildcards.dataset}"
    shell:
        "python -m cxrfactory train --labelled {input.labelled:q} --output {output.weights:q}"
        " --history {output.history:q} {params.options:q} 2> {log:q}"


rule evaluate_retrained:
    input:
        labelled=OUT("preprocess_labelled").images,
        expert=PLAN.segmenter.weights,
        card=PLAN.segmenter.card,
        retrained=expand(OUT("retrain").weights, dataset=PLAN.releases.names),
    output:
        folder=directory(OUT("evaluate_retrained").folder),
        table=report(OUT("evaluate_retrained").table, caption="../report/retrained.rst", category="Validation"),
        overlays=report(
            expand(OUT("evaluate_retrained").overlays, dataset=PLAN.releases.names),
            caption="../report/extremes.rst",
            category="Validation",
        ),
    log:
        LOG("evaluate_retrained"),
    benchmark:
        BENCHMARK("evaluate_retrained")
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("infer") else "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=PLAN.gpus("infer"),
    params:
        retrained=lambda wildcards, input: [f"--weights={path}" for path in input.retrained],
        device=PLAN.config.infer.device,
    message:
        "Evaluate the segmenter and the retrained ones against the experts"
    shell:
        "python -m cxrfactory evaluate-model --labelled {input.labelled:q} --split val --weights {input.expert:q}"
        " {params.retrained:q} --device {params.device:q} --output {output.folder:q} 2> {log:q}"
        " && cp {output.folder:q}/models.csv {output.table:q}"
        " && for file in {output.overlays:q};"
        ' do cp {output.folder:q}/"$(basename "$file")" "$file"; done'


rule validation:
    input:
        rca=OUT("rca_statistics").folder,
        bias=expand(OUT("bias").folder, dataset=PLAN.releases.names),
        models=OUT("evaluate_retrained").folder,
    output:
        folder=directory(OUT("validation").folder),
    log:
        LOG("validation"),
    benchmark:
        BENCHMARK("validation")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 500 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    message:
        "Gather the technical validation"
    shell:
        "(mkdir -p {output.folder:q}/bias && cp -R {input.rca:q} {output.folder:q}/rca"
        " && cp -R {input.bias:q} {output.folder:q}/bias/ && cp -R {input.models:q} {output.folder:q}/retrained"
        " && find {output.folder:q} -name .snakemake_timestamp -delete) 2> {log:q}"
