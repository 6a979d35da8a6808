# Leave one source (hospital) out: train without it, test on it, and compare with a model that was trained with it.


# Fails in one line where a single source leaves nothing to train on.
try:
    PLAN.generalise.check(sys.argv)
except CxrError as error:
    raise WorkflowError(str(error))


rule generalise_train:
    input:
        labelled=PLAN.generalise.tables,
        classes=PLAN.config.train.tables(),
    output:
        **OUT("generalise_train"),
    log:
        LOG("generalise_train"),
    benchmark:
        BENCHMARK("generalise_train")
    wildcard_constraints:
        held=PLAN.generalise.pattern,
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("train") else "../../envs/cpu.yaml"
    threads: PLAN.config.train.threads
    resources:
        mem_mb=lambda wildcards, attempt: 12000 * attempt,
        # An interrupted training continues from its checkpoint.
        runtime=1440,
        gpu=PLAN.gpus("train"),
    params:
        labelled=lambda wildcards, input: [f"--labelled={path}" for path in input.labelled],
        options=PLAN.generalise.training,
    message:
        "Train the segmenter {wildcards.held}"
    shell:
        "python -m cxrfactory train {params.labelled:q} --output {output.weights:q} --history {output.history:q}"
        " {params.options:q} 2> {log:q}"


rule generalise_scores:
    input:
        labelled=PLAN.generalise.tables,
        weights=PLAN.generalise.weights,
        card=PLAN.generalise.card,
        network=PLAN.registration.files,
    output:
        folder=directory(OUT("generalise_scores").folder),
    log:
        LOG("generalise_scores"),
    benchmark:
        BENCHMARK("generalise_scores")
    wildcard_constraints:
        held=PLAN.generalise.pattern,
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("rca") else "../../envs/cpu.yaml"
    threads: 4
    resources:
        mem_mb=lambda wildcards, attempt: 12000 * attempt,
        runtime=lambda wildcards, attempt: 720 * attempt,
        gpu=PLAN.gpus("rca"),
    params:
        labelled=lambda wildcards, input: [f"--labelled={path}" for path in input.labelled],
        images=lambda wildcards: PLAN.generalise.tested(wildcards) + PLAN.generalise.left_out(wildcards),
        infer=lambda wildcards: PLAN.config.infer.options("samples", "precision", "device", "batch_size"),
        reference=lambda wildcards: PLAN.config.rca.options("fraction", "size"),
        rca=lambda wildcards: PLAN.config.rca.options("references", "size", "method", "interpolation", "device"),
        check=lambda wildcards: PLAN.config.rca.options("references", "method", "interpolation", "device"),
        network=lambda wildcards: PLAN.registration.option(),
        calibrated=str(PLAN.generalise.calibrated).lower(),
    message:
        "Score the masks of the segmenter {wildcards.held}"
    shell:
        '(folder={output.folder:q} && mkdir -p "$folder"'
        " && python -m cxrfactory study generalise-images {params.labelled:q} {params.images:q}"
        ' --output "$folder/images.parquet" --references "$folder/seen.parquet"'
        ' && python -m cxrfactory stage rca-reference --labelled "$folder/seen.parquet" --weights {input.weights:q}'
        ' --output "$folder/reference.parquet" {params.reference:q}'
        ' && python -m cxrfactory stage infer --images "$folder/images.parquet" --weights {input.weights:q}'
        ' --output "$folder/landmarks.parquet" --rejected "$folder/rejected.infer.parquet" {params.infer:q}'
        " --workers {threads}"
        ' && python -m cxrfactory stage rca --images "$folder/images.parquet" --landmarks "$folder/landmarks.parquet"'
        ' --reference "$folder/reference.parquet" --output "$folder/rca.parquet"'
        ' --rejected "$folder/rejected.rca.parquet" {params.rca:q} {params.network:q} --workers {threads}'
        " && if {params.calibrated}; then"
        ' python -m cxrfactory stage rca-check --labelled "$folder/seen.parquet" --weights {input.weights:q}'
        ' --model {input.weights:q} --reference "$folder/reference.parquet" --output "$folder/check" --count 1000'
        " {params.check:q} {params.network:q}"
        ' && python -m cxrfactory stage rca-calibrate --masks "$folder/check" --output "$folder/calibration.json"; fi'
        ' && rm "$folder/images.parquet" "$folder/seen.parquet") 2> {log:q}'


rule generalise_test:
    input:
        labelled=PLAN.generalise.tables,
        weights=PLAN.generalise.weights,
        card=PLAN.generalise.card,
        scores=PLAN.generalise.scores,
    output:
        folder=directory(OUT("generalise_test").folder),
    log:
        LOG("generalise_test"),
    benchmark:
        BENCHMARK("generalise_test")
    wildcard_constraints:
        held=PLAN.generalise.pattern,
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("infer") else "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=PLAN.gpus("infer"),
    params:
        labelled=lambda wildcards, input: [f"--labelled={path}" for path in input.labelled],
        tested=PLAN.generalise.tested,
        scores=PLAN.generalise.score_options,
        sizes=lambda wildcards: PLAN.generalise.sizes(),
        options=lambda wildcards: PLAN.config.infer.options("samples", "device"),
    message:
        "Test the segmenter {wildcards.held}"
    shell:
        "python -m cxrfactory study generalise-test {params.labelled:q} --weights {input.weights:q} {params.tested:q}"
        " {params.scores:q} {params.sizes:q} {params.options:q} --output {output.folder:q} 2> {log:q}"


rule generalise:
    input:
        PLAN.generalise.tests,
    output:
        folder=directory(OUT("generalise").folder),
        table=report(OUT("generalise").table, caption="../report/generalise.rst", category="Generalisation"),
        picture=report(OUT("generalise").picture, caption="../report/generalise.rst", category="Generalisation"),
    log:
        LOG("generalise"),
    benchmark:
        BENCHMARK("generalise")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        tests=lambda wildcards, input: [f"--test={path}" for path in input],
    message:
        "Tabulate what models find on sources that they never saw"
    shell:
        "python -m cxrfactory study generalise {params.tests:q} --output {output.folder:q} 2> {log:q}"
        " && cp {output.folder:q}/generalise.csv {output.table:q} && cp {output.folder:q}/generalise.png {output.picture:q}"
