"""What the scripts share: the log, the line on standard error, and tables in and out.

Nothing here computes. A script reads, calls `seermatch`, and writes; `job` sees to it that a
reader gets a sentence instead of a traceback and that no file is left half-written.
"""

import errno
import gc
import json
import logging
import os
import re
import shutil
import sys
import time
import traceback
from contextlib import contextmanager
from pathlib import Path

from seermatch.errors import StudyError
from seermatch.spreadsheet import plain_cell, safe_cell

PRINTED_TABLE = re.compile(r"table\d\.tsv")
# Columns of tables that are text, also where every cell looks like a number or is empty.
TEXTS = dict.fromkeys(
    [
        *("group", "level", "patients", "variable", "criterion", "detail", "claim", "source"),
        *("dependence", "against", "note", "test", "variance"),
    ],
    str,
)
NO_MEMORY = re.compile(
    "memory allocation|out of memory|can't (?:spawn|start)|cannot allocate", re.I
)
CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


@contextmanager
def job(snakemake):
    """Run a script's work: everything into its log, one line for the reader.

    Parameters
    ----------
    snakemake : object
        What Snakemake hands to a script.

    Yields
    ------
    callable
        Takes a sentence for the log, the last one of which is also printed at the end.

    Raises
    ------
    SystemExit
        With one message for people, where the work fails; the traceback goes to the log.
    """
    gc.set_threshold(100_000)  # imports make many objects and no garbage
    os.environ["POLARS_MAX_THREADS"] = str(snakemake.threads)
    make_private(snakemake.log[0])
    logging.basicConfig(
        filename=snakemake.log[0],
        filemode="w",
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        encoding="utf-8",
    )
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a log that cannot be written is no news for the reader
    who = " ".join([snakemake.rule, *snakemake.wildcards])
    lines = []

    def tell(line):
        logging.info(line)
        lines.append(line)

    try:
        yield tell
    except (SystemExit, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # polars ends in something else than an Exception
        logging.error(traceback.format_exc())
        if isinstance(error, MemoryError) or NO_MEMORY.search(str(error)):
            sys.exit(
                f"{who}: there is not enough memory. Close other programs, run fewer jobs at once "
                "(--cores 1), or give the job more (set-resources in the profile)."
            )
        if isinstance(error, StudyError):
            sys.exit(f"{who}: {error}")
        if isinstance(error, OSError) and error.filename:
            sys.exit(f"{who}: {error.filename}: {error.strerror}; check the file and its folder.")
        sys.exit(
            f"{who}: {type(error).__name__}: {error}\n"
            f"This should not happen; {snakemake.log[0]} holds the details."
        )
    finally:
        gc.freeze()  # else Python ends by looking for garbage among all that was imported
    if lines:
        print(lines[-1], file=sys.stderr, flush=True)


def make_private(path):
    """Create a file that only its owner may read, or take the others' leave to read it."""
    Path(path).touch(mode=0o600)
    Path(path).chmod(0o600)  # it may have been there


def close_private_folder(path):
    """Take everybody else's leave to enter `results/private`; tell whether `path` is below it."""
    folder = next((folder for folder in path.parents if folder.name == "private"), None)
    if folder is not None and folder.stat().st_mode & 0o077:
        folder.chmod(0o700)
    return folder is not None


@contextmanager
def replacing(path, private=False):
    """Give a temporary name beside `path`, and rename it when the block has ended well.

    Parameters
    ----------
    path : str or path
        The file to write. Below a folder `private` only its owner may read it.
    private : bool
        Whether it holds records of patients wherever it lies.

    Yields
    ------
    pathlib.Path
        Where to write; the file exists and is empty.

    Raises
    ------
    StudyError
        If there is no room for the file, or its folder must not be written to.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.part")
    try:
        private = close_private_folder(path) or private
        temporary.unlink(missing_ok=True)  # what a killed job left, with whatever mode
        temporary.touch(mode=0o600 if private else 0o666)
        yield temporary
        temporary.replace(path)
    except Exception as error:
        number = _error_number(error, path.parent)
        if number in CANNOT_WRITE or str(getattr(error, "filename", "")) == str(temporary):
            raise StudyError(
                f"{path} cannot be written: {os.strerror(number)}. Make room or get permission, "
                "or set pathvars in the configuration to another folder."
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _error_number(error, folder):
    """Tell the error number of the operating system, also where polars has wrapped or lost it."""
    if isinstance(error, OSError):
        return error.errno
    if wrapped := re.search(r"\(os error (\d+)\)", str(error)):
        return int(wrapped[1])
    full = shutil.disk_usage(folder).free < 1 << 16 and not isinstance(error, StudyError)
    return errno.ENOSPC if full else None


def with_progress(steps, describe, seconds=10):
    """Pass on the steps of a task, and say every `seconds` how far it is.

    Parameters
    ----------
    steps : iterable
        What the task goes through.
    describe : callable
        Gives the sentence, for the log and standard error.
    seconds : float
        Time between two sentences; a short task says nothing.

    Yields
    ------
    object
        The steps, one by one.
    """
    due = time.monotonic() + seconds
    for step in steps:
        yield step
        if time.monotonic() >= due:
            line = describe()
            logging.info(line)
            print(line, file=sys.stderr, flush=True)
            due = time.monotonic() + seconds


def read_table(path, columns=None):
    """Read a results file: Parquet, or tab-separated text with empty cells as missing numbers.

    Of a Parquet file, `columns` may name those to read, which spares memory.
    """
    import pandas as pd

    if Path(path).suffix == ".parquet":
        from pyarrow.parquet import read_table

        # looking for equal ones among millions of patient numbers takes a gigabyte
        return read_table(path, columns=columns).to_pandas(deduplicate_objects=False)
    frame = pd.read_csv(
        path,
        sep="\t",
        keep_default_na=False,
        na_values=[""],
        dtype=TEXTS,
        float_precision="round_trip",
    )
    text = frame.select_dtypes("object").columns
    return _plain(frame.fillna(dict.fromkeys(text, "")))


def read_printed_table(path):
    """Read a table that holds text as it is printed."""
    import pandas as pd

    return _plain(pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False))


def read_results(files):
    """Read the public files of a run.

    Parameters
    ----------
    files : mapping of str to path
        Name to file: ``provenance.json``, tables, and figures as SVG; those that the study does
        not have are empty.

    Returns
    -------
    tuple
        What was run; tables, and figures, by name: `seermatch.wording.results.Results`.
    """
    provenance, tables, figures = {}, {}, {}
    for name, path in files.items():
        if not path:
            continue
        path = Path(path)
        if path.suffix == ".json":
            provenance = read_provenance(path)
        elif path.suffix == ".svg":
            figures[name] = path.read_bytes()
        elif PRINTED_TABLE.fullmatch(path.name):
            tables[name] = read_printed_table(path)
        else:
            tables[name] = read_table(path)
    return provenance, tables, figures


def _plain(frame):
    """Undo what protects cells from spreadsheets."""
    text = frame.select_dtypes("object")
    cells = text.map(lambda cell: plain_cell(cell) if isinstance(cell, str) else cell)
    return frame.assign(**cells).rename(columns=plain_cell)


def write_polars_table(frame, path):
    """Write a polars frame as tab-separated text that no spreadsheet takes for formulas."""
    import polars as pl

    cells = pl.col(pl.String).map_elements(safe_cell, return_dtype=pl.String)
    with replacing(path) as temporary:
        frame.with_columns(cells).write_csv(temporary, separator="\t")


def read_polars_table(path, schema):
    """Read what `write_polars_table` wrote."""
    import polars as pl

    cells = pl.col(pl.String).map_elements(plain_cell, return_dtype=pl.String)
    return pl.read_csv(path, separator="\t", schema=schema).with_columns(cells)


def write_table(frame, path):
    """Write a pandas frame as Parquet or tab-separated text, whole or not at all."""
    with replacing(path) as temporary:
        if Path(path).suffix == ".parquet":
            frame.to_parquet(temporary, index=False, compression="zstd")
        else:
            text = frame.select_dtypes(["object", "string", "category"])
            frame = frame.assign(**text.map(_safe)).rename(columns=_safe)
            frame.to_csv(temporary, sep="\t", index=False, lineterminator="\n")


def _safe(cell):
    return safe_cell(cell) if isinstance(cell, str) else cell


def write_bytes(content, path):
    """Write bytes or text, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content if isinstance(content, bytes) else content.encode())


