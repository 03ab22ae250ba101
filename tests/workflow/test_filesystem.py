"""Damaged files, full and read-only disks, missing permissions, and unusual paths.

Each ends with one message that names the file, and leaves nothing half-written. A run of one sheet
with a fault in each export serves the tests of the reader.
"""

import gzip
import os
import re
import shutil
import stat
import subprocess

import polars as pl
import pytest
from seermatch.synthetic.export import DATABASE, dictionary_text, export_text
from seermatch.synthetic.registry import simulate_registry

M_STAGE = "Derived EOD 2018 M Recode (2018+)"
UNMOUNTING = ["unshare", "--mount", "--propagation", "private"]
WITHOUT_OVERRIDE = [
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
]


def succeeds(*command):
    return (
        bool(shutil.which(command[0]))
        and not subprocess.run([*command, "true"], capture_output=True, check=False).returncode
    )


if os.geteuid() != 0:
    UNMOUNTING[1:1] = ["--map-root-user"]
    WITHOUT_OVERRIDE = []
needs_mount = pytest.mark.skipif(
    not succeeds(*UNMOUNTING, "sh", "-c", "mount -t tmpfs tmpfs /mnt"),
    reason="mounting a file system is not permitted here",
)
needs_permissions = pytest.mark.skipif(
    bool(WITHOUT_OVERRIDE) and not succeeds(*WITHOUT_OVERRIDE),
    reason="root may read everything, and setpriv is not permitted here",
)


@pytest.fixture(scope="module")
def rows():
    registry = simulate_registry(7, reference_scale=0.005, exposed_scale=0.2)
    return pl.concat(registry.exports.values())


@pytest.fixture(scope="module")
def text(rows):
    return export_text(rows)


@pytest.fixture(scope="module")
def dictionary(rows):
    return dictionary_text(rows.columns, DATABASE, "export.csv").encode()


def list_exports(checkout, **paths):
    lines = [f"{name}\t{path}\t\n" for name, path in paths.items()]
    sheet = checkout.path / "config/exports.tsv"
    sheet.write_text("export\tpath\tdictionary\n" + "".join(lines), encoding="utf-8")


@pytest.fixture
def study(checkout, text, dictionary):
    """A checkout whose sheet names one sound export."""
    (checkout.path / "exports").mkdir()
    (checkout.path / "exports/all.csv").write_bytes(text)
    (checkout.path / "exports/all.dic").write_bytes(dictionary)
    list_exports(checkout, all="exports/all.csv")
    return checkout


def refused(done, *words):
    """Check that a run stopped with a message, and with no traceback."""
    assert done.returncode != 0
    for word in words:
        assert word in done.stderr, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "This should not happen" not in done.stderr


def with_row(text, number, change):
    """Change a row of the file, the header being row 1."""
    lines = text.split(b"\n")
    lines[number - 1] = change(lines[number - 1])
    return b"\n".join(lines)


def swapped(dictionary):
    """Give a dictionary in which two variables have changed places."""
    names = [b"Sex", b"Year of diagnosis"]
    text = dictionary.replace(b"Name=" + names[0], b"Name=\0").replace(
        b"Name=" + names[1], b"Name=" + names[0]
    )
    return text.replace(b"Name=\0", b"Name=" + names[1])


FAULTS = {
    "truncated": (lambda text: text[:-40], ["row", "The file may be cut off"]),
    "in_the_last_value": (lambda text: text.rstrip(b"\r\n")[:-3], ["may be cut off"]),
    "few": (lambda text: with_row(text, 100, lambda row: row.partition(b",")[2]), ["row 100"]),
    "many": (lambda text: with_row(text, 200, lambda row: row + b",x"), ["row 200"]),
    "binary": (lambda text: bytes(range(256)) * 40, ["binary file"]),
    "zero_byte": (lambda text: with_row(text, 300, lambda row: row[:5] + b"\0"), ["row 300"]),
    "mixed": (
        lambda text: with_row(
            with_row(text, 50, lambda row: row.replace(b"Female", "é".encode())),
            60,
            lambda row: row.replace(b"Female", b"\xe9"),
        ),
        ["mixes UTF-8 and Windows-1252", "row"],
    ),
    "no_characters": (
        lambda text: with_row(text, 70, lambda row: row.replace(b"Female", b"\x81")),
        ["row 70", "byte 0x81"],
    ),
    "cut_gzip": (lambda text: gzip.compress(text)[:-20], ["damaged or cut off"]),
    "wrong_dictionary": (lambda text: text, ["dictionary belongs to another file", "column"]),
    "duplicate": (
        lambda text: with_row(text, 1, lambda row: row.replace(b"Sex", b"Year of diagnosis", 1)),
        ["duplicates", "Year of diagnosis"],
    ),
    "nameless": (
        lambda text: text.replace(b"Patient ID", b"Case", 1),
        ["has no column 'Patient ID'"],
    ),
}
WITHOUT_DICTIONARY = ("duplicate", "nameless")


