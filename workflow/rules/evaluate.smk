# The product against the truth, which the embedded default knows for every image.


rule evaluate:
    input:
        product=f"{RESULTS}/chexmask",
        truth=f"{PLAN.cohort}/truth.parquet",
    output:
        folder=directory(f"{RESULTS}/evaluation"),
    log:
        f"{RESULTS}/logs/evaluate.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate.tsv"
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
