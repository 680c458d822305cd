"""A file of recipients before anybody asks what its columns mean: rows of texts, and a header."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from campaigns.audience.columns import names_account
from campaigns.audience.csv_rows import DELIMITERS, RawRow, detect_delimiter, read_csv
from campaigns.audience.encoding import SAMPLE_BYTES, detect_encoding
from campaigns.audience.limits import Limits
from campaigns.audience.xlsx_rows import XlsxRows
from templates.i18n import _
from templates.problem import Problem, Refused

HEADER_WITHIN_ROWS = 15
"""Billing exports put a title, a date and a blank row above the header; how far it may stand."""

_ZIP = b"PK\x03\x04"
_FOREIGN = (b"\xd0\xcf\x11\xe0", b"%PDF", b"{\\rtf", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")
_MARKUP = (b"<html", b"<!doctype", b"<?xml", b"<table")


class RawFile:
    """A CSV file or a workbook, opened.

    `header` is the first row that names an account number, or else the widest of the first ones.
    `encoding` and `delimiter` are None for a workbook, `sheet` is None for CSV. Raises `Refused`
    for a file that cannot be used at all.
    """

    def __init__(self, path: Path, mapping: Mapping[str, str], limits: Limits) -> None:
        self.path = path
        self.encoding: str | None = None
        self.delimiter: str | None = None
        self.sheet: str | None = None
        self._limits = limits
        beginning = _opened(path)
        self._workbook: XlsxRows | None = None
        if not beginning.startswith(_ZIP):
            self.encoding = detect_encoding(path, lambda text: _names_columns(text, mapping))
            self.delimiter = detect_delimiter(_sample(path, self.encoding))
        else:
            self._workbook = XlsxRows(path, limits)
            self.sheet = self._workbook.name
        self.header = self._find_header(mapping)

    @property
    def is_workbook(self) -> bool:
        return self._workbook is not None

    def below_header(self, columns: int) -> Iterator[RawRow]:
        """The rows of the list; `columns` is the width of its header."""
        return (raw for raw in self._rows(columns) if raw.row > self.header.row)

    def _rows(self, columns: int = 0) -> Iterator[RawRow]:
        if self.encoding is not None and self.delimiter is not None:
            return read_csv(self.path, self.encoding, self.delimiter, self._limits, columns)
        return iter(self._workbook or ())

    def _find_header(self, mapping: Mapping[str, str]) -> RawRow:
        widest: RawRow | None = None
        for raw in islice(self._rows(), HEADER_WITHIN_ROWS):
            if raw.trouble:
                raise Refused([_broken_header(self.path, raw.row)])
            if len(raw.cells) > self._limits.columns or names_account(raw.cells, mapping):
                return raw
            if widest is None or _filled(raw) > _filled(widest):
                widest = raw
        if widest is None:
            raise Refused([_empty(self.path)])
        return widest


def _opened(path: Path) -> bytes:
    """The first bytes of the file. Raises `Refused` for what is no list at all."""
    try:
        with path.open("rb") as file:
            beginning = file.read(512)
    except OSError as error:
        raise Refused([_cannot_open(path, error.strerror or "")]) from error
    if not beginning.strip():
        raise Refused([_empty(path)])
    plain = beginning.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if beginning.startswith(_FOREIGN) or plain.startswith(_MARKUP):
        raise Refused([_foreign(path)])
    named_workbook = path.suffix.lower() in (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
    if named_workbook and not beginning.startswith(b"PK"):
        raise Refused([_text_named_workbook(path)])
    return beginning


def _sample(path: Path, encoding: str) -> str:
    with path.open("rb") as file:
        return file.read(SAMPLE_BYTES).decode(encoding, errors="replace")


def _names_columns(text: str, mapping: Mapping[str, str]) -> bool:
    """Whether one of the first lines, however delimited, has a header for the account number."""
    lines = text.splitlines()[:HEADER_WITHIN_ROWS]
    return any(
        names_account([cell.strip('" ') for cell in line[:10_000].split(delimiter)], mapping)
        for line in lines
        for delimiter in DELIMITERS
    )


def _filled(raw: RawRow) -> int:
    return sum(1 for cell in raw.cells if cell.strip())


def _empty(path: Path) -> Problem:
    return Problem(
        "empty_file",
        _("The file is empty."),
        _("Export the list again, with a header and a row for each customer."),
        file=path.name,
    )


def _broken_header(path: Path, row: int) -> Problem:
    return Problem(
        "header_unreadable",
        _("The header cannot be read: it is too long, damaged, or has an open quotation mark."),
        _("Export the list again as CSV in UTF-8, or as .xlsx."),
        file=path.name,
        row=row,
    )


def _cannot_open(path: Path, reason: str) -> Problem:
    return Problem(
        "file_unreadable",
        _("The file cannot be opened ({reason}).").format(reason=reason),
        _("Check the path and the permissions."),
        file=path.name,
    )


def _foreign(path: Path) -> Problem:
    return Problem(
        "not_a_list",
        _("The file is neither CSV nor an Excel workbook of today (.xlsx)."),
        _("Open it in the spreadsheet program and save it as .xlsx (without a password) or CSV."),
        file=path.name,
    )


def _text_named_workbook(path: Path) -> Problem:
    return Problem(
        "text_named_workbook",
        _("The file is called {suffix}, but holds plain text.").format(suffix=path.suffix),
        _("Rename it to end in .csv, or save it as a true .xlsx."),
        file=path.name,
    )