@pytest.fixture(scope="module")
def damaged(tmp_path_factory, new_checkout, text, dictionary):
    """A run over a sheet in which every export but two has a fault."""
    checkout = new_checkout(tmp_path_factory.mktemp("damaged") / "Brustkrebs – Übersicht 2022")
    folder = checkout.path / "SEER exports (März)"
    folder.mkdir()
    paths = {}
    for name, (spoil, _) in FAULTS.items():
        (folder / f"{name}.csv").write_bytes(spoil(text))
        if name not in WITHOUT_DICTIONARY:
            wrong = name == "wrong_dictionary"
            (folder / f"{name}.dic").write_bytes(swapped(dictionary) if wrong else dictionary)
        paths[name] = f"{folder.name}/{name}.csv"
    for name in ("sound", "windows"):
        spelled = text.replace(b"Female", b"Fem\xe9") if name == "windows" else text
        (folder / f"{name} – Mamma Ä.csv").write_bytes(spelled)
        (folder / f"{name} – Mamma Ä.dic").write_bytes(dictionary)
        paths[name] = f"{folder.name}/{name} – Mamma Ä.csv"
    list_exports(checkout, **paths)
    checkout.done = checkout.snakemake("--keep-going", "registry", succeeds=False, LC_ALL="C")
    return checkout


@pytest.mark.parametrize("name", FAULTS)
def test_a_damaged_export_is_named_with_its_fault(damaged, name):
    refused(damaged.done)
    (told,) = [
        line
        for line in damaged.done.stderr.splitlines()
        if line.startswith(f"ingest_export {name}: {name}.csv")
    ]
    for words in FAULTS[name][1]:
        assert words in told
    assert not (damaged.path / f"results/private/exports/{name}.parquet").exists()


def test_the_sound_exports_beside_them_are_read(damaged, rows):
    exports = damaged.path / "results/private/exports"
    assert sorted(file.name for file in exports.iterdir()) == ["sound.parquet", "windows.parquet"]
    sound = pl.read_parquet(exports / "sound.parquet")
    assert sound["sex"].to_list() == rows["Sex"].to_list()
    windows = pl.read_parquet(exports / "windows.parquet")
    assert (windows["sex"] == "Femé").sum() == (rows["Sex"] == "Female").sum()


def test_the_rest_of_the_study_runs_in_such_a_folder(damaged, rows, tmp_path):
    """Blanks and letters of other languages in paths; one export has unknown M labels only."""
    place = tmp_path / damaged.path.name
    shutil.copytree(damaged.path, place, symlinks=True)
    damaged = type(damaged)(place)
    folder = "SEER exports (März)"
    spelled = rows.with_columns(pl.lit("M0x").alias(M_STAGE))
    (damaged.path / folder / "unknown.csv").write_bytes(export_text(spelled))
    list_exports(damaged, sound=f"{folder}/sound – Mamma Ä.csv", unknown=f"{folder}/unknown.csv")
    targets = [
        *("results/private/recoded/sound.parquet", "results/private/recoded/unknown.parquet"),
        "results/provenance.json",
    ]
    done = damaged.snakemake("--keep-going", *targets, succeeds=False, LC_ALL="C")
    labels = f"'M0x' ({len(rows):,})"
    refused(done, "filter_cohort unknown: m_stage holds none of the labels", labels)
    provenance = (damaged.path / "results/provenance.json").read_text(encoding="utf-8")
    assert '"source": "sound – Mamma Ä.csv"' in provenance
    left = {file.name for file in (damaged.path / "results/private/eligible").iterdir()}
    assert left == {"sound.parquet"}
    assert (damaged.path / "results/private/recoded/sound.parquet").exists()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("path", "export 'all': the path exports is a folder, not a file"),
        ("dictionary", "export 'all': the dictionary exports is a folder, not a file"),
    ],
)
def test_a_folder_instead_of_a_file(study, column, message):
    row = {"path": "exports/all.csv", "dictionary": ""} | {column: "exports"}
    sheet = f"export\tpath\tdictionary\nall\t{row['path']}\t{row['dictionary']}\n"
    (study.path / "config/exports.tsv").write_text(sheet, encoding="utf-8")
    refused(study.snakemake("registry", succeeds=False), message)


