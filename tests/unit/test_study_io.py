"""What the scripts share: files whole or not at all, private where they hold records."""

import errno
import os
import stat
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
import study_io
from seermatch.errors import StudyError
from study_io import job, last_year_of, replacing, with_progress, write_bytes, write_figures


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def rule(tmp_path, monkeypatch):
    monkeypatch.setattr(study_io.logging, "basicConfig", lambda **_: None)
    monkeypatch.setattr(study_io.logging, "captureWarnings", lambda _: None)
    monkeypatch.setattr(study_io.logging, "raiseExceptions", True)
    monkeypatch.setenv("POLARS_MAX_THREADS", "1")
    return SimpleNamespace(rule="filter_cohort", wildcards=["y"], threads=1, log=["x.log"])


@pytest.mark.parametrize(("private", "expected"), [(True, 0o600), (False, 0o644)])
def test_records_are_for_their_owner_only_from_the_first_byte(tmp_path, private, expected):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"before")
    left = tmp_path / ".a.parquet.part"
    left.write_bytes(b"left by a job that was killed")
    with replacing(path, private=private) as temporary:
        assert temporary.read_bytes() == b""
        assert mode(temporary) == expected
        pl.DataFrame({"a": [1]}).write_parquet(temporary)
        assert path.read_bytes() == b"before"
    assert mode(path) == expected
    assert pl.read_parquet(path)["a"].to_list() == [1]
    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]


def test_a_failure_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes(b"before")
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_bytes(b"half")
        _ = 1 / 0
    assert path.read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        pl.exceptions.ComputeError(
            "parquet: underlying IO error: No space left on device (os error 28)"
        ),
    ],
)
def test_a_full_disk_is_named_with_the_file(tmp_path, error):
    with (
        pytest.raises(StudyError, match=r"a\.tsv cannot be written: No space left on device\. "),
        replacing(tmp_path / "a.tsv") as temporary,
    ):
        temporary.write_bytes(b"half")
        raise error
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_found_where_the_error_does_not_tell(tmp_path, monkeypatch):
    monkeypatch.setattr(study_io.shutil, "disk_usage", lambda _: SimpleNamespace(free=4096))
    with pytest.raises(StudyError, match="No space left"), replacing(tmp_path / "a.parquet"):
        raise pl.exceptions.ComputeError("parquet: Invalid thrift: transport error")
    with pytest.raises(StudyError, match="row 3"), replacing(tmp_path / "a.parquet"):
        raise StudyError("a.csv, row 3: 1 field instead of 20.")


def test_a_missing_permission_is_named_with_the_file(rule, tmp_path):
    with pytest.raises(SystemExit) as ended, job(rule):
        raise PermissionError(errno.EACCES, "Permission denied", "exports/a.csv")
    assert str(ended.value).startswith("filter_cohort y: exports/a.csv: Permission denied; check")


def test_a_bad_input_ends_in_its_sentence(rule):
    with pytest.raises(SystemExit, match=r"^filter_cohort y: a\.csv is empty\.$"), job(rule):
        raise StudyError("a.csv is empty.")


def test_an_unforeseen_error_points_to_the_log(rule):
    with pytest.raises(SystemExit, match=r"KeyError: 'x'\n.*x\.log holds the details"), job(rule):
        raise KeyError("x")


def test_the_last_sentence_is_printed(rule, capsys):
    with job(rule) as tell:
        tell("first")
        tell("last")
    assert capsys.readouterr().err == "last\n"


def test_progress_is_told_every_so_often(capsys):
    done = []
    steps = with_progress([1, 2, 3], lambda: f"{len(done)} done", seconds=0)
    for step in steps:
        done.append(step)
    assert done == [1, 2, 3]
    assert capsys.readouterr().err == "1 done\n2 done\n3 done\n"
    assert list(with_progress([1, 2], lambda: "never")) == [1, 2]
    assert capsys.readouterr().err == ""


def test_figures_are_written_by_name_and_format(tmp_path):
    paths = [tmp_path / name for name in ("a.svg", "b.png", "a.png")]
    write_figures({"a": 1, "b": 2}, map(str, paths), lambda figure, kind: f"{figure} {kind}")
    assert [path.read_text() for path in paths] == ["1 svg", "2 png", "1 png"]


def test_text_is_written_as_utf8(tmp_path):
    write_bytes("18–89 years\n", tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_bytes().decode() == "18–89 years\n"


def test_the_last_year_is_that_of_the_databases(tmp_path):
    """Exports without a dictionary name none."""
    paths = [tmp_path / f"{number}.parquet" for number in range(3)]
    databases = ["17 Registries, Nov 2024 Sub (2000-2022)", "", "Nov 2023 Sub (2000-2021)"]
    names = dict.fromkeys(("source", "submission", "sha256"), "")
    for path, database in zip(paths, databases, strict=True):
        told = names | {"rows": "1", "database": database}
        pl.DataFrame({"year": ["2018"]}).write_parquet(path, metadata=told)
    assert last_year_of(paths) == 2022
    assert last_year_of(paths[2:]) == 2021
    assert last_year_of(paths[1:2]) is None


class PanicException(BaseException):
    """What polars raises, which is no Exception."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        PanicException("memory allocation of 33554432 bytes failed"),
    ],
)
def test_too_little_memory_ends_in_a_sentence(rule, error):
    message = r"^filter_cohort y: there is not enough memory\. Close"
    with pytest.raises(SystemExit, match=message), job(rule):
        raise error


# ----- the rule of a release ---------------------------------------------------------------------


@pytest.fixture
def export_of(tmp_path):
    def write(name, database):
        path = tmp_path / f"{name}.parquet"
        origin = {"source": f"{name}.csv", "rows": "1", "sha256": "", "submission": ""}
        table = pl.DataFrame({"year": ["2018"]}).to_arrow()
        metadata = origin | {"database": database}
        pq.write_table(table.replace_schema_metadata(metadata), path)
        return path

    return write


@pytest.mark.parametrize(
    ("databases", "configured", "expected"),
    [
        (["SYNTHETIC registry"], None, 0),
        (["SYNTHETIC registry", "SEER Research Data"], None, 5),
        ([""], None, 5),  # no dictionary: nobody says that they are made up
        (["SEER Research Data"], 0, 0),
        (["SYNTHETIC registry"], 11, 11),
    ],
)
def test_small_counts_are_masked_unless_every_export_is_synthetic(
    export_of, databases, configured, expected
):
    exports = [export_of(f"e{number}", name) for number, name in enumerate(databases)]
    settings = {"minimum_count": configured, "method": "suppress"}
    assert study_io.disclosure_rule(settings, exports).minimum_count == expected


def test_the_folder_of_private_results_is_closed_by_its_first_file(tmp_path):
    folder = tmp_path / "results/private/survival"
    folder.mkdir(parents=True)
    write_bytes("a", folder / "cox.parquet")
    assert mode(tmp_path / "results/private") == 0o700
    assert mode(folder / "cox.parquet") == 0o600
    write_bytes("a", tmp_path / "results/table1.tsv")
    assert mode(tmp_path / "results/table1.tsv") == 0o644
    assert mode(tmp_path / "results") == 0o755


def test_estimates_are_read_back_from_text_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(1)
    numbers = rng.normal(size=1000) * 10.0 ** rng.integers(-12, 12, 1000)
    study_io.write_table(pd.DataFrame({"se": numbers}), tmp_path / "models.tsv")
    assert (study_io.read_table(tmp_path / "models.tsv")["se"] == numbers).all()
