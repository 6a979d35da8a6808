# Measure the masks of the products. The first one is made if it is missing; others are measured where they are built.


rule measure:
    input:
        products=PLAN.measurements.products(OUT("chexmask").product, [OUT("radgenome").product]),
    output:
        folder=directory(OUT("measure").folder),
        summary=report(OUT("measure").summary, caption="../report/measure.rst", category="Measurements"),
        definitions=report(OUT("measure").definitions, caption="../report/measure.rst", category="Measurements"),
        drawings=report(
            directory(OUT("measure").drawings),
            patterns=["{name}.png"],
            caption="../report/measure.rst",
            category="Measurements",
            subcategory="Drawings",
        ),
    log:
        LOG("measure"),
    benchmark:
        BENCHMARK("measure")
    conda:
        "../../envs/cpu.yaml"
    threads: 4
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        options=lambda wildcards: PLAN.measurements.options(),
    message:
        "Measure the masks of the products"
    shell:
        "python -m cxrfactory measure {input.products:q} {params.options:q} --workers {threads}"
        " --output {output.folder:q} --drawings {output.drawings:q} 2> {log:q}"
        " && cp {output.folder:q}/summary.csv {output.summary:q}"
        " && cp {output.folder:q}/definitions.csv {output.definitions:q}"
