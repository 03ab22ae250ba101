"""YAML read otherwise than written, texts that cannot be printed, bad sheets: all stop at once."""

import os
import time

import pytest


def refused(checkout, *messages, **options):
    started = time.monotonic()
    done = checkout.snakemake("--dry-run", "--quiet=all", succeeds=False, **options)
    for message in messages:
        assert message in done.stderr, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert time.monotonic() - started < 30
    return done.stderr


GRADES = 'grade: {labels: ["1", "2", "3", A, B, C]}'


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        (GRADES, "grade: {labels: [1, 050]}", "grade.labels", "050 is read as the number 40"),
        (GRADES, "grade: {labels: [1, 1_0]}", "grade.labels", "1_0 is read as the number 10"),
        (GRADES, "grade: {labels: [1, 1:30]}", "grade.labels", 'write "1:30", in quotes'),
        (GRADES, "grade: {labels: [+1]}", "grade.labels", "+1 is read as the number 1"),
        (GRADES, "grade: {labels: [1.0]}", "grade.labels", "1.0 is read as the number 1.0"),
        (GRADES, "grade: {labels: [A, No]}", "grade.labels", "No is read as the truth value false"),
        (GRADES, "grade: {labels: [A, ~]}", "grade.labels", "~ is read as nothing"),
        (GRADES, "grade: {labels: [2018-01-01]}", "grade.labels", "read as the date 2018-01-01"),
        ("label: M0(i+)", "label: yes", "exposed.label", "yes is read as the truth value true"),
        ("labels: [M0(i+)]", "labels: [1]", "exposed.labels", 'write "1", in quotes'),
        ("{level: Other}", "{level: off}", "histology.level", "off is read as the truth value"),
        ("registries: null", "registries: [Utah, 7]", "registries", "7 is read as the number 7"),
        ("  ratio: 2", "  ratio: 02", "matching.ratio", "02 is read as the number 2"),
        ("  ratio: 2", "  no: 2", "matching.no", "no is read as the truth value false"),
    ],
)
def test_what_yaml_reads_otherwise_is_named_with_its_line(checkout, old, new, place, message):
    text = (checkout.path / "config/config.yaml").read_text(encoding="utf-8")
    line = text[: text.index(old)].count("\n") + 1
    checkout.edit("config/config.yaml", old, new)
    told = refused(checkout, f"config/config.yaml, line {line}: ", message)
    assert f"{place}: " in told


def test_what_yaml_reads_as_it_is_written_passes(checkout):
    checkout.edit("config/config.yaml", GRADES, "grade: {labels: [1, 2, '3', A, B, C]}")
    checkout.edit("config/config.yaml", "ratio: 2", "ratio: +2")
    checkout.edit("config/config.yaml", "caliper: 0.2", "caliper: .2")
    checkout.edit("config/config.yaml", "claims: []", "claims: []\n  title: |\n    A title")
    checkout.edit("config/config.yaml", "  title: Prognostic", "  # title: Prognostic")
    checkout.planned()


def test_a_repeated_key_is_named_in_every_file(checkout):
    """A default block below would silently take the masking away."""
    study = checkout.path / "study.yaml"
    study.write_text(
        "disclosure: {minimum_count: 5}\nmatching: {ratio: 1}\ndisclosure: {minimum_count: 0}\n",
        encoding="utf-8",
    )
    done = checkout.snakemake("--dry-run", "--configfile", "study.yaml", succeeds=False)
    message = "study.yaml, line 3: disclosure: the key is there twice, first in line 1; keep one."
    assert message in done.stderr
    study.write_text('{"matching": {"ratio": 1, "ratio": 2}}', encoding="utf-8")  # JSON, too
    done = checkout.snakemake("--dry-run", "--configfile", "study.yaml", succeeds=False)
    assert "study.yaml, line 1: matching.ratio: the key is there twice" in done.stderr


