"""Reader of SEER*Stat case-listing exports.

An export is a text file with one record per line and, beside it, a dictionary (.dic). The
dictionary drives the reading when it is given; without it the first line must hold the column
names. Columns get canonical names (see `seermatch.seer.fields`), labels stay as they are.

What counts as missing: a blank cell, and the missing character that the dictionary declares,
except where it is also a label of the variable (``NA`` in the AJCC 7th edition fields). No other
text is ever turned into a missing value: ``NA``, ``None`` and ``88`` are labels.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, TypeVar

import polars as pl

from seermatch.errors import StudyError
from seermatch.seer.dictionary import DictionaryVariable, SeerDictionary
from seermatch.seer.fields import (
    REQUIREMENTS,
    age_ends_at_85,
    match_columns,
    require_columns,
    seer_fields,
)
from seermatch.seer.internal_codes import ColumnDecoder, find_coded_columns, plan_decoding
from seermatch.seer.layout import Layout, find_layout
from seermatch.seer.lines import BLOCK_SIZE, LineBlocks, check_lines

TAIL = 1 << 16
T = TypeVar("T")


class Export:
    """An opened export; made by `open_export`.

    Attributes
    ----------
    name : str
        Name of the file, for messages.
    layout : Layout
        How the file is written.
    columns : dict of str to str
        Canonical name -> column name in the file, in the order of the file.
    rows : int
        Records read so far.
    """

    def __init__(
        self,
        blocks: LineBlocks,
        name: str,
        layout: Layout,
        positions: Mapping[str, int],
        dictionary: SeerDictionary,
        head: tuple[bytes, int],
    ):
        self.name = name
        self.layout = layout
        self.columns = {field: layout.header[i] for field, i in positions.items()}
        self.rows = 0
        variables = dictionary.variables or tuple(map(DictionaryVariable, layout.header))
        self._variables = {field: variables[i] for field, i in positions.items()}
        self._blocks = blocks
        self._positions = positions
        self._dictionary = dictionary
        self._head: tuple[bytes, int] | None = head
        self._decoders: Mapping[str, ColumnDecoder] | None = None
        self._tail = b"\n"

    @property
    def sha256(self) -> str:
        """Checksum of the file as on disk; complete after the last batch."""
        return self._blocks.source.sha256

    @property
    def bytes_read(self) -> int:
        """Bytes of the file read so far, for progress and, after the last batch, its size."""
        return self._blocks.source.bytes_read

    @property
    def encoding(self) -> str:
        """``"ascii"``, ``"utf-8"`` or ``"cp1252"``, as far as read."""
        return self._blocks.encoding

    def batches(self) -> Iterator[pl.DataFrame]:
        """Read the records; can be done once.

        Yields
        ------
        polars.DataFrame
            String columns with canonical names, in the order of `columns`.

        Raises
        ------
        StudyError
            At the first record that is not well formed, with its row in the file (the line with
            the column names is row 1).
        """
        # one thread reads and checks, one parses, while the caller works on the previous batch
        with ThreadPoolExecutor(2) as threads:
            blocks = _ahead(threads, self._read_block)
            for frame in _ahead(threads, lambda: self._to_frame(next(blocks, None))):
                self.rows += frame.height
                yield frame

    def _read_block(self) -> tuple[bytes, int, int] | None:
        """Return whole lines, well formed, with the row of the first and their number."""
        block, self._head = self._head or self._blocks.read(), None
        if block is None:
            return None
        text, first_row = block
        lines = check_lines(
            text,
            delimiter=self.layout.delimiter,
            quoted=self.layout.quoted,
            n_fields=len(self.layout.header),
            first_row=first_row,
            name=self.name,
        )
        tail = self._tail + text[-TAIL:]
        if self._blocks.unterminated:
            self._check_last_line(tail, first_row + lines - 1)
        self._tail = tail[-TAIL:]
        return text, first_row, lines

    def _to_frame(self, block: tuple[bytes, int, int] | None) -> pl.DataFrame | None:
        if block is None:
            return None
        text, first_row, lines = block
        frame = self._tidy(self._parse(text))
        if frame.height != lines:
            raise StudyError(
                f"{self.name}, rows {first_row} to {first_row + lines - 1}: {lines} lines were "
                f"read as {frame.height} records. Please report this."
            )
        self._refuse_header(frame, first_row)
        if self._decoders is None:
            coded = find_coded_columns(frame)
            self._decoders = plan_decoding(self._variables, coded, self._dictionary, self.name)
        frame = frame.with_columns(
            decoder.decode(frame[field], first_row) for field, decoder in self._decoders.items()
        )
        if "age" in frame.columns and (frame["age"] == "85+ years").any():
            raise age_ends_at_85(self.columns["age"], self.name)
        return frame

    def _parse(self, text: bytes) -> pl.DataFrame:
        try:
            frame = pl.read_csv(
                text,
                has_header=False,
                infer_schema=False,  # all strings, nothing is guessed
                separator=self.layout.delimiter,
                quote_char='"' if self.layout.quoted else None,
                columns=list(self._positions.values()),
                low_memory=True,  # also the faster way for blocks of this size
            )
        except pl.exceptions.PolarsError as error:
            raise StudyError(f"{self.name} cannot be read: {error}") from error
        frame.columns = list(self._positions)
        return frame

    def _tidy(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Strip surrounding blanks; blank cells and the missing character become null."""
        # less than "!": empty or starts with a blank; columns without need no second look
        blank = _columns_where(frame, (pl.all() < "!") | pl.all().str.ends_with(" "))
        stripped = pl.col(blank).str.strip_chars(" ")
        frame = frame.with_columns(pl.when(stripped != "").then(stripped).name.keep())
        missing = self._dictionary.missing.strip(" ")
        if not missing:
            return frame
        columns = [
            field
            for field in _columns_where(frame, pl.all() == missing)
            if not seer_fields()[field].knows(missing)
        ]
        value = pl.col(columns)
        return frame.with_columns(pl.when(value != missing).then(value).name.keep())

    def _refuse_header(self, frame: pl.DataFrame, first_row: int) -> None:
        """Refuse column names among the records, as where files were joined end to end."""
        *others, last = self.columns
        again = (frame[last] == self.columns[last]).arg_true()
        for row in again:
            # each file may have begun with a byte order mark
            cells = ((frame[field][row] or "").lstrip("\ufeff") for field in others)
            if all(cell == self.columns[field] for cell, field in zip(cells, others, strict=True)):
                raise StudyError(
                    f"{self.name}, row {first_row + row}: the column names again, so several "
                    "files were put one behind another. List each as an export of its own."
                )

    def _check_last_line(self, tail: bytes, row: int) -> None:
        """Refuse a last line without a line end unless its last value is certainly complete."""
        delimiter = self.layout.delimiter.encode()
        lines = tail.splitlines()[1:] or [b""]
        *before, last = (line.rsplit(delimiter, 1)[-1].decode().strip() for line in lines)
        read = {i: field for field, i in self._positions.items()}
        field = read.get(len(self.layout.header) - 1)
        if field is None or (self.layout.quoted and last.endswith('"')):
            return
        if last.isdigit():
            whole = {len(value) for value in before} == {len(last)}
        else:  # M0 may be what is left of M0(i+)
            longer = (*before, *seer_fields()[field].labels)
            whole = last in before and not any(v != last and v.startswith(last) for v in longer)
        if not whole:
            raise StudyError(
                f"{self.name}, row {row}: the file ends without a line end and its last value "
                f"{last!r} may be cut off. Copy or export the file again; if it is complete, add "
                "an empty line at its end."
            )


