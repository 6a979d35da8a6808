# Hearts: a virtual cohort of cardiac MR, the networks that find its meshes, and the product results/hearts.

HEARTS = PLAN.product("hearts")


rule hearts_template:
    output:
        **OUT("hearts_template"),
    log:
        LOG("hearts_template"),
    benchmark:
        BENCHMARK("hearts_template")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        options=lambda wildcards: HEARTS.options("HeartsTemplateConfig"),
    message:
        "Make the template of the heart"
    shell:
        "python -m cxrfactory stage hearts-template --output {output.template:q} --surface {output.surface:q}"
        " --volume {output.volume:q} {params.options:q} 2> {log:q}"


rule hearts_cohort:
    input:
        template=OUT("hearts_template").template,
    output:
        **OUT("hearts_cohort"),
    log:
        LOG("hearts_cohort"),
    benchmark:
        BENCHMARK("hearts_cohort")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        number=lambda wildcards: int(wildcards.shard.split("-")[0]),
        options=lambda wildcards: HEARTS.options("HeartsCohortConfig"),
    message:
        "Make virtual hearts, shard {wildcards.shard}"
    shell:
        "python -m cxrfactory stage hearts-cohort --template {input.template:q} --shard {params.number}"
        " --output {output.cases:q} --pictures {output.pictures:q} {params.options:q} 2> {log:q}"


rule hearts_read:
    input:
        root=HEARTS.own(),
    output:
        **OUT("hearts_read"),
    log:
        LOG("hearts_read"),
    benchmark:
        BENCHMARK("hearts_read")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    message:
        "Read the cardiac MR"
    shell:
        "python -m cxrfactory stage hearts-read --root {input.root:q} --output {output.cases:q}"
        " --readings {output.readings:q} --rejected {output.rejected:q} 2> {log:q}"


rule hearts_finder:
    input:
        graph=OUT("hearts_template").surface,
        pictures=HEARTS.virtual("pictures"),
    output:
        **OUT("hearts_finder"),
    log:
        LOG("hearts_finder"),
    benchmark:
        BENCHMARK("hearts_finder")
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("hearts") else "../../envs/cpu.yaml"
    threads: HEARTS.section.threads
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        # An interrupted training continues from its checkpoint.
        runtime=1440,
        gpu=PLAN.gpus("hearts"),
    params:
        pictures=lambda wildcards, input: [f"--pictures={path}" for path in input.pictures],
        options=lambda wildcards: HEARTS.training_options(),
    message:
        "Train the network that finds the heart"
    shell:
        "python -m cxrfactory stage hearts-finder --graph {input.graph:q} {params.pictures:q}"
        " --output {output.weights:q} --history {output.history:q} {params.options:q} 2> {log:q}"


rule hearts_train:
    input:
        graph=HEARTS.graph,
        pictures=HEARTS.virtual("pictures"),
    output:
        **OUT("hearts_train"),
    log:
        LOG("hearts_train"),
    benchmark:
        BENCHMARK("hearts_train")
    wildcard_constraints:
        network=HEARTS.pattern,
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("hearts") else "../../envs/cpu.yaml"
    threads: HEARTS.section.threads
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        # An interrupted training continues from its checkpoint.
        runtime=1440,
        gpu=PLAN.gpus("hearts"),
    params:
        pictures=lambda wildcards, input: [f"--pictures={path}" for path in input.pictures],
        options=lambda wildcards: HEARTS.training_options(),
    message:
        "Train the network of hearts, {wildcards.network}"
    shell:
        "python -m cxrfactory stage hearts-train --graph {input.graph:q} {params.pictures:q}"
        " --network {wildcards.network:q} --output {output.weights:q} --history {output.history:q}"
        " {params.options:q} 2> {log:q}"


rule hearts_infer:
    input:
        cases=HEARTS.cases,
        weights=HEARTS.weights,
        finder=HEARTS.finder(),
    output:
        **OUT("hearts_infer"),
    log:
        LOG("hearts_infer"),
    benchmark:
        BENCHMARK("hearts_infer")
    wildcard_constraints:
        network=HEARTS.pattern,
        part="test|own",
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("hearts") else "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
        gpu=PLAN.gpus("hearts"),
    params:
        options=lambda wildcards: HEARTS.split(wildcards.part) + HEARTS.options("HeartsInferConfig"),
    message:
        "Find meshes, {wildcards.network}, {wildcards.part}, shard {wildcards.shard}"
    shell:
        "python -m cxrfactory stage hearts-infer --cases {input.cases:q} --weights {input.weights[0]:q}"
        " --finder {input.finder[0]:q} --output {output.meshes:q} --rejected {output.rejected:q}"
        " {params.options:q} 2> {log:q}"


