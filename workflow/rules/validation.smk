# Technical validation of the product: results/validation. The gold standard needs readers, and is no rule.


rule rca_statistics:
    input:
        product=f"{RESULTS}/chexmask",
    output:
        folder=directory(f"{RESULTS}/validate/rca"),
        table=report(
            f"{RESULTS}/figures/validation/rca_statistics.csv",
            caption="../report/rca_statistics.rst",
            category="Validation",
        ),
        histogram=report(
            f"{RESULTS}/figures/validation/rca_histogram.png",
            caption="../report/rca_statistics.rst",
            category="Validation",
        ),
    log:
        f"{RESULTS}/logs/validate/rca.log",
    benchmark:
        f"{RESULTS}/benchmarks/validate/rca.tsv"
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
        product=f"{RESULTS}/package/{{dataset}}/product",
        manifest=f"{RESULTS}/manifest/{{dataset}}.parquet",
    output:
        folder=directory(f"{RESULTS}/validate/bias/{{dataset}}"),
        table=report(
            f"{RESULTS}/figures/validation/bias.{{dataset}}.csv",
            caption="../report/bias.rst",
            category="Validation",
            labels={"release": "{dataset}", "file": "table"},
        ),
        picture=report(
            f"{RESULTS}/figures/validation/bias.{{dataset}}.png",
            caption="../report/bias.rst",
            category="Validation",
            labels={"release": "{dataset}", "file": "picture"},
        ),
    log:
        f"{RESULTS}/logs/validate/bias.{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/validate/bias.{{dataset}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        release=lambda wildcards: PLAN.layout(wildcards).published_name,
    message:
        "Compare the RCA scores of groups of patients of {wildcards.dataset}"
    shell:
        "python -m cxrfactory study bias --product {input.product:q}/Parquet/{params.release:q}.parquet"
        " --manifest {input.manifest:q} --output {output.folder:q} 2> {log:q}"
        " && cp {output.folder:q}/bias.csv {output.table:q} && cp {output.folder:q}/bias.png {output.picture:q}"


rule label_own_masks:
    input:
        images=PLAN.shard_files("preprocess"),
        landmarks=PLAN.shard_files("infer"),
        rca=PLAN.shard_files("rca"),
        manifest=f"{RESULTS}/manifest/{{dataset}}.parquet",
        labelled=f"{RESULTS}/preprocess/labelled.parquet",
    output:
        labelled=f"{RESULTS}/validate/own/{{dataset}}.parquet",
        rejected=f"{RESULTS}/validate/own/{{dataset}}.rejected.parquet",
    log:
        f"{RESULTS}/logs/validate/own.{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/validate/own.{{dataset}}.tsv"
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
        labelled=f"{RESULTS}/validate/own/{{dataset}}.parquet",
    output:
        weights=f"{RESULTS}/validate/retrain/{{dataset}}.safetensors",
        card=f"{RESULTS}/validate/retrain/{{dataset}}.json",
        history=f"{RESULTS}/validate/retrain/{{dataset}}.csv",
    log:
        f"{RESULTS}/logs/validate/retrain.{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/validate/retrain.{{dataset}}.tsv"
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("train") else "../../envs/cpu.yaml"
    threads: PLAN.config.train.threads
    resources:
        mem_mb=lambda wildcards, attempt: 12000 * attempt,
        # Interrupted, it goes on from its checkpoint.
        runtime=1440,
        gpu=PLAN.gpus("train"),
    params:
        model=PLAN.config.model.options(),
        # Tables of classes and shapes are of the experts' images, which this training must not see.
        train=PLAN.config.train.model_copy(update={"balance": "none", "classes": None, "shapes": None}).options(),
    message:
        "Train on our own masks of {wildcards.dataset}"
    shell:
        "python -m cxrfactory train --labelled {input.labelled:q} --output {output.weights:q}"
        " --history {output.history:q} {params.model} {params.train} 2> {log:q}"


rule evaluate_retrained:
    input:
        labelled=f"{RESULTS}/preprocess/labelled.parquet",
        expert=PLAN.weights,
        card=PLAN.weights_card,
        retrained=expand(f"{RESULTS}/validate/retrain/{{dataset}}.safetensors", dataset=PLAN.datasets),
    output:
        folder=directory(f"{RESULTS}/validate/models"),
        table=report(
            f"{RESULTS}/figures/validation/retrained.csv", caption="../report/retrained.rst", category="Validation"
        ),
        overlays=report(
            expand(f"{RESULTS}/figures/validation/overlays-{{dataset}}.png", dataset=PLAN.datasets),
            caption="../report/extremes.rst",
            category="Validation",
        ),
    log:
        f"{RESULTS}/logs/validate/models.log",
    benchmark:
        f"{RESULTS}/benchmarks/validate/models.tsv"
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
        " {params.retrained:q} --device {params.device} --output {output.folder:q} 2> {log:q}"
        " && cp {output.folder:q}/models.csv {output.table:q}"
        " && for file in {output.overlays:q};"
        ' do cp {output.folder:q}/"$(basename "$file")" "$file"; done'


rule validation:
    input:
        rca=f"{RESULTS}/validate/rca",
        bias=expand(f"{RESULTS}/validate/bias/{{dataset}}", dataset=PLAN.datasets),
        models=f"{RESULTS}/validate/models",
    output:
        folder=directory(f"{RESULTS}/validation"),
    log:
        f"{RESULTS}/logs/validation.log",
    benchmark:
        f"{RESULTS}/benchmarks/validation.tsv"
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
