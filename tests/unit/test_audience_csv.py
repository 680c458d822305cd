"""CSV files as they come: encodings, delimiters, and everything that tries to swallow the rest."""

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.audience import Limits, RowError, read_audience
from campaigns.recipient import Recipient
from templates.problem import Refused

CORPUS = Path(__file__).parents[1] / "corpora" / "audience"
HEADER = "Лицевой счёт;ФИО;Телефон;Долг\n"


def _write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "export.csv"
    path.write_bytes(text.encode(encoding))
    return path


def _read(path: Path, limits: Limits | None = None) -> tuple[list[Recipient], list[RowError]]:
    items = list(read_audience(path, limits=limits or Limits()))
    return (
        [item for item in items if isinstance(item, Recipient)],
        [item for item in items if isinstance(item, RowError)],
    )


def _refusal(path: Path) -> str:
    with pytest.raises(Refused) as refused:
        read_audience(path)
    [problem] = refused.value.problems
    assert problem.advice
    assert problem.file == path.name
    return problem.code


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.csv")), ids=lambda path: path.stem)
def test_the_same_two_customers_come_out_of_every_kind_of_file(path: Path) -> None:
    recipients, errors = _read(path)
    assert errors == []
    assert [(r.account_number, r.surname, r.name, r.patronymic) for r in recipients] == [
        ("700001", "Иванов", "Иван", "Иванович"),
        ("700002", "Щукина", "Ёлка", "Юрьевна"),
    ]
    assert recipients[0].contact_points[0].address == "+79161234567"
    assert recipients[0].fields == {"debt_kopecks": 123456, "due_on": "2026-12-01"}


@pytest.mark.parametrize(
    ("stem", "encoding", "delimiter", "header_row"),
    [
        ("cp1251-semicolon-crlf", "cp1251", ";", 1),
        ("koi8r-semicolon", "koi8_r", ";", 1),
        ("cp866-semicolon-no-final-newline", "cp866", ";", 1),
        ("utf8-bom-tab", "utf-8-sig", "\t", 1),
        ("utf8-comma-quoted", "utf-8-sig", ",", 1),
        ("utf16-tab-as-excel-saves-it", "utf-16", "\t", 1),
        ("utf8-excel-sep-line", "utf-8-sig", ";", 2),
        ("cp1251-title-above-header", "cp1251", ";", 4),
    ],
)
def test_what_was_detected_is_told(
    stem: str, encoding: str, delimiter: str, header_row: int
) -> None:
    audience = read_audience(CORPUS / f"{stem}.csv")
    found = (audience.encoding, audience.delimiter, audience.header_row)
    assert found == (encoding, delimiter, header_row)


