# Estimate the quality of each mask without ground truth by reverse classification accuracy (RCA).


rule rca_reference:
    input:
        labelled=OUT("preprocess_labelled").images,
        weights=PLAN.segmenter.weights,
        card=PLAN.segmenter.card,
    output:
        OUT("rca_reference").reference,
    log:
        LOG("rca_reference"),
    benchmark:
        BENCHMARK("rca_reference")
    conda:
        "../../envs/cpu.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        options=lambda wildcards: PLAN.config.rca.options("fraction", "size"),
    message:
        "Prepare the reference images"
    shell:
        "python -m cxrfactory stage rca-reference --labelled {input.labelled:q} --weights {input.weights:q}"
        " --output {output:q} {params.options:q} 2> {log:q}"


rule rca_train:
    input:
        OUT("preprocess_labelled").images,
    output:
        **OUT("rca_train"),
    log:
        LOG("rca_train"),
    benchmark:
        BENCHMARK("rca_train")
    conda:
        "../../envs/cpu.yaml"
    threads: PLAN.config.registration.threads
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        # An interrupted training continues from its checkpoint.
        runtime=360,
    params:
        options=lambda wildcards: PLAN.config.registration.options(),
    message:
        "Train the registration network of RCA"
    shell:
        "python -m cxrfactory stage train-registration --labelled {input:q} --output {output.weights:q}"
        " --history {output.history:q} {params.options:q} 2> {log:q}"


rule rca:
    input:
        images=OUT("preprocess").images,
        landmarks=OUT("infer").landmarks,
        reference=OUT("rca_reference").reference,
        network=PLAN.registration.files,
    output:
        **OUT("rca"),
    log:
        LOG("rca"),
    benchmark:
        BENCHMARK("rca")
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("rca") else "../../envs/cpu.yaml"
    threads: 8
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 720 * attempt,
        gpu=PLAN.gpus("rca"),
    params:
        options=lambda wildcards: PLAN.config.rca.options("references", "size", "method", "interpolation", "device"),
        network=lambda wildcards: PLAN.registration.option(),
    message:
        "Score {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "python -m cxrfactory stage rca --images {input.images:q} --landmarks {input.landmarks:q}"
        " --reference {input.reference:q} --output {output.scores:q} --rejected {output.rejected:q}"
        " {params.options:q} {params.network:q} --workers {threads} 2> {log:q}"


rule rca_calibrate:
    input:
        labelled=OUT("preprocess_labelled").images,
        reference=OUT("rca_reference").reference,
        weights=PLAN.segmenter.weights,
        card=PLAN.segmenter.card,
        network=PLAN.registration.files,
    output:
        check=directory(OUT("rca_calibrate").check),
        calibration=OUT("rca_calibrate").calibration,
        picture=OUT("rca_calibrate").picture,
    log:
        LOG("rca_calibrate"),
    benchmark:
        BENCHMARK("rca_calibrate")
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("rca") else "../../envs/cpu.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 720 * attempt,
        gpu=PLAN.gpus("rca"),
    params:
        options=lambda wildcards: PLAN.config.rca.options("references", "method", "interpolation", "device"),
        network=lambda wildcards: PLAN.registration.option(),
    message:
        "Calibrate RCA on the labelled images that are no references"
    shell:
        "python -m cxrfactory stage rca-check --labelled {input.labelled:q} --weights {input.weights:q}"
        " --model {input.weights:q} --reference {input.reference:q} --output {output.check:q} --count 1000"
        " {params.options:q} {params.network:q} 2> {log:q}"
        " && python -m cxrfactory stage rca-calibrate --masks {output.check:q} --output {output.calibration:q}"
        " --picture {output.picture:q} 2>> {log:q}"
