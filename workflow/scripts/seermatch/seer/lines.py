"""Text of an export in blocks of whole lines, checked before it is parsed.

A SEER record is one line. Everything here keeps it so: a line whose fields or quotation marks do
not add up is an error with its row, never a shifted column.
"""

import gzip
import hashlib
import io
import zlib
from typing import BinaryIO

import numpy as np

from seermatch.errors import StudyError

BLOCK_SIZE = 8 << 20
LONGEST_LINE = 1 << 20
PIECE_SIZE = 1 << 20
AGAIN = "Export the case listing again from SEER*Stat"
SIGNATURES = {
    b"PK\x03\x04": "an Excel workbook or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF file",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}
TEXT_BYTES = bytes([9, 10, 13, 26, *range(32, 256)])
NEWLINE, RETURN, QUOTE = b'\n\r"'


class HashingReader(io.RawIOBase):
    """Readable stream that computes the SHA-256 of what passes through.

    Parameters
    ----------
    stream : binary file object
        The source.

    Examples
    --------
    >>> reader = HashingReader(io.BytesIO(b"abc"))
    >>> reader.read(), reader.bytes_read, reader.sha256[:8]
    (b'abc', 3, 'ba7816bf')
    """

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self._hash = hashlib.sha256()
        self.bytes_read = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer) -> int:
        """Fill `buffer`; return the number of bytes."""
        size = self._stream.readinto(buffer)
        self._hash.update(buffer[:size])
        self.bytes_read += size
        return size

    @property
    def sha256(self) -> str:
        """Checksum of the bytes read so far, in hexadecimal digits."""
        return self._hash.hexdigest()


