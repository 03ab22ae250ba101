# From SEER*Stat exports to a propensity-score-matched prognosis study.
# `snakemake --cores 4` runs it; README.md tells the rest.
import gc

from snakemake.utils import min_version

min_version("9.25")

# What is imported by now stays; looking for garbage among it would take a third of a second.
gc.freeze()


configfile: "config/config.yaml"


report: "workflow/report/study.rst"


pathvars:
    registry="results/private/exports",


include: "workflow/rules/ending.smk"
include: "workflow/rules/messages.smk"
include: "workflow/rules/code.smk"
include: "workflow/rules/configuration.smk"
# Of the configuration as it is after all checks: what they write anew would else be forgotten.
include: "workflow/rules/escape.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/printed_paper.smk"
include: "workflow/rules/registry.smk"
include: "workflow/rules/cohort.smk"
include: "workflow/rules/matching.smk"
include: "workflow/rules/balance.smk"
include: "workflow/rules/survival.smk"
include: "workflow/rules/competing_risks.smk"
include: "workflow/rules/sensitivity.smk"
include: "workflow/rules/publish.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/audit.smk"


rule all:
    default_target: True
    input:
        rules.study.input,
        rules.print_figures.output,
        rules.draw_diagnostics.output,
        rules.render_report.output,
        rules.write_methods.output,
        rules.write_word_tables.output,
        rules.stability.input,
        rules.sensitivity.input,
        rules.audit.input if config["paper"]["folder"] else [],
