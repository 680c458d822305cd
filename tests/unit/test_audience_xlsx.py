"""Workbooks: what a spreadsheet does to numbers, and archives that are not what they seem."""

import datetime
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from campaigns.audience import Limits, RowError, read_audience
from campaigns.audience.xlsx_safety import column_index
from campaigns.recipient import Recipient
from templates.problem import Refused

HEADER = ("Лицевой счёт", "ФИО", "Телефон", "Долг", "Оплатить до")


def _workbook(folder: Path, *rows: tuple[Any, ...]) -> Path:
    path = folder / "export.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


def _read(path: Path) -> tuple[list[Recipient], list[RowError]]:
    items = list(read_audience(path))
    return (
        [item for item in items if isinstance(item, Recipient)],
        [item for item in items if isinstance(item, RowError)],
    )


def _refusal(path: Path, limits: Limits | None = None) -> str:
    with pytest.raises(Refused) as refused:
        read_audience(path, limits=limits or Limits())
    [problem] = refused.value.problems
    assert problem.advice
    return problem.code


def test_numbers_and_dates_of_a_spreadsheet_are_read_as_what_they_stand_for(tmp_path: Path) -> None:
    path = _workbook(
        tmp_path,
        HEADER,
        (7000001.0, "Иванов Иван", 89161234567.0, 1234.56, datetime.date(2026, 12, 1)),
    )
    [recipient], errors = _read(path)
    assert errors == []
    assert recipient.account_number == "7000001"
    assert recipient.contact_points[0].address == "+79161234567"
    assert recipient.fields == {"debt_kopecks": 123456, "due_on": "2026-12-01"}


def test_an_amount_with_three_decimals_is_no_riddle_when_it_is_a_true_number(
    tmp_path: Path,
) -> None:
    path = _workbook(tmp_path, HEADER, ("1", "Иван", None, 1.234, None), ("2", "Ян", None, "1,234"))
    [recipient], errors = _read(path)
    assert recipient.fields["debt_kopecks"] == 123
    assert [e.code for e in errors if e.fatal] == ["amount_ambiguous"]


def test_an_account_of_twenty_digits_that_was_rounded_is_an_error(tmp_path: Path) -> None:
    path = _workbook(tmp_path, HEADER, (40702810938000012345.0, "Иван", None, 1, None))
    _recipients, [error] = _read(path)
    assert error.code == "digits_lost"


def test_a_formula_without_a_result_and_an_error_value_are_errors(tmp_path: Path) -> None:
    path = _workbook(
        tmp_path,
        HEADER,
        ("1", "Иван", "89161234567", "=D3*2", None),
        ("2", "Анна", "89161234567", 5, None),
        ("3", "Олег", "89161234567", "#N/A", None),
    )
    recipients, errors = _read(path)
    assert [r.account_number for r in recipients] == ["2"]
    assert [(e.row, e.column, e.code) for e in errors] == [
        (2, "Долг", "formula_without_result"),
        (4, "Долг", "formula_without_result"),
    ]


def test_a_formula_with_a_stored_result_is_read_as_the_result(tmp_path: Path) -> None:
    path = _rewritten(
        _workbook(tmp_path, HEADER, ("1", "Иван", "89161234567", "=2*3", None)),
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(b"<v />", b"<v>6</v>").replace(b"<v></v>", b"<v>6</v>"),
    )
    [recipient], errors = _read(path)
    assert (recipient.fields["debt_kopecks"], errors) == (600, [])


def test_the_first_sheet_with_something_in_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "export.xlsx"
    book = openpyxl.Workbook()
    hidden = book.create_sheet("Служебный", 0)
    hidden.append(["ЛС"])
    hidden.append(["hidden1"])
    hidden.sheet_state = "hidden"
    sheet = book.create_sheet("Должники")
    for row in (HEADER, ("1", "Иван", "89161234567", 5)):
        sheet.append(row)
    book.save(path)
    audience = read_audience(path)
    assert audience.sheet == "Должники"
    assert (audience.encoding, audience.delimiter) == (None, None)
    assert [item.account_number for item in audience] == ["1"]


