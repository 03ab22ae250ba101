"""What the computer does not give ends a run with a sentence: memory, room, a home."""

import pytest
from test_filesystem import UNMOUNTING, WITHOUT_OVERRIDE, needs_mount, needs_permissions


def one_export(checkout):
    sheet = "export\tpath\tdictionary\nall\tSnakefile\t\n"
    (checkout.path / "config/exports.tsv").write_text(sheet, encoding="utf-8")


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGABRT"])
def test_a_job_that_the_system_ends_is_named(checkout, signal):
    """As the kernel and polars do where memory runs out."""
    one_export(checkout)
    ending = f"import os, signal\n\nos.kill(os.getpid(), signal.{signal})\n"
    checkout.edit("workflow/scripts/ingest_export.py", "from pathlib import Path\n", ending)
    done = checkout.snakemake("registry", succeeds=False)
    assert "ingest_export: the system ended the job, most likely because memory" in done.stderr


@needs_mount
def test_no_room_for_the_notes_of_snakemake(checkout):
    one_export(checkout)
    script = (
        "mkdir .snakemake && mount -t tmpfs -o size=64k tmpfs .snakemake || exit; "
        'head -c 80k /dev/zero >.snakemake/filling 2>/dev/null; exec "$@"'
    )
    prefix = [*UNMOUNTING, "sh", "-c", script, "sh"]
    done = checkout.snakemake("registry", succeeds=False, prefix=prefix)
    assert ".snakemake: no space left on device for the notes of Snakemake" in done.stderr
    assert "Traceback" not in done.stderr


@needs_permissions
def test_a_home_that_cannot_be_written_needs_a_cache_elsewhere(checkout, tmp_path):
    """As docs/guide.md says."""
    home, cache = tmp_path / "home", tmp_path / "cache"
    home.mkdir(mode=0o500)
    places = {"HOME": str(home), "XDG_CACHE_HOME": str(cache)}
    done = checkout.snakemake(
        "results/private/exports/breast_2018.parquet", prefix=WITHOUT_OVERRIDE, **places
    )
    assert "Traceback" not in done.stderr
    assert list(home.iterdir()) == []
