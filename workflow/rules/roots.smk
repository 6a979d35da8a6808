# Roots: virtual plates, networks that find roots, graphs of root systems over time, and the product results/roots.

ROOTS = PLAN.product("roots")


rule roots_cohort:
    output:
        pictures=directory(OUT("roots_cohort").pictures),
        truth=directory(OUT("roots_cohort").truth),
    log:
        LOG("roots_cohort"),
    benchmark:
        BENCHMARK("roots_cohort")
    wildcard_constraints:
        part="train|test",
        plate="[a-z]+-[0-9]+",
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        options=lambda wildcards: ROOTS.options("RootsCohortConfig"),
    message:
        "Make the virtual plate {wildcards.plate}"
    shell:
        "python -m cxrfactory stage roots-cohort --plate {wildcards.plate:q} --output {output.pictures:q}"
        " --truth {output.truth:q} {params.options:q} 2> {log:q}"


rule roots_examples:
    input:
        ROOTS.learned(),
    output:
        **OUT("roots_examples"),
    log:
        LOG("roots_examples"),
    benchmark:
        BENCHMARK("roots_examples")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        options=lambda wildcards: ROOTS.learned_options() + ROOTS.options("RootsExamplesConfig"),
    message:
        "Collect pictures with masks of roots"
    shell:
        "python -m cxrfactory stage roots-examples {params.options:q} --output {output.examples:q} 2> {log:q}"


rule roots_train:
    input:
        examples=OUT("roots_examples").examples,
    output:
        **OUT("roots_train"),
    log:
        LOG("roots_train"),
    benchmark:
        BENCHMARK("roots_train")
    wildcard_constraints:
        network="|".join(ROOTS.section.networks),
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("roots") else "../../envs/cpu.yaml"
    threads: ROOTS.section.threads
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        # An interrupted training continues from its checkpoint.
        runtime=1440,
        gpu=PLAN.gpus("roots"),
    params:
        options=lambda wildcards: ROOTS.options("RootsTrainConfig") + ROOTS.section.options("device"),
    message:
        "Train the network of roots, {wildcards.network}"
    shell:
        "python -m cxrfactory stage roots-train --examples {input.examples:q} --network {wildcards.network:q}"
        " --output {output.weights:q} --history {output.history:q} {params.options:q} 2> {log:q}"


rule roots_read:
    input:
        ROOTS.read_inputs(),
    output:
        **OUT("roots_read"),
    log:
        LOG("roots_read"),
    benchmark:
        BENCHMARK("roots_read")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        folders=lambda wildcards: ROOTS.read_options(),
        options=lambda wildcards: ROOTS.options("RootsReadConfig") + ROOTS.section.options("interval_minutes"),
    message:
        "Read the plates"
    shell:
        "python -m cxrfactory stage roots-read {params.folders:q} --frames {output.frames:q} --plants {output.plants:q}"
        " --rejected {output.rejected:q} {params.options:q} 2> {log:q}"


rule roots_segment:
    input:
        frames=OUT("roots_read").frames,
        weights=ROOTS.weights(),
        cards=ROOTS.cards(),
    output:
        **OUT("roots_segment"),
    log:
        LOG("roots_segment"),
    benchmark:
        BENCHMARK("roots_segment")
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("roots") else "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 480 * attempt,
        gpu=PLAN.gpus("roots"),
    params:
        number=lambda wildcards: int(wildcards.shard.split("-")[0]),
        weights=lambda wildcards, input: [f"--weights={path}" for path in input.weights],
        options=lambda wildcards: ROOTS.options("RootsSegmentConfig") + ROOTS.section.options("plate_shards"),
    message:
        "Find roots, shard {wildcards.shard}"
    shell:
        "python -m cxrfactory stage roots-segment --frames {input.frames:q} {params.weights:q} --shard {params.number}"
        " --output {output.masks:q} --rejected {output.rejected:q} {params.options:q} 2> {log:q}"


rule roots_graphs:
    input:
        frames=OUT("roots_read").frames,
        plants=OUT("roots_read").plants,
        masks=OUT("roots_segment").masks,
        groups=ROOTS.truth() if ROOTS.asked.evaluated else ROOTS.groups(),
    output:
        **OUT("roots_graphs"),
    log:
        LOG("roots_graphs"),
    benchmark:
        BENCHMARK("roots_graphs")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        number=lambda wildcards: int(wildcards.shard.split("-")[0]),
        groups=lambda wildcards: [f"--groups={path}" for path in ROOTS.groups()],
        options=lambda wildcards: ROOTS.options("RootsGraphConfig") + ROOTS.section.options("plate_shards"),
    message:
        "Make the graphs of roots, shard {wildcards.shard}"
    shell:
        "python -m cxrfactory stage roots-graphs --frames {input.frames:q} --plants {input.plants:q}"
        " --masks {input.masks:q} {params.groups:q} --shard {params.number} --found {output.plants:q}"
        " --nodes {output.nodes:q} --edges {output.edges:q} --traits {output.traits:q} --laterals {output.laterals:q}"
        " {params.options:q} 2> {log:q}"


