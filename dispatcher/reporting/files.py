"""Reports as files for spreadsheets: figures, and the lists behind a campaign's.

Lists stream from the database into a file, and from there to the browser: a million attempts need
no more memory than ten, and however slowly somebody reads, no transaction waits for them.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from dispatcher.ledger import Ledger, Transaction
from dispatcher.private_folder import private_folder
from dispatcher.report import export, workbook
from dispatcher.report.figures import CampaignReport
from dispatcher.report.sheets import Column, Formats, Value, new_book, write_cell
from dispatcher.report.tables import Section, csv_bytes, plain, value_of

# Lists of a workbook that a page waits for; what does not fit is in the CSV files, and the sheet
# says so.
MOST_ROWS = 10_000
_CHUNK = 64 * 1024
# Not in the name of a sheet, which has 31 characters at most.
_FORBIDDEN = re.compile(r"[\[\]:*?/\\']")

Listed = Callable[[Transaction], Iterator[Sequence[Value]]]


def attempts(ledger: Ledger, campaign_id: int, *, full: bool) -> BinaryIO:
    """Every attempt of a campaign as CSV. Contact points are masked unless `full`."""
    return _listed(
        ledger,
        workbook.attempt_columns(),
        lambda tx: workbook.cells(export.attempts(tx, campaign_id, full=full)),
    )


def unreached(ledger: Ledger, campaign_id: int, *, full: bool) -> BinaryIO:
    """Every delivery that ended without a result, the same way."""
    return _listed(
        ledger,
        workbook.unreached_columns(),
        lambda tx: workbook.cells(export.unreached(tx, campaign_id, full=full)),
    )


def skips(ledger: Ledger, campaign_id: int) -> BinaryIO:
    """Everybody who was skipped, and why."""
    return _listed(
        ledger,
        workbook.skip_columns(),
        lambda tx: workbook.skip_cells(export.skips(tx, campaign_id)),
    )


def _listed(ledger: Ledger, columns: Sequence[Column], rows: Listed) -> BinaryIO:
    """Whole, from one look at the ledger; its transaction is over before anybody reads a line."""
    file = _nameless()
    try:
        with ledger.read() as tx:
            file.writelines(csv_bytes(_lines(columns, rows(tx))))
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _lines(columns: Sequence[Column], rows: Iterable[Sequence[Value]]) -> Iterator[Sequence[str]]:
    yield [column.title for column in columns]
    for row in rows:
        yield [plain(value) for value in row]


def campaign_book(tx: Transaction, report: CampaignReport, *, full: bool) -> BinaryIO:
    """The workbook of the printed report, with its lists as far as they fit."""
    return _written(lambda path: workbook.write(path, tx, report, full=full, row_limit=MOST_ROWS))


def figures_book(title: str, sections: Sequence[Section], made_at: datetime) -> BinaryIO:
    """Figures alone: a sheet for each section."""

    def write(path: Path) -> None:
        with new_book(path, title, made_at) as (book, formats):
            names: set[str] = set()
            for section in sections:
                _sheet(book, formats, section, _name(section.title, names))

    return _written(write)


def _sheet(book: Any, formats: Formats, section: Section, name: str) -> None:
    """Panels one under the other: a sheet is written row by row, and never gone back to."""
    sheet = book.add_worksheet(name)
    sheet.set_column(0, 0, 40)
    sheet.set_column(1, 12, 18)
    row = 0
    for panel in section.panels:
        sheet.write_string(row, 0, panel.title or section.title, formats.strong)
        row += 1
        for column, title in enumerate(panel.table.columns):
            sheet.write_string(row, column, title, formats.head)
        for cells in panel.table.rows:
            row += 1
            for column, cell in enumerate(cells):
                write_cell(sheet, formats, row, column, value_of(cell))
        if panel.remark:
            row += 1
            sheet.write_string(row, 0, panel.remark)
        row += 2


def _name(title: str, names: set[str]) -> str:
    """A sheet's name, which no other has."""
    name = _FORBIDDEN.sub(" ", title)[:31]
    if name.casefold() in names:
        name = f"{name[:27]} {len(names)}"
    names.add(name.casefold())
    return name


def _written(write: Callable[[Path], None]) -> BinaryIO:
    """What was written by name, in a file without one."""
    file = _nameless()
    with private_folder() as folder:
        path = folder / "book.xlsx"
        write(path)
        with path.open("rb") as source:
            shutil.copyfileobj(source, file)
    file.seek(0)
    return file


def _nameless() -> BinaryIO:
    """A file that is gone when nobody reads it any more, also when we are killed."""
    return tempfile.TemporaryFile()  # whoever reads it closes it


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """A file from its beginning, closed at its end."""
    with file:
        while piece := file.read(_CHUNK):
            yield piece