def _ahead(threads: ThreadPoolExecutor, step: Callable[[], T | None]) -> Iterator[T]:
    """Repeat `step` until None, each time one ahead of the consumer."""
    future = threads.submit(step)
    while (result := future.result()) is not None:
        future = threads.submit(step)
        yield result


def _columns_where(frame: pl.DataFrame, condition: pl.Expr) -> list[str]:
    found = frame.select(condition.any())
    return [column for column in found.columns if found[column][0]]


def open_export(
    stream: BinaryIO,
    dictionary: SeerDictionary | None = None,
    name: str = "The export",
    columns: Collection[str] | None = None,
    required: Collection[str] = tuple(REQUIREMENTS),
    block_size: int = BLOCK_SIZE,
) -> Export:
    r"""Inspect the head of an export: encoding, delimiter, column names.

    Parameters
    ----------
    stream : binary file object
        The data file as on disk, plain or gzip-compressed; need not be seekable.
    dictionary : SeerDictionary, optional
        Its dictionary; needed if the file has no line with the column names.
    name : str
        Name of the file, for messages.
    columns : collection of str, optional
        Canonical names to read besides those in `required`; default: all that are recognised.
    required : collection of str
        Keys of `seermatch.seer.fields.REQUIREMENTS` or canonical names that must be there.
    block_size : int
        Bytes to read at a time; memory is a small multiple of it.

    Returns
    -------
    Export
        Its `columns` are known, its records are read by `batches`.

    Raises
    ------
    StudyError
        If the file is empty or binary, has no records, does not fit the dictionary, or lacks a
        required variable.

    Examples
    --------
    >>> import io
    >>> text = b'Patient ID,Sex,Primary Site - labeled\n00000225,Female,"C50.9-Breast, NOS"\n'
    >>> export = open_export(io.BytesIO(text), name="a.csv", required=["patient_id", "sex"])
    >>> export.columns["primary_site"]
    'Primary Site - labeled'
    >>> [frame.row(0) for frame in export.batches()]
    [('00000225', 'Female', 'C50.9-Breast, NOS')]
    """
    blocks = LineBlocks(stream, name, block_size)
    head = blocks.read()
    if head is None:
        raise StudyError(f"{name} is empty. Export the case listing again from SEER*Stat.")
    if dictionary and dictionary.session_type.lower() not in ("", "case listing"):
        raise StudyError(
            f"{name} comes from a SEER*Stat session of type {dictionary.session_type!r}. "
            "Run a case listing session and export that."
        )
    text = head[0]
    first_line, rest = text[: text.index(b"\n")], text[text.index(b"\n") + 1 :]
    layout = find_layout(first_line.decode(), dictionary, name)
    bases = [""] * len(layout.header)
    if dictionary:
        bases = [variable.base for variable in dictionary.variables]
    positions = match_columns(layout.header, bases, name)
    recognised = {field: layout.header[i] for field, i in positions.items()}
    require_columns(recognised, layout.header, required, name)
    if columns is not None:
        wanted = {*columns, *(f for key in required for a in _alternatives(key) for f in a)}
        positions = {field: i for field, i in positions.items() if field in wanted}
    if layout.has_header:
        head = (rest, 2) if rest else blocks.read()
        if head is None:
            raise StudyError(
                f"{name} has column names but no records. Check the selection of the case "
                "listing and export again."
            )
    if not positions:
        raise StudyError(
            f"{name} holds none of the SEER variables that the study reads. Check the selection "
            "of the case listing and export again."
        )
    positions = dict(sorted(positions.items(), key=lambda item: item[1]))
    return Export(blocks, name, layout, positions, dictionary or SeerDictionary(), head)


def _alternatives(key: str) -> tuple[tuple[str, ...], ...]:
    return REQUIREMENTS.get(key, ((key,),))
