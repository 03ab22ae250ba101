"""What is private and what is public: modes of files, the list of public ones, who reads what."""

import csv
import re
import stat
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
# They read private results to make public ones, or only where an export came from.
ON_THE_BORDER = {"publish_cohort", "publish_outcomes", "publish_sensitivity", "write_provenance"}
RULE = re.compile(
    r"^ *(?:use rule \w+ as|rule) (\w+).*?:\n(.*?)(?=^ *(?:use )?rule |\Z)", re.M | re.S
)


def public_patterns():
    with (ROOT / "resources/public_files.tsv").open(encoding="utf-8", newline="") as table:
        return [row["file"] for row in csv.DictReader(table, delimiter="\t")]


def rules():
    """Each rule with the text of its input and of its output."""
    found = {}
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for name, text in RULE.findall(path.read_text(encoding="utf-8")):
            parts = re.split(r"^ +(input|output|log|params|message):\n", text, flags=re.M)
            named = dict(zip(parts[1::2], parts[2::2], strict=True))
            if "output" in named:
                found[name] = named.get("input", ""), named["output"]
    return found


def is_private(text):
    return "/private" in text or "<registry>" in text or "{RELEASE}" in text


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def made_by(study):
    """Files of the results, relative to their folder."""
    results = study.path / "results"
    return [path.relative_to(results) for path in results.rglob("*") if path.is_file()]


def test_a_file_that_is_not_on_the_list_is_private(finished_study):
    patterns = public_patterns()
    unlisted = {
        str(name)
        for name in made_by(finished_study)
        if not any(fnmatch(str(name), pattern) for pattern in patterns)
    }
    assert unlisted
    assert {name.partition("/")[0] for name in unlisted} == {"private"}


def test_every_pattern_of_the_list_is_made(finished_study):
    names = list(map(str, made_by(finished_study)))
    for pattern in public_patterns():
        if pattern != "claims.tsv":
            assert any(fnmatch(name, pattern) for name in names), pattern


def test_private_files_and_logs_are_for_their_owner_only(finished_study):
    private = finished_study.path / "results/private"
    assert mode(private) == 0o700
    assert {mode(path) for path in private.rglob("*") if path.is_file()} == {0o600}
    logs = list((finished_study.path / "logs").rglob("*.log"))
    assert len(logs) > 30
    assert {mode(path) for path in logs} == {0o600}


def test_only_the_border_reads_private_results_and_writes_public_ones():
    found = rules()
    assert set(found) >= ON_THE_BORDER
    assert {"draw_figures", "print_figures", "render_report", "write_methods"} <= set(found)
    for name, (read, written) in found.items():
        if name not in ON_THE_BORDER and is_private(read):
            places = re.findall(r'"<(\w+)>([^"]*)"', written)
            assert places, name
            assert all(is_private(f"<{place}>{path}") for place, path in places), name


def test_the_readme_of_the_results_says_what_may_be_shared(finished_study):
    text = (finished_study.path / "results/README.txt").read_text(encoding="utf-8")
    assert len(text.splitlines()) == 3
    assert "private/" in text and "No count is masked." in text