def test_amounts_with_a_comma_do_not_make_the_comma_a_delimiter(tmp_path: Path) -> None:
    path = _write(tmp_path, "ЛС;Долг, руб\n1;1,50\n2;2,50\n")
    assert [r.fields["debt_kopecks"] for r in _read(path)[0]] == [150, 250]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf", "empty_file"),
        (b"\n\n ;;\n", "empty_file"),
        (HEADER.encode(), "header_only"),
        (HEADER.encode() + b";;;\n\n", "header_only"),
        (b"\x00\x01\x02\x03binary", "wrong_encoding"),
        ("ЛС;Тел\n1;2\n".encode("utf-16-le"), "wrong_encoding"),
        ("Имя;Долг\nИван;5\n".encode(), "no_account_column"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old excel", "not_a_list"),
        (b"<html><table><tr><td>1</td></tr></table>", "not_a_list"),
        (b"%PDF-1.7", "not_a_list"),
        ("ЛС;Долг;долг\n1;2;3\n".encode(), "duplicate_header"),
        ((";".join(["ЛС", *map(str, range(999))]) + "\n1\n").encode(), "too_many_columns"),
        ('ЛС;"Долг\n1;2\n'.encode(), "header_unreadable"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_advice(
    tmp_path: Path, content: bytes, code: str
) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(content)
    assert _refusal(path) == code


def test_a_file_that_is_not_there_is_refused_and_no_crash(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "nowhere.csv") == "file_unreadable"
    assert _refusal(tmp_path) == "file_unreadable"


def test_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path: Path) -> None:
    path = _write(tmp_path, HEADER + '\n1;"Иван\nиз Твери";89161234567;5\n;;;\n2;Анна;нет;x\n')
    recipients, errors = _read(path)
    assert [r.row for r in recipients] == [3]
    assert [(e.row, e.code) for e in errors] == [(5, "amount_unreadable")]


def test_an_honest_cell_of_several_lines_is_one_cell(tmp_path: Path) -> None:
    path = _write(tmp_path, HEADER + '1;Иван;"89161234567\n89031234567";5\n2;Анна;;6\n')
    recipients, _errors = _read(path)
    assert [len(r.contact_points) for r in recipients] == [2, 0]


@pytest.mark.parametrize(
    "broken",
    [
        '2;"Иван;89161234567;5',
        '2;Иван;89161234567;"5',
        '2;"ООО "Рога";;5',
        '2;"Иван;;5\n3;"Анна";;5',
    ],
)
def test_an_open_quotation_mark_costs_its_own_row_only(tmp_path: Path, broken: str) -> None:
    following = "".join(f'{n};"Имя";89161234567;5\n' for n in range(10, 60))
    recipients, errors = _read(_write(tmp_path, HEADER + broken + "\n" + following))
    assert [(e.row, e.code, e.fatal) for e in errors if e.fatal] == [(2, "quote_not_closed", True)]
    assert [r.account_number for r in recipients][-50:] == [str(n) for n in range(10, 60)]


def test_an_open_quotation_mark_on_the_last_row_is_noticed(tmp_path: Path) -> None:
    _recipients, [error] = _read(_write(tmp_path, HEADER + '1;"Иван'))
    assert error.code == "quote_not_closed"


def test_a_quotation_mark_within_a_text_is_only_a_mark(tmp_path: Path) -> None:
    path = _write(tmp_path, HEADER + '1;ООО "Заря";8 495 1234567;5\n2;труба 2";8 495 1234567;5\n')
    recipients, errors = _read(path)
    assert errors == []
    assert [(r.surname, r.name) for r in recipients] == [("", 'ООО "Заря"'), ("труба", '2"')]


def test_a_row_with_more_cells_than_the_header_is_not_trusted(tmp_path: Path) -> None:
    _recipients, [error] = _read(_write(tmp_path, HEADER + "1;Иван;Тверь;89161234567;5\n"))
    assert error.code == "too_many_cells"


def test_a_shifted_row_is_not_trusted_even_if_its_last_cell_is_empty(tmp_path: Path) -> None:
    rows = "".join(f"{n};Иван;89161234567;5\n" for n in range(9))
    _recipients, errors = _read(_write(tmp_path, HEADER + rows + "1;Иванов; Иван;89161234567;\n"))
    assert [e.code for e in errors] == ["too_many_cells"]


def test_a_delimiter_at_the_end_of_every_row_shifts_nothing(tmp_path: Path) -> None:
    recipients, errors = _read(_write(tmp_path, HEADER + "1;Иван;89161234567;5;\n" * 3))
    assert (len(recipients), errors) == (3, [])


def test_a_short_row_lacks_only_what_it_does_not_say(tmp_path: Path) -> None:
    [recipient], _errors = _read(_write(tmp_path, HEADER + "1;Иван;89161234567\n"))
    assert recipient.fields == {}


def test_a_damaged_byte_late_in_a_file_is_the_error_of_its_row(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    good = "".join(f"{n};Иван;89161234567;5\n" for n in range(20_000)).encode()
    path.write_bytes(
        HEADER.encode() + good + b"x1;\xff\xfe;89161234567;5\n" + "x2;Ян;;5\n".encode()
    )
    recipients, errors = _read(path)
    assert [(e.row, e.code) for e in errors if e.fatal] == [(20_002, "undecodable")]
    assert len(recipients) == 20_001


def test_cyrillic_that_begins_far_down_still_tells_the_encoding(tmp_path: Path) -> None:
    rows = "".join(f"{n};Ivan;89161234567;5\n" for n in range(30_000))
    path = _write(tmp_path, "account;name;phone;debt\n" + rows + "x;Пётр1;;5\n", "cp1251")
    audience = read_audience(path, mapping={"account": "account_number"})
    assert audience.encoding == "cp1251"


def test_a_nul_byte_does_not_reach_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    rows = "".join(f"{n};Иван;;5\n" for n in range(20_000)).encode()
    path.write_bytes(HEADER.encode() + rows + "1;Ив\x00ан;;5\n".encode())
    assert [e.code for e in _read(path)[1] if e.fatal] == ["undecodable"]


def test_a_cell_of_two_hundred_megabytes_is_an_error_and_is_never_held(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    with path.open("wb") as file:
        file.write(HEADER.encode() + b"1;")
        for _block in range(200):
            file.write(b"x" * 1024 * 1024)
        file.write("\n2;Иван;89161234567;5\n".encode())
    tracemalloc.start()
    try:
        recipients, errors = _read(path)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [(e.row, e.code) for e in errors] == [(2, "row_too_long")]
    assert [r.account_number for r in recipients] == ["2"]
    assert peak < 16 * 1024 * 1024


def test_a_long_cell_is_an_error_that_names_its_column(tmp_path: Path) -> None:
    text = HEADER + f"1;{'я' * 10_001};89161234567;5\n2;{'я' * 10_000};89161234567;5\n"
    recipients, [error] = _read(_write(tmp_path, text))
    assert (error.row, error.column, error.code) == (2, "ФИО", "cell_too_long")
    assert [r.row for r in recipients] == [3]


def test_a_row_of_exactly_the_longest_length_is_read(tmp_path: Path) -> None:
    limits = Limits(row_characters=100)
    fits = "1;Иван;89161234567;5;".ljust(100, ";")
    recipients, errors = _read(_write(tmp_path, HEADER + fits + "\n" + fits + ";\n"), limits)
    assert ([r.row for r in recipients], [e.code for e in errors]) == ([2], ["row_too_long"])


def test_a_million_rows_do_not_need_the_memory_of_a_million_rows(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        path = _write(
            tmp_path, HEADER + "".join(f"{n};Иван;8916{n:07};{n},50\n" for n in range(rows))
        )
        list(zip(range(10), read_audience(path), strict=False))  # fill the caches
        tracemalloc.start()
        try:
            assert sum(1 for _item in read_audience(path)) == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(40_000) < peak(20_000) + 1_000_000


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
def test_no_bytes_whatever_crash_the_reading(tmp_path: Path, noise: bytes) -> None:
    path = tmp_path / "noise.csv"
    path.write_bytes(HEADER.encode() + "1;Иван;89161234567;5\n".encode() * 40 + noise)
    recipients, _errors = _read_or_refused(path)
    assert len(recipients) >= 40 or not recipients


def _read_or_refused(path: Path) -> tuple[list[Recipient], list[RowError]]:
    try:
        return _read(path)
    except Refused:
        return [], []