def test_a_list_that_does_not_begin_in_the_corner_keeps_its_row_numbers(tmp_path: Path) -> None:
    path = tmp_path / "export.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["B3"], sheet["C3"] = "ЛС", "Телефон"
    sheet["B5"], sheet["C5"] = 77, "нет такого"
    sheet["F5"] = "заметка оператора"
    book.save(path)
    [recipient], errors = _read(path)
    assert (recipient.row, recipient.account_number) == (5, "77")
    assert {(e.row, e.column, e.fatal) for e in errors} == {(5, "Телефон", False)}


def test_a_text_beginning_like_a_formula_is_only_a_text(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("ЛС;Адрес\n1;=1+1\n", encoding="utf-8")
    [recipient], _errors = _read(path)
    assert recipient.fields["address"] == "=1+1"


@pytest.mark.parametrize("suffix", [".xlsx", ".xls"])
def test_a_csv_named_workbook_is_refused_with_the_advice_to_rename(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"export{suffix}"
    path.write_text("ЛС;Долг\n1;5\n", encoding="utf-8")
    assert _refusal(path) == "text_named_workbook"


def test_an_old_xls_or_a_protected_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "export.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    assert _refusal(path) == "not_a_list"


def test_a_zip_that_is_no_workbook_and_a_torn_workbook_are_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "photos.xlsx"
    with zipfile.ZipFile(foreign, "w") as archive:
        archive.writestr("cat.txt", "meow")
    torn = tmp_path / "torn.xlsx"
    torn.write_bytes(_workbook(tmp_path, HEADER, ("1",)).read_bytes()[:-200])
    assert _refusal(foreign) == "not_a_workbook"
    assert _refusal(torn) == "not_a_workbook"


def test_a_zip_bomb_named_workbook_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = _bomb(tmp_path, b" " * 64 * 1024 * 1024)
    assert path.stat().st_size < 1024 * 1024
    assert _refusal(path) == "zip_bomb"


def test_many_harmless_looking_parts_are_added_up(tmp_path: Path) -> None:
    path = _workbook(tmp_path, HEADER, ("1", "Иван"))
    assert _refusal(path, Limits(unpacked_bytes=4000)) == "zip_bomb"


def test_an_archive_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    path = _bomb(tmp_path, b"<row>" * 400_000)
    raw = path.read_bytes()
    true_size = struct.pack("<I", 2_000_000)
    assert true_size in raw
    path.write_bytes(raw.replace(true_size, struct.pack("<I", 20)))
    assert _refusal(path) == "not_a_workbook"


def test_one_cell_in_the_last_corner_does_not_take_all_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "corner.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["A1"], sheet["A2"], sheet["XFD1048576"] = "ЛС", "1", "x"
    book.save(path)
    assert _refusal(path) == "sheet_too_large"


def test_a_sheet_whose_cells_have_no_addresses_is_measured_all_the_same(tmp_path: Path) -> None:
    row = b"<row>" + b"<c><v>1</v></c>" * 3000 + b"</row>"
    path = _rewritten(
        _workbook(tmp_path, HEADER, ("1",)),
        "xl/worksheets/sheet1.xml",
        lambda _xml: b"<worksheet><sheetData>" + row * 20 + b"</sheetData></worksheet>",
    )
    assert _refusal(path, Limits(sheet_cells=50_000)) == "sheet_too_large"


def test_a_cell_of_many_megabytes_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    import random

    noise = random.Random(1).randbytes(1_000_000).hex().encode()
    path = _rewritten(
        _workbook(tmp_path, HEADER, ("1", "Иван")),
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace("Иван".encode(), noise),
    )
    assert _refusal(path) == "cell_too_long"


def test_a_thousand_columns_are_refused(tmp_path: Path) -> None:
    path = _workbook(tmp_path, ("ЛС", *(f"c{n}" for n in range(999))), ("1",))
    assert _refusal(path) == "too_many_columns"


def test_an_empty_workbook_and_a_header_alone_are_refused(tmp_path: Path) -> None:
    assert _refusal(_workbook(tmp_path)) == "empty_file"
    assert _refusal(_workbook(tmp_path, HEADER)) == "header_only"


def test_letters_of_a_column_are_counted_as_spreadsheets_do() -> None:
    assert [column_index(name) for name in (b"A", b"Z", b"AA", b"XFD")] == [0, 25, 26, 16383]


def _bomb(folder: Path, content: bytes) -> Path:
    path = folder / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", content)
    return path


def _rewritten(path: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    """The workbook with one part of its archive changed."""
    target = path.with_name("changed.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name == part else content)
    return target
