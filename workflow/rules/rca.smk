# Reverse classification accuracy: how good is each mask, without ground truth.


rule rca_reference:
    input:
        labelled=f"{RESULTS}/preprocess/labelled.parquet",
        weights=PLAN.weights,
        card=PLAN.weights_card,
    output:
        f"{RESULTS}/rca/reference.parquet",
    log:
        f"{RESULTS}/logs/rca/reference.log",
    benchmark:
        f"{RESULTS}/benchmarks/rca/reference.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        options=PLAN.config.rca.options("fraction", "size"),
    message:
        "Prepare the reference images"
    shell:
        "python -m cxrfactory stage rca-reference --labelled {input.labelled:q} --weights {input.weights:q}"
        " --output {output:q} {params.options} 2> {log:q}"


rule rca_train:
    input:
        f"{RESULTS}/preprocess/labelled.parquet",
    output:
        weights=f"{RESULTS}/rca/registration.safetensors",
        card=f"{RESULTS}/rca/registration.json",
        history=f"{RESULTS}/rca/registration.csv",
    log:
        f"{RESULTS}/logs/rca/train.log",
    benchmark:
        f"{RESULTS}/benchmarks/rca/train.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: PLAN.config.registration.threads
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        # Interrupted, it goes on from its checkpoint.
        runtime=360,
    params:
        options=PLAN.config.registration.options(),
    message:
        "Train the registration network of RCA"
    shell:
        "python -m cxrfactory stage train-registration --labelled {input:q} --output {output.weights:q}"
        " --history {output.history:q} {params.options} 2> {log:q}"


rule rca:
    input:
        images=f"{RESULTS}/preprocess/{{dataset}}/{{shard}}.parquet",
        landmarks=f"{RESULTS}/infer/{{dataset}}/{{shard}}.parquet",
        reference=f"{RESULTS}/rca/reference.parquet",
        network=PLAN.registration_files,
    output:
        scores=f"{RESULTS}/rca/{{dataset}}/{{shard}}.parquet",
        rejected=f"{RESULTS}/rca/{{dataset}}/{{shard}}.rejected.parquet",
    log:
        f"{RESULTS}/logs/rca/{{dataset}}/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rca/{{dataset}}/{{shard}}.tsv"
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("rca") else "../../envs/cpu.yaml"
    threads: 8
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 720 * attempt,
        gpu=PLAN.gpus("rca"),
    params:
        options=PLAN.config.rca.options("references", "size", "method", "interpolation", "device"),
        network=PLAN.registration_option,
    message:
        "Score {wildcards.dataset}, shard {wildcards.shard}"
    shell:
        "python -m cxrfactory stage rca --images {input.images:q} --landmarks {input.landmarks:q}"
        " --reference {input.reference:q} --output {output.scores:q} --rejected {output.rejected:q}"
        " {params.options} {params.network} --workers {threads} 2> {log:q}"


rule rca_calibrate:
    input:
        labelled=f"{RESULTS}/preprocess/labelled.parquet",
        reference=f"{RESULTS}/rca/reference.parquet",
        weights=PLAN.weights,
        card=PLAN.weights_card,
        network=PLAN.registration_files,
    output:
        check=directory(f"{RESULTS}/rca/check"),
        calibration=f"{RESULTS}/rca/calibration.json",
        picture=f"{RESULTS}/rca/calibration.png",
    log:
        f"{RESULTS}/logs/rca/calibrate.log",
    benchmark:
        f"{RESULTS}/benchmarks/rca/calibrate.tsv"
    conda:
        "../../envs/gpu.yaml" if PLAN.gpus("rca") else "../../envs/cpu.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 720 * attempt,
        gpu=PLAN.gpus("rca"),
    params:
        options=PLAN.config.rca.options("references", "method", "interpolation", "device"),
        network=PLAN.registration_option,
    message:
        "Calibrate RCA on the labelled images that are no references"
    shell:
        "python -m cxrfactory stage rca-check --labelled {input.labelled:q} --weights {input.weights:q}"
        " --model {input.weights:q} --reference {input.reference:q} --output {output.check:q} --count 1000"
        " {params.options} {params.network} 2> {log:q}"
        " && python -m cxrfactory stage rca-calibrate --masks {output.check:q} --output {output.calibration:q}"
        " --picture {output.picture:q} 2>> {log:q}"
