"""Workbooks of XLSX, whatever they are about: how cells look, and lists that stream.

Rows are written one by one and flushed, so that a million of them need no more memory than ten.
What customers or files say goes in as text and is never taken for a formula or a link.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from dispatcher.report.export import Cell
from templates.i18n import _

ROW_LIMIT = 1_048_576
"""Rows of a sheet, the header included (Excel specifications and limits)."""
_LONGEST_TEXT = 32_767

Value = Cell | float | Decimal | date | datetime


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    width: int


@dataclass(frozen=True, slots=True)
class Formats:
    """How cells look, whatever the workbook is about."""

    head: Any
    strong: Any
    whole: Any
    share: Any
    money: Any
    instant: Any
    day: Any


@contextmanager
def new_book(path: Path, title: str, made_at: datetime) -> Iterator[tuple[Any, Formats]]:
    """A workbook to be filled; it appears at `path` whole or not at all."""
    part = path.with_name(path.name + ".part")
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_date_format": "dd.mm.yyyy hh:mm:ss",
    }
    with xlsxwriter.Workbook(part, options) as book:
        book.set_properties({"title": title, "created": _naive(made_at)})
        yield book, _formats(book)
    part.replace(path)


def _formats(book: Any) -> Formats:
    return Formats(
        head=book.add_format(
            {
                "bold": True,
                "bottom": 1,
                "bg_color": "#EFEFEA",
                "text_wrap": True,
                "valign": "top",
            }
        ),
        strong=book.add_format({"bold": True, "font_size": 13}),
        whole=book.add_format({"num_format": "#,##0"}),
        share=book.add_format({"num_format": "0.0%"}),
        money=book.add_format({"num_format": "#,##0.00"}),
        instant=book.add_format({"num_format": "dd.mm.yyyy hh:mm:ss", "align": "left"}),
        day=book.add_format({"num_format": "dd.mm.yyyy", "align": "left"}),
    )


def listing(
    book: Any,
    formats: Formats,
    title: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Value]],
    row_limit: int,
) -> None:
    """A sheet of rows under a frozen header with a filter. The last row is kept for the note."""
    sheet = book.add_worksheet(title)
    header(sheet, formats, columns)
    row = 0
    for row, values in enumerate(rows, start=1):
        if row >= row_limit - 1:
            note = _("The sheet is full; the rest is in the CSV files.")
            sheet.write_string(row, 0, note)
            break
        for column, value in enumerate(values):
            write_cell(sheet, formats, row, column, value)
    sheet.autofilter(0, 0, row, len(columns) - 1)


def header(sheet: Any, formats: Formats, columns: Sequence[Column]) -> None:
    for index, column in enumerate(columns):
        sheet.set_column(index, index, column.width)
        sheet.write_string(0, index, column.title, formats.head)
    sheet.freeze_panes(1, 0)


def write_cell(sheet: Any, formats: Formats, row: int, column: int, value: Value) -> None:
    if value is None or value == "":
        return
    if isinstance(value, datetime):
        sheet.write_datetime(row, column, value, formats.instant)
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, formats.day)
    elif isinstance(value, Decimal):
        sheet.write_number(row, column, value, formats.money)
    elif isinstance(value, float):
        sheet.write_number(row, column, value, formats.share)
    elif isinstance(value, int):
        sheet.write_number(row, column, value, formats.whole)
    else:
        sheet.write_string(row, column, value[:_LONGEST_TEXT])


def _naive(at: datetime) -> datetime:
    """XLSX knows no time zones."""
    return at.astimezone(UTC).replace(tzinfo=None)
