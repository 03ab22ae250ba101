"""Calibration: cohorts with known effects go through score, match and estimators.

Needs no data. Makes bias, coverage of the 95 % intervals and size of the tests, and the size of the
tests with few deaths, on demand only (`snakemake calibration`). The repetitions are shared out over
pieces; a cluster takes more of them, `--set-scatter calibration=50`, with the same result.
"""


scattergather:
    calibration=8,


rule simulate_calibration:
    """Some of the repetitions, each with a seed of its own."""
    output:
        "<results>/calibration/{scatteritem}.parquet",
    log:
        "<logs>/simulate_calibration/{scatteritem}.log",
    benchmark:
        "<benchmarks>/simulate_calibration/{scatteritem}.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(1),
        runtime=minutes(60),
    params:
        code=code_of("simulate_calibration"),
        calibration=section("calibration"),
        months=config["interpretation"]["months"],
    message:
        "Drawing, matching and analyzing cohorts with known effects"
    script:
        "../scripts/simulate_calibration.py"


rule summarize_calibration:
    """Bias, coverage and size of the tests."""
    input:
        gather.calibration("<results>/calibration/{scatteritem}.parquet"),
    output:
        table=shown(
            "<results>/calibration.tsv",
            "Calibration",
            "Bias, coverage and size of the tests",
        ),
        figure=shown(
            "<results>/figures/calibration.svg", "Calibration", "Coverage, figure"
        ),
        picture="<results>/figures/calibration.png",
    log:
        "<logs>/summarize_calibration.log",
    benchmark:
        "<benchmarks>/summarize_calibration.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(2),
        runtime=minutes(10),
    params:
        code=code_of("summarize_calibration"),
        calibration=section("calibration"),
        months=config["interpretation"]["months"],
    message:
        "Comparing the estimates with the truth"
    script:
        "../scripts/summarize_calibration.py"


rule simulate_few_deaths:
    """Some of the repetitions with few deaths, each with a seed of its own."""
    output:
        "<results>/few_deaths/{scatteritem}.parquet",
    log:
        "<logs>/simulate_few_deaths/{scatteritem}.log",
    benchmark:
        "<benchmarks>/simulate_few_deaths/{scatteritem}.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(1),
        runtime=minutes(60),
    params:
        code=code_of("simulate_few_deaths"),
        calibration=section("calibration"),
    message:
        "Drawing and testing matched sets with few deaths"
    script:
        "../scripts/simulate_few_deaths.py"


rule summarize_few_deaths:
    """Size of the tests with few deaths."""
    input:
        gather.calibration("<results>/few_deaths/{scatteritem}.parquet"),
    output:
        shown(
            "<results>/few_deaths.tsv",
            "Calibration",
            "Size of the tests with few deaths",
        ),
    log:
        "<logs>/summarize_few_deaths.log",
    benchmark:
        "<benchmarks>/summarize_few_deaths.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(2),
        runtime=minutes(10),
    params:
        code=code_of("summarize_few_deaths"),
    message:
        "Counting how often the tests reject"
    script:
        "../scripts/summarize_few_deaths.py"


rule calibration:
    input:
        rules.summarize_calibration.output,
        rules.summarize_few_deaths.output,
