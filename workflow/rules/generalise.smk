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


rule generalise_test:
    input:
        labelled=PLAN.generalise.tables,
        weights=PLAN.generalise.weights,
        card=PLAN.generalise.card,
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
        sizes=lambda wildcards: PLAN.generalise.sizes(),
        options=lambda wildcards: PLAN.config.infer.options("samples", "device"),
    message:
        "Test the segmenter {wildcards.held}"
    shell:
        "python -m cxrfactory study generalise-test {params.labelled:q} --weights {input.weights:q} {params.tested:q}"
        " {params.sizes:q} {params.options:q} --output {output.folder:q} 2> {log:q}"


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
