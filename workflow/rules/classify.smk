# Does cutting out the lungs help? Classifiers on original and on segmented images of results/cxlseg.


rule classify_pictures:
    input:
        product=f"{RESULTS}/cxlseg-release/{{dataset}}/product",
        manifest=f"{RESULTS}/manifest/{{dataset}}.parquet",
    output:
        pictures=f"{RESULTS}/classify/pictures/{{dataset}}.parquet",
    log:
        f"{RESULTS}/logs/classify_pictures/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/classify_pictures/{{dataset}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        root=lambda wildcards: PLAN.dataset(wildcards).root,
        made=PLAN.classified,
        largest=PLAN.config.preprocess.options("max_megapixels"),
    message:
        "Gather original and segmented images of {wildcards.dataset}"
    shell:
        "python -m cxrfactory study classify-pictures --product {input.product:q} --manifest {input.manifest:q}"
        " --root {params.root:q} --output {output.pictures:q} {params.made} {params.largest} 2> {log:q}"


rule classify:
    input:
        pictures=expand(f"{RESULTS}/classify/pictures/{{dataset}}.parquet", dataset=PLAN.reported),
    output:
        predictions=f"{RESULTS}/classify/{{classifier}}/{{picture}}-{{repeat}}.parquet",
        history=f"{RESULTS}/classify/{{classifier}}/{{picture}}-{{repeat}}.csv",
    log:
        f"{RESULTS}/logs/classify/{{classifier}}-{{picture}}-{{repeat}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/classify/{{classifier}}-{{picture}}-{{repeat}}.tsv"
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
        options=PLAN.classify_options,
    message:
        "Train {wildcards.classifier} on {wildcards.picture} images"
    shell:
        "python -m cxrfactory study classify {params.pictures:q} --model {wildcards.classifier}"
        " --picture {wildcards.picture} --repeat {wildcards.repeat} --output {output.predictions:q}"
        " --history {output.history:q} {params.options} 2> {log:q}"


rule classify_compare:
    input:
        predictions=PLAN.predictions,
    output:
        folder=directory(f"{RESULTS}/classification"),
        figure=report(
            f"{RESULTS}/figures/classification.png", caption="../report/classification.rst", category="CXLSeg"
        ),
    log:
        f"{RESULTS}/logs/classify_compare.log",
    benchmark:
        f"{RESULTS}/benchmarks/classify_compare.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        predictions=lambda wildcards, input: [f"--predictions={path}" for path in input.predictions],
        seed=PLAN.config.classify.options("seed"),
    message:
        "Compare classifiers on original and on segmented images"
    shell:
        "python -m cxrfactory study classify-compare {params.predictions:q} --output {output.folder:q} {params.seed}"
        " 2> {log:q} && cp {output.folder:q}/rates.png {output.figure:q}"
