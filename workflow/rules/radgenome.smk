# Pack the projected studies into one dataset with statistics.

RADGENOME = PLAN.product("radgenome")


rule radgenome:
    input:
        manifests=expand(OUT("ingest_scans").manifest, scans=PLAN.scans.names),
        images=PLAN.scans.files("images"),
        masks=PLAN.scans.files("masks"),
        studies=PLAN.scans.files("studies"),
        rejected=PLAN.scans.files("rejected"),
        config=OUT("config_used").config,
    output:
        product=directory(OUT("radgenome").product),
        montage=report(OUT("radgenome").montage, caption="../report/radgenome.rst", category="RadGenome"),
        footprint=report(OUT("radgenome").footprint, caption="../report/footprint.rst", category="RadGenome"),
        classes=report(OUT("radgenome").classes, caption="../report/classes.rst", category="RadGenome"),
        inventory=report(OUT("radgenome").inventory, caption="../report/inventory.rst", category="RadGenome"),
        table=report(OUT("radgenome").table, caption="../report/footprint.rst", category="RadGenome"),
    log:
        LOG("radgenome"),
    benchmark:
        BENCHMARK("radgenome")
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
        options=lambda wildcards: RADGENOME.options(),
        credits=lambda wildcards: PLAN.credits.of_scans(),
    message:
        "Package the projected studies"
    shell:
        "python -m cxrfactory stage package-radgenome --output {output.product:q} {params.manifests:q} {params.images:q}"
        " {params.masks:q} {params.studies:q} {params.rejected:q} {params.options:q} {params.credits:q}"
        " --config {input.config:q} 2> {log:q}"
        " && cp {output.product:q}/statistics/inventory.csv {output.inventory:q}"
        " && cp {output.product:q}/statistics/footprint.csv {output.table:q}"
        " && cp {output.product:q}/montage.png {output.montage:q}"
        " && cp {output.product:q}/statistics/footprint.png {output.footprint:q}"
        " && cp {output.product:q}/statistics/classes.png {output.classes:q}"