def write_figures(figures, paths, render):
    """Write figures, each to the paths of its name and in the format of their suffix.

    Parameters
    ----------
    figures : dict
        Name to figure.
    paths : iterable of str or path
        Where to write; each file is named after its figure.
    render : callable
        Gives the bytes of a figure in a format: `seermatch.figures.style.figure_bytes`.
    """
    for path in map(Path, paths):
        write_bytes(render(figures[path.stem], path.suffix.removeprefix(".")), path)


def read_origin(path):
    """Read where an ingested export came from: source, rows, database, submission, checksum."""
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path).metadata
    names = ("source", "rows", "database", "submission", "sha256")
    origin = {name: metadata[name.encode()].decode() for name in names}
    return {"export": Path(path).stem} | origin | {"rows": int(origin["rows"])}


def public_origins(paths, rule):
    """Read where ingested exports came from, their rows rounded where all counts are."""
    from seermatch.disclosure.rule import round_count

    origins = [read_origin(path) for path in paths]
    if rule.rounds:
        for origin in origins:
            origin["rows"] = round_count(origin["rows"], rule.minimum_count)
    return origins


def last_year_of(paths):
    """Read to which year the databases of ingested exports reach; None where none is named."""
    from seermatch.seer.dictionary import database_years

    years = [database_years(read_origin(path)["database"]) for path in paths]
    return max((last for _, last in filter(None, years)), default=None)


def read_provenance(path):
    """Read what was recorded about a run: configuration, exports, versions."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


SEER_MINIMUM = 5  # the counts 1 to 4 are those that SEER's agreement wants suppressed


def disclosure_rule(settings, exports):
    """Give the rule of a release: what the user wrote, else SEER's limit but for made-up patients.

    Parameters
    ----------
    settings : mapping
        Section `disclosure` of the configuration.
    exports : iterable of path
        The ingested exports, of which each says whether its patients are simulated.

    Returns
    -------
    seermatch.disclosure.rule.DisclosureRule
        With `minimum_count: null` 5, or 0 where every export is synthetic.
    """
    from seermatch.disclosure.rule import DisclosureRule

    minimum = settings["minimum_count"]
    if minimum is None:
        made_up = all("SYNTHETIC" in read_origin(path)["database"] for path in exports)
        minimum = 0 if made_up else SEER_MINIMUM
    return DisclosureRule(minimum, settings["method"])


def read_rule(path):
    """Read the rule of a release from `disclosure.tsv`, for those who read public files only."""
    from seermatch.disclosure.rule import DisclosureRule

    row = read_table(path).iloc[0]
    return DisclosureRule(int(row["minimum_count"]), row["method"])


def read_records(paths):
    """Read what earlier releases made public and what they masked."""
    return [json.loads(Path(path).read_text(encoding="utf-8")) for path in paths]


def with_group_labels(frame, labels):
    """Turn the group's codes 0 and 1 into a category of their labels."""
    import pandas as pd

    return frame.assign(group=pd.Categorical.from_codes(frame["group"], labels))