rule roots_files:
    input:
        frames=OUT("roots_read").frames,
        nodes=OUT("roots_graphs").nodes,
        edges=OUT("roots_graphs").edges,
        masks=OUT("roots_segment").masks,
    output:
        files=directory(OUT("roots_files").files),
        pictures=OUT("roots_files").pictures,
    log:
        LOG("roots_files"),
    benchmark:
        BENCHMARK("roots_files")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        number=lambda wildcards: int(wildcards.shard.split("-")[0]),
        options=lambda wildcards: ROOTS.options("RootsGraphConfig") + ROOTS.section.options("plate_shards"),
    message:
        "Write and draw the graphs of roots, shard {wildcards.shard}"
    shell:
        "python -m cxrfactory stage roots-files --frames {input.frames:q}"
        " --nodes {input.nodes:q} --edges {input.edges:q} --masks {input.masks:q} --shard {params.number}"
        " --output {output.files:q} --pictures {output.pictures:q} {params.options:q} 2> {log:q}"


rule roots_growth:
    input:
        traits=ROOTS.sharded("roots_graphs", "traits"),
        laterals=ROOTS.sharded("roots_graphs", "laterals"),
    output:
        folder=directory(OUT("roots_growth").folder),
    log:
        LOG("roots_growth"),
    benchmark:
        BENCHMARK("roots_growth")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        traits=lambda wildcards, input: [f"--traits={path}" for path in input.traits],
        laterals=lambda wildcards, input: [f"--laterals={path}" for path in input.laterals],
    message:
        "Measure growth, and compare groups"
    shell:
        "python -m cxrfactory stage roots-growth {params.traits:q} {params.laterals:q} --output {output.folder:q} 2> {log:q}"


rule roots_evaluate:
    input:
        frames=OUT("roots_read").frames,
        graphs=ROOTS.graph_tables(),
        masks=ROOTS.sharded("roots_segment", "masks"),
        truth=ROOTS.truth(),
    output:
        folder=directory(OUT("roots_evaluate").folder),
        summary=report(OUT("roots_evaluate").summary, caption="../report/roots_summary.rst", category="Roots"),
    log:
        LOG("roots_evaluate"),
    benchmark:
        BENCHMARK("roots_evaluate")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        tables=lambda wildcards: ROOTS.tables(),
        masks=lambda wildcards, input: [f"--masks={path}" for path in input.masks],
        truth=lambda wildcards, input: [f"--truth={path}" for path in input.truth],
        differ=lambda wildcards: "--no-differ" if ROOTS.section.effect == 1 else "--differ",
    message:
        "Compare the root systems with the truth"
    shell:
        "python -m cxrfactory study roots --frames {input.frames:q} {params.tables:q} {params.masks:q} {params.truth:q}"
        " {params.differ}"
        " --output {output.folder:q} 2> {log:q}"
        " && cp {output.folder:q}/summary.csv {output.summary:q}"


rule roots:
    input:
        frames=OUT("roots_read").frames,
        graphs=ROOTS.graph_tables(),
        masks=ROOTS.sharded("roots_segment", "masks"),
        files=ROOTS.sharded("roots_files", "files"),
        pictures=ROOTS.sharded("roots_files", "pictures"),
        rejected=ROOTS.rejected(),
        cards=ROOTS.cards(),
        growth=OUT("roots_growth").folder,
        evaluation=ROOTS.evaluation(),
        config=OUT("config_used").config,
    output:
        product=directory(OUT("roots").product),
        montage=report(OUT("roots").montage, caption="../report/roots.rst", category="Roots"),
    log:
        LOG("roots"),
    benchmark:
        BENCHMARK("roots")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        release=ROOTS.asked.release,
        tables=lambda wildcards: ROOTS.tables(),
        masks=lambda wildcards, input: [f"--masks={path}" for path in input.masks],
        files=lambda wildcards, input: [f"--files={path}" for path in input.files],
        pictures=lambda wildcards, input: [f"--pictures={path}" for path in input.pictures],
        rejected=lambda wildcards, input: [f"--rejected={path}" for path in input.rejected],
        cards=lambda wildcards, input: [f"--weights-card={path}" for path in input.cards],
        evaluation=lambda wildcards, input: [f"--evaluation={path}" for path in input.evaluation],
        credits=lambda wildcards: ROOTS.credits(),
    message:
        "Package the roots"
    shell:
        "python -m cxrfactory stage package-roots --output {output.product:q} --frames {input.frames:q} {params.tables:q}"
        " {params.masks:q} {params.files:q} {params.pictures:q} {params.rejected:q} {params.cards:q}"
        " --growth {input.growth:q} {params.evaluation:q} --release {params.release:q} {params.credits:q}"
        " --config {input.config:q} 2> {log:q}"
        " && cp {output.product:q}/montage.png {output.montage:q}"
