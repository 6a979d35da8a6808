# Compare the product with the truth, which the embedded default provides for every image.


rule evaluate:
    input:
        product=OUT("chexmask").product,
        truth=OUT("cohort").truth,
    output:
        folder=directory(OUT("evaluate").folder),
    log:
        LOG("evaluate"),
    benchmark:
        BENCHMARK("evaluate")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    message:
        "Compare the product with the truth"
    shell:
        "python -m cxrfactory evaluate --truth {input.truth:q} --product {input.product:q}"
        " --output {output.folder:q} 2> {log:q}"