rule hearts_meshes:
    input:
        template=OUT("hearts_template").template,
        cases=HEARTS.cases,
        meshes=OUT("hearts_infer").meshes.replace("{network}", HEARTS.asked.networks[0]),
    output:
        hearts=OUT("hearts_meshes").hearts,
        masks=OUT("hearts_meshes").masks,
        slices=OUT("hearts_meshes").slices,
        files=directory(OUT("hearts_meshes").files),
    log:
        LOG("hearts_meshes"),
    benchmark:
        BENCHMARK("hearts_meshes")
    wildcard_constraints:
        part="test|own",
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        options=lambda wildcards: HEARTS.split(wildcards.part) + HEARTS.options("HeartsMeshesConfig"),
    message:
        "Measure and write meshes, {wildcards.part}, shard {wildcards.shard}"
    shell:
        "python -m cxrfactory stage hearts-meshes --template {input.template:q} --cases {input.cases:q}"
        " --meshes {input.meshes:q} --output {output.hearts:q} --masks {output.masks:q} --slices {output.slices:q}"
        " --files {output.files:q} {params.options:q} 2> {log:q}"


rule hearts_evaluate:
    input:
        template=OUT("hearts_template").template,
        cases=HEARTS.virtual("cases"),
        meshes=[path for paths in HEARTS.evaluated().values() for path in paths],
    output:
        folder=directory(OUT("hearts_evaluate").folder),
        networks=report(OUT("hearts_evaluate").networks, caption="../report/hearts_networks.rst", category="Hearts"),
        volumes=report(OUT("hearts_evaluate").volumes, caption="../report/hearts_volumes.rst", category="Hearts"),
    log:
        LOG("hearts_evaluate"),
    benchmark:
        BENCHMARK("hearts_evaluate")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        cases=lambda wildcards, input: [f"--cases={path}" for path in input.cases],
        meshes=lambda wildcards: HEARTS.evaluated_options() + HEARTS.split("test"),
    message:
        "Compare the meshes with the truth"
    shell:
        "python -m cxrfactory study hearts --template {input.template:q} {params.cases:q} {params.meshes:q}"
        " --output {output.folder:q} 2> {log:q}"
        " && cp {output.folder:q}/networks.csv {output.networks:q}"
        " && cp {output.folder:q}/volumes.png {output.volumes:q}"


rule hearts:
    input:
        template=OUT("hearts_template").template,
        cases=HEARTS.packed_cases(),
        hearts=HEARTS.measured("hearts"),
        masks=HEARTS.measured("masks"),
        slices=HEARTS.measured("slices"),
        files=HEARTS.measured("files"),
        rejected=HEARTS.rejected(),
        card=HEARTS.card(),
        evaluation=HEARTS.evaluation(),
        config=OUT("config_used").config,
    output:
        product=directory(OUT("hearts").product),
        montage=report(OUT("hearts").montage, caption="../report/hearts.rst", category="Hearts"),
    log:
        LOG("hearts"),
    benchmark:
        BENCHMARK("hearts")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        release=HEARTS.asked.release,
        cases=lambda wildcards, input: [f"--cases={path}" for path in input.cases],
        hearts=lambda wildcards, input: [f"--hearts={path}" for path in input.hearts],
        masks=lambda wildcards, input: [f"--masks={path}" for path in input.masks],
        slices=lambda wildcards, input: [f"--slices={path}" for path in input.slices],
        files=lambda wildcards, input: [f"--files={path}" for path in input.files],
        rejected=lambda wildcards, input: [f"--rejected={path}" for path in input.rejected],
        evaluation=lambda wildcards, input: [f"--evaluation={path}" for path in input.evaluation],
        options=lambda wildcards: HEARTS.split() + HEARTS.credits(),
    message:
        "Package the hearts"
    shell:
        "python -m cxrfactory stage package-hearts --output {output.product:q} --template {input.template:q}"
        " {params.cases:q} {params.hearts:q} {params.masks:q} {params.slices:q} {params.files:q} {params.rejected:q}"
        " {params.evaluation:q} --weights-card {input.card:q} --release {params.release:q} {params.options:q}"
        " --config {input.config:q} 2> {log:q}"
        " && cp {output.product:q}/montage.png {output.montage:q}"