def test_aliases_that_multiply_are_refused_within_seconds(checkout):
    lines, names = ["study: {title: x}", "sensitivity:", "  ratios: &a0 [1, 1, 1, 1, 1]"], ["*a0"]
    for number, key in enumerate(("calipers", "orders", "estimands", *"bcdefghijkl"), start=1):
        lines.append(f"  {key}: &a{number} [{', '.join(names * 5)}]")
        names = [f"*a{number}"]
    (checkout.path / "bomb.yaml").write_text("\n".join(lines), encoding="utf-8")
    for content in ("\n".join(lines), "sensitivity: {ratios: &a [1, *a]}"):
        (checkout.path / "bomb.yaml").write_text(content, encoding="utf-8")
        started = time.monotonic()
        done = checkout.snakemake("--dry-run", "--configfile", "bomb.yaml", succeeds=False)
        assert "bomb.yaml: too many values behind its aliases (*name)" in done.stderr
        assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("label: M0(i+)", "label: All", "exposed.label: 'All' has another meaning"),
        ("label: M0(i+)", "label: level", "exposed.label: 'level' has another meaning"),
        ("label: M0(i+)", 'label: "1"', "exposed.label: '1' has another meaning"),
        ("label: M0(i+)", "label: M0", "exposed.label: 'M0' is the same in print as cohort."),
        ("{level: Other}", "{level: IDC}", "recode.histology.1.level: 'IDC' is the same in print"),
        (
            "{level: N1-N3,",
            "{level: ' N1',",
            "recode.n_stage.1.level: ' N1' is empty or has blanks",
        ),
        ("label: M0(i+)", 'label: "M0\\n(i+)"', "exposed.label: 'M0\\n(i+)' holds '\\n'"),
        ("criterion: female", 'criterion: "fe\\tmale"', "criteria.1.criterion: 'fe\\tmale' holds"),
        ("claims: []", 'claims: []\n  title: "a\\e[2Jb"', "study.title: 'a\\x1b[2Jb' holds"),
    ],
)
def test_texts_that_cannot_be_printed_are_refused(checkout, old, new, message):
    if "title:" in new:
        checkout.edit("config/config.yaml", "  title: Prognostic", "  # title: Prognostic")
    checkout.edit("config/config.yaml", old, new)
    refused(checkout, f"config.{message}" if message[0] in "rs" else message)


NAMED = b"export\tpath\tdictionary\n"


@pytest.mark.parametrize(
    "sheet",
    [
        b"export,path,dictionary\nb_2018,Snakefile,\n",
        b'export;path\r\n"b_2018";"Snakefile"\r\n',
        b"\xef\xbb\xbfexport,path\nb_2018,Snakefile\n\n",
        b"\nexport\t path \nb_2018\tSnakefile\n",
    ],
)
def test_a_sheet_with_other_separators_is_read(checkout, sheet):
    (checkout.path / "config/exports.tsv").write_bytes(sheet)
    assert checkout.planned("registry") == {"ingest_export": 1}


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        (b"export path dictionary\nb_2018 Snakefile\n", "Separate columns by tabs."),
        (b"b_2018\tSnakefile\t\n", "instead of the names of the columns: export, path, dictionary"),
        (NAMED + b"b_2018,Snakefile,\n", "'b_2018,Snakefile,' is one column; separate columns by"),
        (NAMED + b"b_2018 Snakefile\n", "row 2: 'b_2018 Snakefile' is one column; separate"),
        (b"export\tpath\tpath\nb\tSnakefile\t\n", "two columns have the same name"),
        ("\ufeffexport\tpath\nb\tSnakefile\n".encode("utf-16"), "is not text in UTF-8; save it"),
        (NAMED + b"b\0\tSnakefile\t\n", "config/exports.tsv is not text in UTF-8; save it"),
        (NAMED + b"b\tSnakefile\t\n" * 100_000, "has 1 MB, so it is no sheet of exports"),
        (NAMED + b"b\t" + b"x" * 200_000 + b"\t\n", "is no table (field larger than field limit"),
    ],
)
def test_a_sheet_that_cannot_be_read_says_so(checkout, sheet, message):
    (checkout.path / "config/exports.tsv").write_bytes(sheet)
    refused(checkout, message)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("column", ["sheet", "path", "dictionary"])
def test_what_is_no_file_is_not_waited_for(checkout, kind, column):
    odd = checkout.path / "odd"
    if kind == "pipe":
        os.mkfifo(odd)
    elif kind == "device":
        odd.symlink_to("/dev/zero")
    else:
        odd.mkdir()
    sheet = checkout.path / "config/exports.tsv"
    row = {"path": "Snakefile", "dictionary": "", column: "odd"}
    sheet.write_bytes(NAMED + f"all\t{row['path']}\t{row['dictionary']}\n".encode())
    if column == "sheet":
        checkout.edit("config/config.yaml", "exports: config/exports.tsv", "exports: odd")
    what = "is a folder, not a file" if kind == "folder" else "is a pipe or a device, not a file"
    refused(checkout, f"odd {what}")


def test_data_in_place_of_a_dictionary(checkout):
    with (checkout.path / "large.csv").open("wb") as file:
        file.truncate(1 << 27)
    sheet = NAMED + b"all\tSnakefile\tlarge.csv\n"
    (checkout.path / "config/exports.tsv").write_bytes(sheet)
    refused(checkout, "the dictionary large.csv is too large for a dictionary; name the .dic file")
