# Results to the published format, with every invariant checked.


rule package:
    input:
        manifest=f"{RESULTS}/manifest/{{dataset}}.parquet",
        landmarks=PLAN.shard_files("infer"),
        rca=PLAN.shard_files("rca"),
        rejected=lambda wildcards: [
            path
            for stage in ("preprocess", "infer", "rca")
            for path in PLAN.shard_files(stage, "rejected.parquet")(wildcards)
        ],
        calibration=PLAN.calibration,
    output:
        product=directory(f"{RESULTS}/package/{{dataset}}/product"),
        accounts=directory(f"{RESULTS}/package/{{dataset}}/accounts"),
    log:
        f"{RESULTS}/logs/package/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/package/{{dataset}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 4
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 360 * attempt,
    params:
        landmarks=lambda wildcards, input: [f"--landmarks={path}" for path in input.landmarks],
        rca=lambda wildcards, input: [f"--rca={path}" for path in input.rca],
        rejected=lambda wildcards, input: [f"--rejected={path}" for path in input.rejected],
        release=PLAN.release_name,
        column=lambda wildcards: PLAN.layout(wildcards).id_column,
        calibration=lambda wildcards, input: [f"--calibration={path}" for path in input.calibration],
    message:
        "Package {wildcards.dataset}"
    shell:
        "python -m cxrfactory stage package-chexmask --manifest {input.manifest:q} {params.landmarks:q} {params.rca:q}"
        " {params.rejected:q} --dataset {wildcards.dataset:q} --release-name {params.release:q}"
        " --id-column {params.column:q} --output {output.product:q} --part {output.accounts:q}"
        " --workers {threads} {params.calibration:q} 2> {log:q}"


rule worst:
    input:
        product=f"{RESULTS}/package/{{dataset}}/product",
        accounts=f"{RESULTS}/package/{{dataset}}/accounts",
        images=PLAN.shard_files("preprocess"),
    output:
        picture=report(
            f"{RESULTS}/figures/worst.{{dataset}}.png",
            caption="../report/worst.rst",
            category="Quality",
            labels={"release": "{dataset}", "what": "worst 24, picture"},
        ),
        table=report(
            f"{RESULTS}/figures/worst.{{dataset}}.csv",
            caption="../report/worst.rst",
            category="Quality",
            labels={"release": "{dataset}", "what": "worst 24, list"},
        ),
    log:
        f"{RESULTS}/logs/worst/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/worst/{{dataset}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        images=lambda wildcards, input: [f"--images={path}" for path in input.images],
    message:
        "Draw the worst masks of {wildcards.dataset}"
    shell:
        "python -m cxrfactory stage worst-chexmask --product {input.product:q} --part {input.accounts:q} {params.images:q}"
        " --picture {output.picture:q} --table {output.table:q} 2> {log:q}"


rule config_used:
    output:
        f"{RESULTS}/config.yaml",
    log:
        f"{RESULTS}/logs/config.log",
    benchmark:
        f"{RESULTS}/benchmarks/config.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 500 * attempt,
        runtime=lambda wildcards, attempt: 5 * attempt,
    params:
        values=lambda wildcards: PLAN.config.model_dump_json(),
    message:
        "Write the config out in full"
    shell:
        "python -m cxrfactory config --values {params.values:q} --output {output:q} 2> {log:q}"


rule chexmask:
    input:
        products=expand(f"{RESULTS}/package/{{dataset}}/product", dataset=PLAN.datasets),
        accounts=expand(f"{RESULTS}/package/{{dataset}}/accounts", dataset=PLAN.datasets),
        weights_card=PLAN.weights_card,
        config=f"{RESULTS}/config.yaml",
        # Made with the product, for the report and for people to look at.
        selection=f"{RESULTS}/figures/selection.png",
        overlays=expand(f"{RESULTS}/figures/overlays.{{dataset}}.png", dataset=PLAN.datasets),
        worst=expand(f"{RESULTS}/figures/worst.{{dataset}}.png", dataset=PLAN.datasets),
    output:
        product=directory(f"{RESULTS}/chexmask"),
        histogram=report(
            f"{RESULTS}/figures/rca.png",
            caption="../report/rca.rst",
            category="Quality",
            labels={"release": "all", "what": "RCA distribution"},
        ),
    log:
        f"{RESULTS}/logs/chexmask.log",
    benchmark:
        f"{RESULTS}/benchmarks/chexmask.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        products=lambda wildcards, input: [f"--collect={path}" for path in input.products],
        accounts=lambda wildcards, input: [f"--part={path}" for path in input.accounts],
        credits=PLAN.credits,
    message:
        "Close the product: card, rejected table, checksums"
    shell:
        "python -m cxrfactory stage close-chexmask --output {output.product:q} {params.products:q} {params.accounts:q}"
        " --weights-card {input.weights_card:q} --config {input.config:q} {params.credits} 2> {log:q}"
        " && cp {output.product:q}/rca.png {output.histogram:q}"
