"""Bad rows go out as a file, are mended by a clerk, and come in again."""

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.audience import AudienceFile, RowError, export_errors, join_rows, read_audience
from campaigns.recipient import Recipient
from templates.i18n import speaking

SOURCE = (
    "Лицевой счёт;Телефон;Адрес;Долг\n"
    "1;+79161234567;=1+1;много\n"
    "2;89161234567;@дом;5\n"
    '3;-;"ул. ""Мира""; 5";1,234\n'
    "4;+7 916 123 45 67, 55;-;7\n"
)


def _source(folder: Path, text: str = SOURCE) -> AudienceFile:
    path = folder / "export.csv"
    path.write_text(text, encoding="utf-8")
    return read_audience(path)


def _errors(audience: AudienceFile) -> list[RowError]:
    return [item for item in audience if isinstance(item, RowError)]


def _table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=";"))


@pytest.mark.parametrize("language", ["ru", "en"])
def test_mended_errors_are_imported_again_from_the_very_same_file(
    tmp_path: Path, language: str
) -> None:
    audience = _source(tmp_path)
    out = tmp_path / "errors.csv"
    with speaking(language):
        assert export_errors(_errors(audience), out, audience.header) == 3
    mended = out.read_text(encoding="utf-8").replace("много", "99,50").replace("1,234", "1234,00")
    out.write_text(mended, encoding="utf-8")
    again = {r.account_number: r for r in read_audience(out) if isinstance(r, Recipient)}
    assert set(again) == {"1", "3", "4"}
    assert again["1"].fields == {"address": "=1+1", "debt_kopecks": 9950}
    assert again["1"].contact_points[0].address == "+79161234567"
    assert again["3"].fields == {"address": 'ул. "Мира"; 5', "debt_kopecks": 123400}
    assert again["4"].contact_points[0].address == "+79161234567"


def test_nothing_in_the_file_can_be_run_as_a_formula(tmp_path: Path) -> None:
    audience = _source(tmp_path)
    out = tmp_path / "errors.csv"
    export_errors(_errors(audience), out, audience.header)
    cells = [cell for row in _table(out) for cell in row]
    assert "'=1+1" in cells
    assert "'+79161234567" in cells
    assert all(cell[:1] not in tuple("=+-@\t\r") for cell in cells if cell)


def test_each_bad_row_stands_once_with_all_that_is_wrong_with_it(tmp_path: Path) -> None:
    audience = _source(tmp_path, "ЛС;Долг;Оплатить до\n;много;31.02.2026\n")
    out = tmp_path / "errors.csv"
    assert export_errors(_errors(audience), out, audience.header) == 1
    header, row = _table(out)
    assert header[:3] == ["ЛС", "Долг", "Оплатить до"]
    assert header[3:] == [
        "ошибка: строка", "ошибка: столбец", "ошибка: код", "ошибка: что не так",
        "ошибка: что сделать",
    ]  # fmt: skip
    assert row[:6] == [
        "", "много", "31.02.2026", "2", "Долг | Оплатить до | ЛС",
        "amount_unreadable | date_impossible | no_account_number",
    ]  # fmt: skip


def test_a_second_round_of_mending_does_not_pile_up_columns(tmp_path: Path) -> None:
    audience = _source(tmp_path)
    first, second = tmp_path / "errors.csv", tmp_path / "errors-2.csv"
    export_errors(_errors(audience), first, audience.header)
    again = read_audience(first)
    export_errors(_errors(again), second, again.header)
    assert _table(second)[0] == _table(first)[0]
    assert [row[:4] for row in _table(second)] == [row[:4] for row in _table(first)]


def test_a_duplicate_found_by_the_ledger_names_its_account(tmp_path: Path) -> None:
    audience = _source(tmp_path, "Телефон;ЛС;Долг\n;1;5\n;1;6\n")
    first, again = (item for item in audience if isinstance(item, Recipient))
    _joined, error = join_rows(first, again)
    assert error is not None
    export_errors([error], tmp_path / "errors.csv", audience.header)
    assert _table(tmp_path / "errors.csv")[1][:6] == [
        "", "1", "", "3", "debt_kopecks", "duplicate_account",
    ]  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffd"), max_size=30
    )
)
def test_any_text_survives_the_way_out_and_in(tmp_path: Path, text: str) -> None:
    header = ["ЛС", "Заметка"]
    error = RowError(2, "ЛС", "any", "", "m", "a", cells=("5", text))
    out = tmp_path / "errors.csv"
    export_errors([error], out, header)
    [recipient, *_] = read_audience(out)
    assert isinstance(recipient, Recipient)

    plain = tmp_path / "plain.csv"
    with plain.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";").writerows([header, ["5", text]])
    [expected, *_] = read_audience(plain)
    assert isinstance(expected, Recipient)
    assert recipient.fields == expected.fields
