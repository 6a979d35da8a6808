# Compare measured grades with those of reports, and with the answers of other systems.


# Fails in one line where there is nothing to compare.
try:
    PLAN.agreement.check(sys.argv)
except CxrError as error:
    raise WorkflowError(str(error))


rule agreement:
    input:
        measured=PLAN.agreement.measured,
        reference=PLAN.agreement.reference,
        links=PLAN.agreement.links,
        answers=PLAN.agreement.answers,
    output:
        folder=directory(OUT("agreement").folder),
        table=report(OUT("agreement").table, caption="../report/agreement.rst", category="Agreement"),
        confusion=report(OUT("agreement").confusion, caption="../report/agreement.rst", category="Agreement"),
        violin=report(OUT("agreement").violin, caption="../report/agreement.rst", category="Agreement"),
        roc=report(OUT("agreement").roc, caption="../report/agreement.rst", category="Agreement"),
    log:
        LOG("agreement"),
    benchmark:
        BENCHMARK("agreement")
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        # A function, since texts of the config may hold braces, which Snakemake would fill in.
        options=lambda wildcards: PLAN.agreement.options(),
    message:
        "Compare measured grades with those of reports"
    shell:
        "python -m cxrfactory study agreement {params.options:q} --output {output.folder:q} 2> {log:q}"
        " && cp {output.folder:q}/agreement.csv {output.table:q}"
        " && cp {output.folder:q}/confusion.png {output.confusion:q}"
        " && cp {output.folder:q}/violin.png {output.violin:q}"
        " && cp {output.folder:q}/roc.png {output.roc:q}"
