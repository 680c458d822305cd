"""Cells of a report's tables on a page."""

from collections.abc import Sequence

from markupsafe import Markup

from dispatcher.report.html import percent
from dispatcher.report.tables import Cell, Kopecks, Link, Share, Table
from dispatcher.web import formats


def shown(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case Share():
            return percent(cell.part, cell.whole)
        case Kopecks():
            return formats.money(cell.amount)
        case Link():
            return Markup('<a href="{}">{}</a>').format(cell.path, cell.text)
        case int():
            return formats.number(cell)
    return cell


def numbers_in(table: Table) -> Sequence[bool]:
    """Which columns hold numbers: those stand to the right."""
    return [
        any(isinstance(row[place], int | Share | Kopecks) for row in table.rows)
        for place in range(len(table.columns))
    ]
