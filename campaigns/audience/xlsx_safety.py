"""Whether an .xlsx file may be opened at all: it is a zip archive somebody else has packed.

The archive is measured before the spreadsheet library touches it: declared sizes and ratios (a
zip bomb), then every sheet as a stream of bounded blocks (a cell of many megabytes; one lonely
cell in the last corner, for which the library would reserve the whole rectangle). On the way the
cells are noted whose formula has no result, which the library cannot tell from empty ones.
"""

import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from campaigns.audience.limits import MIB, Limits
from templates.i18n import _
from templates.problem import Problem, Refused

BLOCK_BYTES = 1 * MIB
LONGEST_TEXT_BYTES = 128 * 1024  # a cell holds at most 32,767 characters (Excel's specification)
_SMALL_BYTES = 4 * MIB  # below this even a high ratio is harmless

_ROW = re.compile(rb"<(?:\w+:)?row\b[^>]*?\br=\"(\d+)\"")
_COLUMN = re.compile(rb"<(?:\w+:)?c\b[^>]*?\br=\"([A-Z]{1,3})\d")
_ROW_END = re.compile(rb"</(?:\w+:)?row>")
_CELL_START = re.compile(rb"<(?:\w+:)?c[ >/]")
_NO_RESULT = re.compile(
    rb'<(?:\w+:)?c r="([A-Z]{1,3})(\d+)"(?:[^>]*\bt="e"[^>]*>'
    rb"|[^>]*>\s*<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>)"
)


@dataclass(slots=True)
class SheetMeasure:
    """What a sheet spans. `no_value`: (row from 1, column from 0) of formulas without a result."""

    rows: int = 0
    columns: int = 0
    no_value: dict[int, set[int]] = field(default_factory=dict)


def check_workbook(path: Path, limits: Limits) -> dict[str, SheetMeasure]:
    """The measures of all sheets by their part's name in the archive.

    Raises `Refused`: `not_a_workbook`, `zip_bomb`, `sheet_too_large`, `cell_too_long`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if not any(part.filename == "xl/workbook.xml" for part in parts):
                raise Refused([not_a_workbook(path)])
            _check_sizes(path, parts, limits)
            measures = {}
            for part in parts:
                measure = _measured(path, archive, part, limits)
                if part.filename.startswith("xl/worksheets/"):
                    measures[part.filename] = measure
            return measures
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise Refused([not_a_workbook(path)]) from error


def _check_sizes(path: Path, parts: list[zipfile.ZipInfo], limits: Limits) -> None:
    unpacked = sum(part.file_size for part in parts)
    suspicious = [
        part
        for part in parts
        if part.file_size > _SMALL_BYTES
        and part.file_size > limits.unpacked_ratio * max(part.compress_size, 1)
    ]
    if unpacked > limits.unpacked_bytes or suspicious or len(parts) > 10_000:
        raise Refused(
            [
                Problem(
                    "zip_bomb",
                    _("The file would unpack to {size} MB and is not opened.").format(
                        size=unpacked // MIB
                    ),
                    _("Export the list again as CSV; ask who made this file."),
                    file=path.name,
                )
            ]
        )


def _measured(
    path: Path, archive: zipfile.ZipFile, part: zipfile.ZipInfo, limits: Limits
) -> SheetMeasure:
    """Read a part to its end (so that a false size or checksum shows) and measure it as a sheet."""
    measure = SheetMeasure()
    is_text = part.filename.endswith(".xml")
    is_sheet = is_text and part.filename.startswith("xl/worksheets/")
    rest = b""
    with archive.open(part) as stream:
        while block := stream.read(BLOCK_BYTES):
            if not is_text:
                continue
            _check_texts(path, block)
            if is_sheet:
                rest = _measure_block(measure, rest + block)
                if len(rest) > 4 * BLOCK_BYTES:
                    raise Refused([_too_large(path)])
    if is_sheet:
        _measure_rows(measure, rest)
        if measure.rows * measure.columns > limits.sheet_cells:
            raise Refused([_too_large(path)])
    return measure


def _check_texts(path: Path, block: bytes) -> None:
    for start in range(0, len(block) - LONGEST_TEXT_BYTES + 1, LONGEST_TEXT_BYTES):
        if b"<" not in block[start : start + LONGEST_TEXT_BYTES]:
            raise Refused([_text_too_long(path)])


def _measure_block(measure: SheetMeasure, block: bytes) -> bytes:
    """Measure the whole rows of the block; what begins the last row is returned for later."""
    end = block.rfind(b"row>") + 4
    if end < 4:
        return block
    _measure_rows(measure, block[:end])
    return block[end:]


def _measure_rows(measure: SheetMeasure, rows: bytes) -> None:
    numbers = _ROW.findall(rows)
    measure.rows = max([measure.rows, *map(int, numbers)], default=0)
    columns = set(_COLUMN.findall(rows))
    measure.columns = max([measure.columns, *(column_index(name) + 1 for name in columns)])
    pieces = _ROW_END.split(rows)
    if len(numbers) < len(pieces) - 1 or b"<c>" in rows:  # places are told by order alone
        measure.rows = max(measure.rows, measure.rows + len(pieces))
        widest = max(len(_CELL_START.findall(piece)) for piece in pieces)
        measure.columns = max(measure.columns, measure.columns + widest)
    if b"f>" in rows or b"<f" in rows or b't="e"' in rows:
        for column, row in _NO_RESULT.findall(rows):
            measure.no_value.setdefault(int(row), set()).add(column_index(column))


def column_index(name: bytes) -> int:
    """`A` is 0, `AA` is 26."""
    index = 0
    for letter in name:
        index = index * 26 + letter - 64
    return index - 1


def not_a_workbook(path: Path) -> Problem:
    return Problem(
        "not_a_workbook",
        _("The file is not an Excel workbook (.xlsx), or it is damaged."),
        _("Open it in the spreadsheet program and save it as “Excel workbook (.xlsx)” or CSV."),
        file=path.name,
    )


def _too_large(path: Path) -> Problem:
    return Problem(
        "sheet_too_large",
        _("The used cells of the sheet span too large an area to be read."),
        _("Delete stray cells far below or right of the list, or export it as CSV."),
        file=path.name,
    )


def _text_too_long(path: Path) -> Problem:
    return Problem(
        "cell_too_long",
        _("A cell of the workbook is longer than a spreadsheet allows."),
        _("Export the list again, or save it as CSV."),
        file=path.name,
    )