def test_a_sheet_that_is_not_utf8(study):
    (study.path / "config/exports.tsv").write_bytes(b"export\tpath\tdictionary\nx\tM\xe4rz.csv\t\n")
    refused(study.snakemake("registry", succeeds=False), "config/exports.tsv is not text in UTF-8")


@needs_permissions
@pytest.mark.parametrize(
    ("path", "mode", "message"),
    [
        ("exports/all.csv", 0o000, "the path exports/all.csv may not be read"),
        ("exports/all.dic", 0o000, "the dictionary exports/all.dic may not be read"),
        ("exports", 0o600, "the path exports/all.csv may not be read"),
        ("config/exports.tsv", 0o000, "config/exports.tsv may not be read"),
    ],
)
def test_no_permission_to_read(study, path, mode, message):
    (study.path / path).chmod(mode)
    done = study.snakemake("registry", succeeds=False, prefix=WITHOUT_OVERRIDE)
    (study.path / path).chmod(0o700)
    refused(done, message)


@needs_permissions
def test_no_permission_to_write(study):
    exports = study.path / "results/private/exports"
    exports.mkdir(parents=True)
    (exports / "mine.txt").touch()
    exports.chmod(0o500)
    done = study.snakemake("registry", succeeds=False, prefix=WITHOUT_OVERRIDE)
    exports.chmod(0o700)
    refused(done, "results/private/exports/all.parquet cannot be written: Permission denied")
    assert [file.name for file in exports.iterdir()] == ["mine.txt"]


@needs_mount
def test_a_read_only_folder_of_exports(study):
    mount = "mount --bind exports exports && mount -o remount,ro,bind exports"
    check = "! touch exports/x 2>/dev/null"
    prefix = [*UNMOUNTING, "sh", "-c", f'{mount} && {check} && exec "$@"', "sh"]
    study.snakemake("registry", prefix=prefix)
    assert (study.path / "results/private/exports/all.parquet").exists()
    assert sorted(file.name for file in (study.path / "exports").iterdir()) == [
        "all.csv",
        "all.dic",
    ]


@needs_mount
@pytest.mark.parametrize(
    ("full", "targets", "rules"),
    [
        ("read", ["registry"], ["ingest_export all"]),
        (
            "results",
            ["results/private/eligible/all.parquet", "results/provenance.json"],
            ["filter_cohort all", "write_provenance"],
        ),
    ],
)
def test_a_full_disk(study, full, targets, rules):
    """A file system of 64 KB, filled up to the last block, where rules write."""
    named = "exports: config/exports.tsv\n"
    study.edit("config/config.yaml", named, named + "pathvars: {registry: read}\n")
    script = (
        f"mkdir {full} && mount -t tmpfs -o size=64k tmpfs {full} || exit; "
        f"head -c 80k /dev/zero >{full}/filling 2>/dev/null; "
        f'"$@"; status=$?; find {full} -type f >left; exit $status'
    )
    prefix = [*UNMOUNTING, "sh", "-c", script, "sh"]
    done = study.snakemake("--keep-going", *targets, succeeds=False, prefix=prefix)
    refused(done)
    for rule in rules:
        message = rf"^{rule}: {full}/\S+ cannot be written: No space left on device\. "
        assert re.search(message, done.stderr, re.MULTILINE), done.stderr
    assert (study.path / "left").read_text().split() == [f"{full}/filling"]


RECORD_LEVEL = [
    *("exports/breast_2018", "eligible/breast_2019", "recoded/breast_2020"),
    *("cohort", "propensity", "separated_cells", "matched"),
]


@pytest.mark.parametrize("name", RECORD_LEVEL)
def test_files_of_records_are_for_their_owner_only(finished_study, name):
    file = finished_study.path / f"results/private/{name}.parquet"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_every_file_with_patient_numbers_is_for_its_owner_only(finished_study):
    """Looks at the columns, so that a new rule cannot forget it."""
    files = (finished_study.path / "results").rglob("*.parquet")
    records = [file for file in files if "patient_id" in pl.read_parquet_schema(file)]
    assert len(records) >= 3 * 5 + 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in records} == {0o600}