class LineBlocks:
    """Cut a text stream into blocks of whole lines, as UTF-8 with LF line ends.

    Gzip is unpacked. A UTF-8 byte order mark is dropped. Bytes that are not ASCII are taken as
    UTF-8 if they are valid UTF-8, else as Windows-1252 (what Excel and R write on Windows);
    a file that mixes the two is refused. Empty lines at the end are ignored.

    Parameters
    ----------
    stream : binary file object
        The file as on disk.
    name : str
        Name of the file, for messages.
    block_size : int
        Bytes to read at a time.

    Attributes
    ----------
    unterminated : bool
        Whether the last line of the file, once read, had no line end.
    encoding : str
        ``"ascii"``, ``"utf-8"`` or ``"cp1252"``, as far as read.
    """

    def __init__(self, stream: BinaryIO, name: str, block_size: int = BLOCK_SIZE):
        self.source = HashingReader(stream)
        self.unterminated = False
        self.encoding = "ascii"
        self._name = name
        self._block_size = block_size
        self._buffer = bytearray(block_size)  # one for all blocks: fresh memory costs time
        self._filled = 0
        self._started = False
        self._rows = 0
        buffered = io.BufferedReader(self.source, 1 << 18)
        head = buffered.peek(4096)
        self._gzipped = head[:2] == b"\x1f\x8b"
        self._stream = gzip.GzipFile(fileobj=buffered) if self._gzipped else buffered

    def read(self) -> tuple[bytes, int] | None:
        """Return the next block and the row its first line has in the file (from 1), or None.

        Raises
        ------
        StudyError
            If the file is empty, binary, not in a known encoding, or its gzip data are damaged.
        """
        while True:
            ended = self._fill()
            if ended and self._filled and self._buffer[self._filled - 1] != NEWLINE:
                self.unterminated = True
                self._buffer[self._filled : self._filled + 1] = b"\n"
                self._filled += 1
            end = self._end_of_lines()
            if end:
                return self._clean(self._take(end))
            if ended:
                return None
            if self._filled > max(self._block_size, LONGEST_LINE):
                raise StudyError(
                    f"{self._name}, row {self._rows + 1}: no line end in {self._filled:,} bytes, "
                    f"so this is not the text file that SEER*Stat exports. {AGAIN}."
                )

    def _fill(self) -> bool:
        """Read on after what is left of the last block; tell whether the file has ended."""
        if self._filled == len(self._buffer):
            self._buffer.extend(bytes(self._block_size))
        try:
            with memoryview(self._buffer)[self._filled :] as room:
                size = self._stream.readinto(room)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise StudyError(
                f"{self._name}: the compressed file is damaged or cut off ({error}). "
                "Copy it again, or export it again from SEER*Stat."
            ) from error
        self._filled += size
        if not self._started:
            self._started = True
            self._check_head(bytes(self._buffer[: min(4096, self._filled)]))
            if self._buffer.startswith(b"\xef\xbb\xbf"):
                self._take(3)
        return size == 0

    def _end_of_lines(self) -> int:
        """End of the last line that is not empty; empty ones wait, they may end the file."""
        last = self._buffer.rfind(b"\n", 0, self._filled)
        while last >= 0 and self._buffer[last] in b"\r\n":
            last -= 1
        return self._buffer.find(b"\n", last) + 1 if last >= 0 else 0

    def _take(self, end: int) -> bytes:
        with memoryview(self._buffer) as view:
            block = bytes(view[:end])
            self._filled -= end
            view[: self._filled] = bytes(view[end : end + self._filled])
        return block

    def _check_head(self, head: bytes) -> None:
        if not head.strip(b"\r\n"):
            raise StudyError(f"{self._name} is empty. {AGAIN}.")
        for signature, kind in SIGNATURES.items():
            if head.startswith(signature):
                raise StudyError(
                    f"{self._name} is {kind}, not the text file that SEER*Stat exports. "
                    f"{AGAIN}, or save the table as CSV (UTF-8)."
                )
        control_characters = head.translate(None, TEXT_BYTES)
        if len(control_characters) > len(head) // 50:
            raise StudyError(
                f"{self._name} is a binary file, not the text file that SEER*Stat exports. {AGAIN}."
            )

    def _clean(self, block: bytes) -> tuple[bytes, int]:
        first_row = self._rows + 1
        nul = block.find(b"\0")
        if nul >= 0:
            raise StudyError(
                f"{self._name}, row {self._row(block, nul)}: a zero byte; the file is damaged. "
                f"{AGAIN}."
            )
        if not block.isascii():
            block = self._to_utf8(block)
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n")
        self._rows += int(np.count_nonzero(np.frombuffer(block, np.uint8) == NEWLINE))
        return block, first_row

    def _row(self, block: bytes, position: int) -> int:
        return self._rows + block.count(b"\n", 0, position) + 1

    def _to_utf8(self, block: bytes) -> bytes:
        position = 0
        try:
            block.decode("utf-8")
            encoding = "utf-8"
        except UnicodeDecodeError as error:
            encoding, position = "cp1252", error.start
            # valid UTF-8 beside bytes that are not: one of the two would be misread
            if not block.decode("utf-8", "ignore").isascii():
                self.encoding = "utf-8"
        if self.encoding not in ("ascii", encoding):
            raise StudyError(
                f"{self._name}, row {self._row(block, position)} or later: the file mixes UTF-8 "
                f"and Windows-1252 characters. {AGAIN}, or save the table as CSV (UTF-8)."
            )
        self.encoding = encoding
        if encoding == "utf-8":
            return block
        try:
            return block.decode("cp1252").encode()
        except UnicodeDecodeError as error:
            raise StudyError(
                f"{self._name}, row {self._row(block, error.start)}: byte {block[error.start]:#x} "
                f"is not a character of UTF-8 or Windows-1252. {AGAIN}."
            ) from error


