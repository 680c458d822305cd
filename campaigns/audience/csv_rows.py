"""The rows of a CSV file as a stream: flat memory, whatever the file contains.

Three things can make a naive reader swallow a file, and each becomes the error of one row here:
a line (or a cell) of many megabytes, a quotation mark that is never closed, and bytes that are no
characters of the encoding.
"""

import codecs
import csv
import io
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from campaigns.audience.limits import Limits

DELIMITERS = (";", "\t", ",")
BLOCK_BYTES = 256 * 1024
SAMPLE_LINES = 30


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row: its number as a spreadsheet shows it, its cells, and what was wrong with the text.

    `trouble` is empty, or a code: `row_too_long`, `quote_not_closed`, `undecodable`. `no_value`
    are the indexes of cells whose formula has no result (XLSX only).
    """

    row: int
    cells: list[str]
    trouble: str = ""
    no_value: frozenset[int] = frozenset()


class _QuoteRunsOn(Exception):
    """A quoted cell that goes on for more lines or characters than any honest one."""


class _Lines:
    """Physical lines with the possibility of taking some back; remembers those of one record."""

    def __init__(self, path: Path, encoding: str, limits: Limits) -> None:
        self.limits = limits
        self.taken: list[str] = []
        self.characters = 0
        self.damaged = False  # some character could not be decoded, here or earlier
        self._again: deque[str] = deque()
        self._fresh = self._read(path, encoding)

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._fresh)
        self.taken.append(line)
        self.characters += len(line)
        if len(self.taken) > 1 and (
            self.characters > self.limits.row_characters
            or len(self.taken) > self.limits.rows_in_quotes
        ):
            raise _QuoteRunsOn
        return line

    def begin(self) -> None:
        self.taken = []
        self.characters = 0

    def give_back(self, kept: int) -> None:
        """Let the lines of this record after the first `kept` be read again."""
        self._again.extendleft(reversed(self.taken[kept:]))
        del self.taken[kept:]

    def _read(self, path: Path, encoding: str) -> Iterator[str]:
        """Lines with their `\\n`; of a line that is too long, one character more than allowed."""
        decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder(encoding)(errors="replace"), translate=True
        )
        longest = self.limits.row_characters
        rest = ""
        with path.open("rb") as file:
            while True:
                block = file.read(BLOCK_BYTES)
                text = decoder.decode(block, final=not block)
                if "\x00" in text:
                    text = text.replace("\x00", "\ufffd")
                if "\ufffd" in text:
                    self.damaged = True
                if "\n" not in text and block:
                    rest = (rest + text)[: longest + 1]
                    continue
                *lines, tail = (rest + text).split("\n")
                for line in lines:
                    yield line[: longest + 1] + "\n"
                rest = tail[: longest + 1]
                if not block:
                    if rest:
                        yield rest
                    return


def read_csv(
    path: Path, encoding: str, delimiter: str, limits: Limits, columns: int = 0
) -> Iterator[RawRow]:
    """Every row that is not blank, the header included. Never raises for what a row contains.

    `columns` is the width of the header, if it is known already: it helps to tell an honest cell of
    several lines from a forgotten quotation mark.
    """
    lines = _Lines(path, encoding, limits)
    reader = csv.reader(lines, delimiter=delimiter)
    row = 0
    while True:
        lines.begin()
        row += 1
        trouble = ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (_QuoteRunsOn, csv.Error):
            trouble = "quote_not_closed"
            cells = []
        taken = lines.taken
        suspect = len(taken) > 1 or taken[0].count('"') % 2
        if suspect and not trouble and not _closes(taken, cells, columns, delimiter):
            trouble = "quote_not_closed"
        if len(taken[0]) > limits.row_characters < len(taken[0].rstrip("\n")):
            trouble = "row_too_long"
            cells = _beginning(taken[0], delimiter, limits)
        if trouble:
            lines.give_back(1)
            reader = csv.reader(lines, delimiter=delimiter)
            if trouble == "quote_not_closed":
                cells = taken[0].rstrip("\n").split(delimiter)
        elif lines.damaged and any("\ufffd" in cell for cell in cells):
            trouble = "undecodable"
        if any(map(str.strip, cells)):
            yield RawRow(row, cells, trouble)


def detect_delimiter(sample: str) -> str:
    """The delimiter that splits the beginning of a file most evenly; `;` when nothing tells.

    A first line `sep=;`, which Excel understands, decides.
    """
    lines = [line for line in sample.splitlines()[:SAMPLE_LINES] if line.strip()]
    if lines and lines[0].lower().startswith("sep=") and len(lines[0]) == 5:
        return lines[0][4]
    scores = {delimiter: _evenness(lines, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: scores[delimiter])
    return best if scores[best] else ";"


def _evenness(lines: list[str], delimiter: str) -> float:
    try:
        rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return 0.0
    [(width, times)] = Counter(map(len, rows)).most_common(1) or [(0, 0)]
    return times / len(rows) if width > 1 else 0.0


def _closes(taken: list[str], cells: list[str], columns: int, delimiter: str) -> bool:
    """Whether a record of several lines is honestly quoted, and not two rows torn together."""
    if len(taken) > 1 and columns and len(cells) != columns:
        return False
    if columns > 3 and any(line.count(delimiter) >= columns - 1 for line in taken[1:-1]):
        return False
    try:
        return len(next(csv.reader(taken, delimiter=delimiter, strict=True))) == len(cells)
    except csv.Error:
        return False


def _beginning(line: str, delimiter: str, limits: Limits) -> list[str]:
    """What is shown of a row that is too long: its first cells, each cut."""
    return [cell[:1000] for cell in line[: limits.cell_characters].split(delimiter)]
