"""The rows of an .xlsx workbook as texts, as if the sheet had been a CSV file.

Read by calamine, which gives the stored results of formulas and never computes any. Numbers that a
spreadsheet made of account and telephone numbers come back without their `.0`, true dates as ISO
dates. The file itself has been measured before (`xlsx_safety`).
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

from campaigns.audience.cells import Numeral
from campaigns.audience.csv_rows import RawRow
from campaigns.audience.limits import Limits
from campaigns.audience.xlsx_safety import check_workbook, not_a_workbook
from templates.i18n import _
from templates.problem import Problem, Refused

_EXACT = 10**15  # beyond fifteen digits a spreadsheet has rounded already


class XlsxRows:
    """One sheet of a workbook: the first visible one that has something in it.

    Raises `Refused` when the file cannot be opened or has nothing in it.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        from python_calamine import CalamineError, SheetTypeEnum, SheetVisibleEnum, load_workbook

        measures = check_workbook(path, limits)
        try:
            book = load_workbook(str(path))
            found = next(
                (
                    (order, sheet)
                    for order, name in enumerate(book.sheet_names, start=1)
                    if book.sheets_metadata[order - 1].typ is SheetTypeEnum.WorkSheet
                    and book.sheets_metadata[order - 1].visible is SheetVisibleEnum.Visible
                    and (sheet := book.get_sheet_by_name(name)).start is not None
                ),
                None,
            )
        except (CalamineError, OSError, ValueError) as error:
            raise Refused([not_a_workbook(path)]) from error
        if found is None:
            raise Refused([_nothing(path)])
        order, self._sheet = found
        self.name: str = self._sheet.name
        part = f"xl/worksheets/sheet{order}.xml"
        # Parts are numbered in the order of the sheets by every program we know; where they are
        # not, formulas without a result read as empty cells.
        self._no_value = measures[part].no_value if part in measures else {}

    def __iter__(self) -> Iterator[RawRow]:
        """Every row that is not blank, the header included."""
        start = self._sheet.start
        margin = [""] * (start[1] if start else 0)
        for row, values in enumerate(self._sheet.iter_rows(), start=1):
            cells = margin + [as_text(value) for value in values]
            lost = frozenset(self._no_value.get(row, ()))
            if lost or any(map(str.strip, cells)):
                yield RawRow(row, cells, no_value=lost)


def as_text(value: object) -> str:
    """A cell's value as a person would have typed it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "да" if value else "нет"
    if isinstance(value, float | int):
        return _number(value)
    if isinstance(value, datetime):
        return value.isoformat(sep="T", timespec="minutes") if value.time() else _day(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat(timespec="minutes")
    return str(value) if isinstance(value, timedelta) else ""


def _day(value: datetime) -> str:
    return value.date().isoformat()


def _number(value: float) -> str:
    if abs(value) >= _EXACT:
        return f"{value:.5E}"  # reads as "digits lost", which is the truth
    return Numeral(int(value)) if value == int(value) else Numeral(f"{value:.15g}")


def _nothing(path: Path) -> Problem:
    return Problem(
        "empty_file",
        _("The file is empty."),
        _("Export the list again, with a header and a row for each customer."),
        file=path.name,
    )
