"""Read the registry's exports, one by one.

Needs the files of the sheet of exports. Makes one Parquet file per export, with canonical
column names and SEER's labels untouched. A new or changed export costs that export only.
"""


rule registry:
    input:
        collect("<registry>/{export}.parquet", export=EXPORTS),


rule simulate_exports:
    """Make the synthetic registry, in SEER*Stat's own format."""
    output:
        data=collect("<resources>/synthetic/breast_{year}.csv", year=SYNTHETIC_YEARS),
        dictionary=collect(
            "<resources>/synthetic/breast_{year}.dic", year=SYNTHETIC_YEARS
        ),
        truth="<resources>/synthetic/truth.json",
    log:
        "<logs>/simulate_exports.log",
    benchmark:
        "<benchmarks>/simulate_exports.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 1
    resources:
        mem=memory(4),
        runtime=minutes(10),
    params:
        code=code_of("simulate_exports"),
        synthetic=section("synthetic"),
        years=SYNTHETIC_YEARS,
    message:
        "Simulating the synthetic registry"
    script:
        "../scripts/simulate_exports.py"


rule ingest_export:
    """Read one export as it is: SEER's labels under canonical column names."""
    input:
        unpack(export_files),
    output:
        "<registry>/{export}.parquet",
    log:
        "<logs>/ingest_export/{export}.log",
    benchmark:
        "<benchmarks>/ingest_export/{export}.tsv"
    conda:
        "../../envs/seermatch.yaml"
    threads: 2
    resources:
        mem=memory(2),
        runtime=minutes(30),
    params:
        code=code_of("ingest_export"),
        one_tumor_per_patient=config["cohort"]["one_tumor_per_patient"],
    message:
        "Reading the export {wildcards.export}"
    script:
        "../scripts/ingest_export.py"
