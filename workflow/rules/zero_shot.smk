# Test a network of structures on real films that it was not trained on.


rule zero_shot:
    input:
        labelled=PLAN.zero_shot.tables,
        weights=PLAN.zero_shot.weights,
        films=PLAN.zero_shot.folders,
    output:
        folder=directory(OUT("zero_shot").folder),
        summary=report(OUT("zero_shot").summary, caption="../report/zero_shot.rst", category="Zero-shot"),
        published=report(OUT("zero_shot").published, caption="../report/zero_shot.rst", category="Zero-shot"),
        plausibility=report(OUT("zero_shot").plausibility, caption="../report/zero_shot.rst", category="Zero-shot"),
        sheets=report(
            directory(OUT("zero_shot").sheets),
            patterns=["{name}.png"],
            caption="../report/zero_shot.rst",
            category="Zero-shot",
            subcategory="Sheets",
        ),
    log:
        LOG("zero_shot"),
    benchmark:
        BENCHMARK("zero_shot")
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("zero_shot") else "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=PLAN.gpus("zero_shot"),
    params:
        labelled=lambda wildcards, input: [f"--labelled={path}" for path in input.labelled],
        options=PLAN.zero_shot.options(),
    message:
        "Test the network of structures on real films"
    shell:
        "python -m cxrfactory study zero-shot {params.labelled:q} {params.options:q} --output {output.folder:q}"
        " 2> {log:q} && mkdir -p {output.sheets:q}"
        " && cp {output.folder:q}/summary.csv {output.summary:q}"
        " && cp {output.folder:q}/published.csv {output.published:q}"
        " && cp {output.folder:q}/plausibility.csv {output.plausibility:q}"
        " && for sheet in {output.folder:q}/sheets/*.png;"
        ' do if [ -e "$sheet" ]; then cp "$sheet" {output.sheets:q}/; fi; done'
