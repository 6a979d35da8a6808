# Train and compare many pixel networks on projected anatomy (results/benchmark); each training is files of its own.


try:
    PLAN.benchmark.check(sys.argv)
except CxrError as error:
    raise WorkflowError(str(error))


rule benchmark_labelled:
    input:
        product=OUT("radgenome").product,
    output:
        table=OUT("benchmark_labelled").table,
    log:
        LOG("benchmark_labelled"),
    benchmark:
        BENCHMARK("benchmark_labelled")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        options=lambda wildcards: PLAN.benchmark.labelling(),
    message:
        "Label the projected radiographs with all their structures"
    shell:
        "python -m cxrfactory label projections {input.product:q} --output {output.table:q} {params.options:q} 2> {log:q}"


rule benchmark_train:
    input:
        labelled=PLAN.benchmark.labelled,
        classes=PLAN.benchmark.train.tables(),
    output:
        **OUT("benchmark_train"),
    log:
        LOG("benchmark_train"),
    benchmark:
        BENCHMARK("benchmark_train")
    wildcard_constraints:
        seed=r"\d+",
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus(PLAN.benchmark.train) else "../../envs/cpu.yaml"
    threads: PLAN.benchmark.train.threads
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        # An interrupted training continues from its checkpoint.
        runtime=1440,
        gpu=PLAN.gpus(PLAN.benchmark.train),
    params:
        options=lambda wildcards: PLAN.benchmark.training(),
    message:
        "Train {wildcards.model}, seed {wildcards.seed}, for the benchmark"
    shell:
        "python -m cxrfactory train --labelled {input.labelled:q} --output {output.weights:q}"
        " --history {output.history:q} {params.options:q} --segmenter {wildcards.model:q} --seed {wildcards.seed:q}"
        " 2> {log:q}"


rule benchmark_score:
    input:
        labelled=PLAN.benchmark.labelled,
        weights=OUT("benchmark_train").weights,
        card=OUT("benchmark_train").card,
        product=OUT("radgenome").product if PLAN.benchmark.own else [],
    output:
        scores=OUT("benchmark_score").scores,
        cost=OUT("benchmark_score").cost,
    log:
        LOG("benchmark_score"),
    benchmark:
        BENCHMARK("benchmark_score")
    wildcard_constraints:
        seed=r"\d+",
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("benchmark") else "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=PLAN.gpus("benchmark"),
    params:
        options=lambda wildcards: PLAN.benchmark.scoring(wildcards),
        studies=lambda wildcards: PLAN.benchmark.studies(OUT("radgenome").product),
    message:
        "Score {wildcards.model}, seed {wildcards.seed}, on held-out images"
    shell:
        "python -m cxrfactory study benchmark-score --labelled {input.labelled:q} --weights {input.weights:q}"
        " --output {output.scores:q} --cost {output.cost:q} {params.options:q} {params.studies:q} 2> {log:q}"


rule benchmark:
    input:
        scores=PLAN.benchmark.files("scores"),
        cost=PLAN.benchmark.files("cost"),
        findings=PLAN.benchmark.findings(),
    output:
        folder=directory(OUT("benchmark").folder),
        ranking=report(OUT("benchmark").ranking, caption="../report/benchmark_ranking.rst", category="Benchmark"),
        pairs=report(OUT("benchmark").pairs, caption="../report/benchmark_pairs.rst", category="Benchmark"),
        ranks=report(OUT("benchmark").ranks, caption="../report/benchmark_ranking.rst", category="Benchmark"),
        structures=report(
            OUT("benchmark").structures, caption="../report/benchmark_structures.rst", category="Benchmark"
        ),
        cost=report(OUT("benchmark").cost, caption="../report/benchmark_cost.rst", category="Benchmark"),
    log:
        LOG("benchmark"),
    benchmark:
        BENCHMARK("benchmark")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        scores=lambda wildcards, input: [f"--scores={path}" for path in input.scores],
        cost=lambda wildcards, input: [f"--cost={path}" for path in input.cost],
        findings=lambda wildcards: [f"--findings={path}" for path in PLAN.benchmark.findings()],
    message:
        "Tabulate the benchmark"
    shell:
        "python -m cxrfactory study benchmark {params.scores:q} {params.cost:q} {params.findings:q}"
        " --output {output.folder:q} 2> {log:q}"
        " && for file in {output.ranking:q} {output.pairs:q} {output.ranks:q} {output.structures:q} {output.cost:q};"
        ' do cp {output.folder:q}/"$(basename "$file")" "$file"; done'
