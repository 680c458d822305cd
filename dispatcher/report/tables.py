"""Tables as screens, spreadsheets and CSV files show them: the same cells, each in its own way."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from babel.numbers import format_decimal
from markupsafe import Markup

from dispatcher.report.export import shielded
from dispatcher.report.sheets import Value
from templates.i18n import _, current_language

# What the Excel of a Russian house expects of a CSV file.
BOM = "\ufeff"
DELIMITER = ";"
_CHUNK = 64 * 1024
_NUMBER = re.compile(r"-?[0-9]+([.,][0-9]+)?%?")


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole; of nothing there is none."""

    part: int
    whole: int


@dataclass(frozen=True, slots=True)
class Kopecks:
    amount: int


@dataclass(frozen=True, slots=True)
class Link:
    """A text that leads to a page of ours."""

    text: str
    path: str


Cell = str | int | Share | Kopecks | Link | None


@dataclass(frozen=True, slots=True)
class Table:
    """`total`: whether the last row is the sum of the others."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """A table, the chart of its numbers, if there is one, and a remark on them."""

    title: str
    table: Table
    chart: Markup | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under one heading. `key` names it in addresses of the page."""

    key: str
    title: str
    words: str
    panels: tuple[Panel, ...]


def counts(name: str, rows: Sequence[tuple[str, int]], whole: int) -> Table:
    """Parts of a whole by name, with shares and the sum under them."""
    cells: list[tuple[Cell, ...]] = [(title, count, Share(count, whole)) for title, count in rows]
    cells.append((_("Total"), sum(count for _title, count in rows), Share(whole, whole)))
    return Table((name, _("Count"), _("Share")), tuple(cells), total=True)


def csv_of(sections: Iterable[Section]) -> Iterator[bytes]:
    """All tables one under the other, each under its heading."""

    def lines() -> Iterator[Sequence[str]]:
        for section in sections:
            for panel in section.panels:
                title = panel.title or section.title
                yield [section.title if title == section.title else f"{section.title}: {title}"]
                yield panel.table.columns
                for row in panel.table.rows:
                    yield [plain(cell) for cell in row]
                if panel.remark:
                    yield [panel.remark]
                yield []

    return csv_bytes(lines())


def csv_bytes(lines: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """Lines of texts as a CSV file for Excel, piece by piece; none of them is run as a formula."""
    buffer = io.StringIO()
    buffer.write(BOM)
    writer = csv.writer(buffer, delimiter=DELIMITER, lineterminator="\r\n")
    for line in lines:
        writer.writerow([text if _NUMBER.fullmatch(text) else shielded(text) for text in line])
        if buffer.tell() > _CHUNK:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def plain(cell: Cell | Value) -> str:
    """A cell of a CSV file, as the spreadsheet of the reader's language understands it."""
    match cell:
        case None:
            return ""
        case bool():
            return _("yes") if cell else _("no")
        case Share():
            return f"{_decimal(cell.part / cell.whole * 100, 1)}%" if cell.whole else ""
        case Kopecks():
            return _decimal(Decimal(cell.amount) / 100, 2)
        case Link():
            return cell.text
        case Decimal():
            return _decimal(cell, 2)
        case datetime():
            return f"{cell:%d.%m.%Y %H:%M:%S}"
        case date():
            return f"{cell:%d.%m.%Y}"
        case float():
            return _decimal(cell, 4)
    return str(cell)


def value_of(cell: Cell) -> Value:
    """A cell of a workbook."""
    match cell:
        case Share():
            return cell.part / cell.whole if cell.whole else None
        case Kopecks():
            return Decimal(cell.amount) / 100
        case Link():
            return cell.text
    return cell


def _decimal(value: float | Decimal, digits: int) -> str:
    """Without signs between thousands: those make a text of a number."""
    pattern = "0." + "0" * digits
    return format_decimal(value, format=pattern, locale=current_language())
