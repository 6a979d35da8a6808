# Projected studies to one dataset with statistics.


rule radgenome:
    input:
        manifests=expand(f"{RESULTS}/manifest/scans/{{scans}}.parquet", scans=PLAN.scan_releases),
        images=PLAN.project_files("images"),
        masks=PLAN.project_files("masks"),
        studies=PLAN.project_files("studies"),
        rejected=PLAN.project_files("rejected"),
        config=f"{RESULTS}/config.yaml",
    output:
        product=directory(f"{RESULTS}/radgenome"),
        montage=report(
            f"{RESULTS}/figures/radgenome.montage.png", caption="../report/radgenome.rst", category="RadGenome"
        ),
        footprint=report(
            f"{RESULTS}/figures/radgenome.footprint.png", caption="../report/footprint.rst", category="RadGenome"
        ),
        classes=report(
            f"{RESULTS}/figures/radgenome.classes.png", caption="../report/classes.rst", category="RadGenome"
        ),
        inventory=report(
            f"{RESULTS}/figures/radgenome.inventory.csv", caption="../report/inventory.rst", category="RadGenome"
        ),
        table=report(
            f"{RESULTS}/figures/radgenome.footprint.csv", caption="../report/footprint.rst", category="RadGenome"
        ),
    log:
        f"{RESULTS}/logs/radgenome.log",
    benchmark:
        f"{RESULTS}/benchmarks/radgenome.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        manifests=lambda wildcards, input: [f"--manifest={path}" for path in input.manifests],
        images=lambda wildcards, input: [f"--images={path}" for path in input.images],
        masks=lambda wildcards, input: [f"--masks={path}" for path in input.masks],
        studies=lambda wildcards, input: [f"--studies={path}" for path in input.studies],
        rejected=lambda wildcards, input: [f"--rejected={path}" for path in input.rejected],
        options=PLAN.config.project.options("validation_fraction", "mask_png"),
        credits=PLAN.scan_credits,
    message:
        "Package the projected studies"
    shell:
        "python -m cxrfactory stage package-radgenome --output {output.product:q} {params.manifests:q} {params.images:q}"
        " {params.masks:q} {params.studies:q} {params.rejected:q} {params.options} {params.credits}"
        " --config {input.config:q} 2> {log:q}"
        " && cp {output.product:q}/statistics/inventory.csv {output.inventory:q}"
        " && cp {output.product:q}/statistics/footprint.csv {output.table:q}"
        " && cp {output.product:q}/montage.png {output.montage:q}"
        " && cp {output.product:q}/statistics/footprint.png {output.footprint:q}"
        " && cp {output.product:q}/statistics/classes.png {output.classes:q}"
