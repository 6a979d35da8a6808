# Pack the results into the published format, with a check of every invariant.

CHEXMASK = PLAN.product("chexmask")


rule package:
    input:
        manifest=OUT("ingest").manifest,
        landmarks=PLAN.releases.shard_files("infer", "landmarks"),
        rca=PLAN.releases.shard_files("rca", "scores"),
        rejected=CHEXMASK.rejected,
        calibration=PLAN.registration.calibration,
    output:
        product=directory(OUT("package").product),
        accounts=directory(OUT("package").accounts),
    log:
        LOG("package"),
    benchmark:
        BENCHMARK("package")
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
        release=PLAN.releases.release_name,
        column=lambda wildcards: PLAN.releases.layout(wildcards).id_column,
        calibration=lambda wildcards, input: [f"--calibration={path}" for path in input.calibration],
        flags=lambda wildcards, input: PLAN.config.flags.options() if input.calibration else [],
    message:
        "Package {wildcards.dataset}"
    shell:
        "python -m cxrfactory stage package-chexmask --manifest {input.manifest:q} {params.landmarks:q} {params.rca:q}"
        " {params.rejected:q} --dataset {wildcards.dataset:q} --release-name {params.release:q}"
        " --id-column {params.column:q} --output {output.product:q} --part {output.accounts:q}"
        " --workers {threads} {params.calibration:q} {params.flags:q} 2> {log:q}"


rule worst:
    input:
        product=OUT("package").product,
        accounts=OUT("package").accounts,
        images=PLAN.releases.shard_files("preprocess", "images"),
    output:
        picture=report(
            OUT("worst").picture,
            caption="../report/worst.rst",
            category="Quality",
            labels={"release": "{dataset}", "what": "worst 24, picture"},
        ),
        table=report(
            OUT("worst").table,
            caption="../report/worst.rst",
            category="Quality",
            labels={"release": "{dataset}", "what": "worst 24, list"},
        ),
    log:
        LOG("worst"),
    benchmark:
        BENCHMARK("worst")
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
        OUT("config_used").config,
    log:
        LOG("config_used"),
    benchmark:
        BENCHMARK("config_used")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 500 * attempt,
        runtime=lambda wildcards, attempt: 5 * attempt,
    params:
        values=lambda wildcards: PLAN.written_config(),
    message:
        "Write the config out in full"
    shell:
        "python -m cxrfactory config --values {params.values:q} --output {output:q} 2> {log:q}"


rule chexmask:
    input:
        products=expand(OUT("package").product, dataset=PLAN.releases.names),
        accounts=expand(OUT("package").accounts, dataset=PLAN.releases.names),
        weights_card=PLAN.segmenter.card,
        config=OUT("config_used").config,
        # The figures are made with the product, for the report and for visual inspection.
        selection=OUT("selection").diagram,
        overlays=expand(OUT("overlays").picture, dataset=PLAN.releases.names),
        worst=expand(OUT("worst").picture, dataset=PLAN.releases.names),
    output:
        product=directory(OUT("chexmask").product),
        histogram=report(
            OUT("chexmask").histogram,
            caption="../report/rca.rst",
            category="Quality",
            labels={"release": "all", "what": "RCA distribution"},
        ),
    log:
        LOG("chexmask"),
    benchmark:
        BENCHMARK("chexmask")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        products=lambda wildcards, input: [f"--collect={path}" for path in input.products],
        accounts=lambda wildcards, input: [f"--part={path}" for path in input.accounts],
        credits=lambda wildcards: PLAN.credits.of_releases(),
    message:
        "Close the product: card, rejected table, checksums"
    shell:
        "python -m cxrfactory stage close-chexmask --output {output.product:q} {params.products:q} {params.accounts:q}"
        " --weights-card {input.weights_card:q} --config {input.config:q} {params.credits:q} 2> {log:q}"
        " && cp {output.product:q}/rca.png {output.histogram:q}"