def check_lines(
    block: bytes, *, delimiter: str, quoted: bool, n_fields: int, first_row: int, name: str
) -> int:
    r"""Check that every line has the right number of fields and well-formed quotes.

    Parameters
    ----------
    block : bytes
        Whole lines, each ended by LF.
    delimiter : str
        One ASCII character.
    quoted : bool
        Whether fields may be enclosed in double quotes (a quote inside is doubled).
    n_fields : int
        Fields that every line must have.
    first_row : int
        Row of the first line in the file, for messages.
    name : str
        Name of the file, for messages.

    Returns
    -------
    int
        Number of lines.

    Raises
    ------
    StudyError
        Names the first row that is wrong.

    Examples
    --------
    >>> options = dict(delimiter=",", quoted=True, n_fields=2, first_row=2, name="a.csv")
    >>> check_lines(b'1,"C50.9-Breast, NOS"\n2,x\n', **options)
    2
    >>> check_lines(b"1,x\n2\n", **options)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    seermatch.errors.StudyError: a.csv, row 3: 1 field instead of 2. The file may be cut off, ...
    """
    lines = 0
    start = 0
    while start < len(block):  # pieces that fit the processor's cache
        end = block.rfind(b"\n", start, start + PIECE_SIZE) + 1 or block.find(b"\n", start) + 1
        fields, bad_quotes = _measure(block[start:end], delimiter, quoted)
        wrong = np.flatnonzero(bad_quotes | (fields != n_fields))
        if len(wrong):
            row = first_row + lines + int(wrong[0])
            _refuse_line(name, row, int(fields[wrong[0]]), n_fields, bool(bad_quotes[wrong[0]]))
        lines += len(fields)
        start = end
    return lines


def _measure(block: bytes, delimiter: str, quoted: bool) -> tuple[np.ndarray, np.ndarray]:
    """Count the fields of each line; tell where quotation marks are missing or out of place."""
    characters = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(characters == NEWLINE)
    starts = np.concatenate(([0], ends[:-1] + 1))
    separators = characters == ord(delimiter)
    fields = _count(separators, starts) + 1
    bad_quotes = np.zeros(len(ends), dtype=bool)
    if quoted and QUOTE in block:
        quotes = characters == QUOTE
        per_line = _count(quotes, starts)
        bad_quotes = per_line % 2 == 1
        # after a quote without its partner, pairs cannot be told apart; earlier lines have theirs
        paired = per_line[: bad_quotes.argmax() if bad_quotes.any() else None]
        marks = np.flatnonzero(quotes)[: paired.sum()]
        if len(marks):
            lines = np.repeat(np.arange(len(paired)), paired // 2)
            inside = _count(separators, marks)[::2]
            fields -= np.bincount(lines, inside, len(ends)).astype(np.int64)
            bad_quotes[lines[_misplaced(characters, marks, ord(delimiter))]] = True
    return fields, bad_quotes


def _refuse_line(name: str, row: int, found: int, n_fields: int, bad_quotes: bool) -> None:
    if bad_quotes:
        raise StudyError(
            f"{name}, row {row}: a quotation mark is missing or out of place. The file may be "
            f"damaged or edited. {AGAIN}."
        )
    raise StudyError(
        f"{name}, row {row}: {found} field{'s'[: found != 1]} instead of {n_fields}. The file may "
        "be cut off, edited, or hold the delimiter inside a label; export it again from SEER*Stat "
        "with 'Fields with delimiter in quotes'."
    )


def _count(mask: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Count the True elements of `mask` from each start to the next."""
    # sums of bytes are ten times as fast, and right unless one of them passes 255
    counts = np.add.reduceat(mask.view(np.uint8), starts, dtype=np.uint8).astype(np.int64)
    if counts.sum() != np.count_nonzero(mask[starts[0] :]):
        counts = np.add.reduceat(mask, starts, dtype=np.int64)
    return counts


def _misplaced(characters: np.ndarray, marks: np.ndarray, delimiter: int) -> np.ndarray:
    """Whether the field between each pair of quotes is not bounded by separators or quotes."""
    before = characters[marks[::2] - 1]  # at 0 this is the last character, a newline
    after = characters[marks[1::2] + 1]
    allowed = np.zeros(256, dtype=bool)
    allowed[[delimiter, NEWLINE, QUOTE]] = True
    return ~(allowed[before] & allowed[after])
