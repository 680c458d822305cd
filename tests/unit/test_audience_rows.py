"""One row, one recipient: what goes in, what goes in with a warning, and what does not."""

from pathlib import Path

import pytest

from campaigns.audience import RowError, join_rows, read_audience
from campaigns.channel import ChannelName, ContactKind, Purpose
from campaigns.recipient import Consent, ContactPoint, Recipient, Segment, ZoneSource

HEADER = (
    "ЛС;ФИО;Тип;Филиал;Регион;Часовой пояс;Телефон;E-mail;Долг;Оплатить до;Отказ от рассылки;Язык"
)
BRANCHES = {"Томский": "Asia/Tomsk"}


def _read(folder: Path, *rows: str, header: str = HEADER) -> list[Recipient | RowError]:
    path = folder / "export.csv"
    path.write_text("\n".join((header, *rows, "")), encoding="utf-8")
    return list(read_audience(path, branches=BRANCHES))


def _one(folder: Path, row: str, header: str = HEADER) -> Recipient:
    recipient, *warnings = _read(folder, row, header=header)
    assert isinstance(recipient, Recipient)
    assert all(isinstance(w, RowError) and not w.fatal for w in warnings)
    return recipient


def test_a_whole_row_becomes_a_recipient(tmp_path: Path) -> None:
    row = (
        "0012;Иванов Иван Иванович;физ;Томский;;;8 916 1234567;a@example.com;1 234,56;1.12.26;да;ru"
    )
    assert _read(tmp_path, row) == [
        Recipient(
            row=2,
            account_number="0012",
            contact_points=(
                ContactPoint("+79161234567", ContactKind.MOBILE),
                ContactPoint("a@example.com", ContactKind.EMAIL),
            ),
            surname="Иванов",
            name="Иван",
            patronymic="Иванович",
            branch="Томский",
            zone="Asia/Tomsk",
            zone_source=ZoneSource.BRANCH,
            consents=(Consent(False, basis="Отказ от рассылки"),),
            fields={"debt_kopecks": 123456, "due_on": "2026-12-01"},
        )
    ]


@pytest.mark.parametrize(
    ("places", "zone", "source"),
    [
        ("Томский;Приморский край;UTC+5", "Asia/Yekaterinburg", ZoneSource.COLUMN),
        ("Томский;Приморский край;", "Asia/Vladivostok", ZoneSource.REGION),
        ("томский;;", "Asia/Tomsk", ZoneSource.BRANCH),
        ("Томский;Мордор;", "Asia/Tomsk", ZoneSource.BRANCH),
        ("Другой;;", None, ZoneSource.DEFAULT),
        (";;", None, ZoneSource.DEFAULT),
    ],
)
def test_the_zone_comes_from_the_column_then_the_region_then_the_branch(
    tmp_path: Path, places: str, zone: str | None, source: ZoneSource
) -> None:
    recipient = _one(tmp_path, f"1;Иван;;{places};89161234567")
    assert (recipient.zone, recipient.zone_source) == (zone, source)


def test_a_mobile_number_never_tells_the_zone(tmp_path: Path) -> None:
    recipient = _one(tmp_path, "1;Иван;;;;;+7 914 123 45 67")  # a code of the Far East
    assert (recipient.zone, recipient.zone_source) == (None, ZoneSource.DEFAULT)


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (";Иван;;;;;89161234567", "ЛС", "no_account_number"),
        ("Итого;;;;;;;;5000", "ЛС", "account_unreadable"),
        ("7,00012E+10;Иван", "ЛС", "digits_lost"),
        ("1;Иван;;;;;89161234567;;много", "Долг", "amount_unreadable"),
        ("1;Иван;;;;;89161234567;;5;31.02.2026", "Оплатить до", "date_impossible"),
        ("1;Иван;;;;7;89161234567", "Часовой пояс", "zone_unknown"),
        ("1;Иван;;;;;89161234567;;5;;вроде", "Отказ от рассылки", "consent_unreadable"),
    ],
)
def test_a_row_that_cannot_be_trusted_does_not_go_in(
    tmp_path: Path, row: str, column: str, code: str
) -> None:
    [error] = _read(tmp_path, row)
    assert isinstance(error, RowError)
    assert (error.row, error.column, error.code, error.fatal) == (2, column, code, True)
    assert error.advice
    assert error.cells == tuple(row.split(";"))


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ("1;Иван;;;;;89161234567, 123;", "Телефон", "phone_too_short"),
        ("1;Иван;;;;;89161234567;a@b", "E-mail", "email_unreadable"),
        ("1;Иван;;;;;;", "Телефон", "no_contact_point"),
        ("1;Иван;;;Мордор;;89161234567", "Регион", "region_unknown"),
        ("1;Иван;прочее;;;;89161234567", "Тип", "segment_unknown"),
        ("1;Иван;;;;;89161234567;;;;;эсперанто", "Язык", "language_unknown"),
    ],
)
def test_a_row_that_merely_lacks_something_goes_in_with_a_warning(
    tmp_path: Path, row: str, column: str, code: str
) -> None:
    recipient, warning = _read(tmp_path, row)
    assert isinstance(recipient, Recipient)
    assert isinstance(warning, RowError)
    assert (warning.column, warning.code, warning.fatal) == (column, code, False)


def test_all_mistakes_of_a_row_are_told_at_once(tmp_path: Path) -> None:
    codes = [
        e.code for e in _read(tmp_path, ";;;;;99;1;;много;40.40.40") if isinstance(e, RowError)
    ]
    assert codes == [
        "zone_unknown",
        "phone_too_short",
        "amount_unreadable",
        "date_impossible",
        "no_account_number",
    ]


@pytest.mark.parametrize(
    ("type_", "name", "segment"),
    [
        ("физ. лицо", "Иван", Segment.PRIVATE),
        ("ЮЛ", "Иван", Segment.BUSINESS),
        ("Юридическое лицо", "Иван", Segment.BUSINESS),
        ("private", 'ООО "Заря"', Segment.PRIVATE),
        ("", 'ООО "Заря"', Segment.BUSINESS),
        ("", "Иван", Segment.PRIVATE),
    ],
)
def test_the_segment_comes_from_its_column_or_from_the_legal_form(
    tmp_path: Path, type_: str, name: str, segment: Segment
) -> None:
    row = ";".join(("1", name.replace('"', ""), type_, "", "", "", "89161234567"))
    assert _one(tmp_path, row).segment is segment


def test_an_account_keeps_its_zeros_and_loses_what_the_spreadsheet_added(tmp_path: Path) -> None:
    rows = ("0012", "1234567.0", "12 34 56", "'0099", "№ 77", "АБ-12/3")
    found = _read(tmp_path, *(f"{account};Иван;;;;;89161234567" for account in rows))
    accounts = [r.account_number for r in found if isinstance(r, Recipient)]
    assert accounts == ["0012", "1234567", "123456", "0099", "77", "АБ-12/3"]


def test_several_columns_of_phones_are_tried_in_their_order(tmp_path: Path) -> None:
    header = "ЛС;Телефон 1;Моб. телефон;Телефон 2"
    recipient = _one(tmp_path, "1;8 495 1234567;89161234567, 84951234567;;", header=header)
    assert [p.address for p in recipient.contact_points] == ["+74951234567", "+79161234567"]


def test_no_personal_value_shows_when_an_error_is_logged(tmp_path: Path) -> None:
    [error] = _read(tmp_path, "77123;Секретов;;;;;89161234567;;много денег")
    assert all(
        word not in repr(error) + str(error) for word in ("Секретов", "77123", "много денег")
    )


PHONE = ContactPoint("+79161234567", ContactKind.MOBILE)
SECOND = ContactPoint("+79031234567", ContactKind.MOBILE)
REFUSAL = Consent(False, Purpose.MARKETING, ChannelName.SMS)


def test_the_same_account_twice_is_one_recipient_with_all_numbers() -> None:
    first = Recipient(2, "1", (PHONE,), name="Иван", fields={"debt_kopecks": 5})
    again = Recipient(
        9, "1", (SECOND, PHONE), name="Ваня", zone="Asia/Tomsk", zone_source=ZoneSource.REGION,
        consents=(REFUSAL,), fields={"debt_kopecks": 5, "tariff": "T"},
    )  # fmt: skip
    joined, error = join_rows(first, again)
    assert error is None
    assert joined == Recipient(
        2, "1", (PHONE, SECOND), name="Иван", zone="Asia/Tomsk", zone_source=ZoneSource.REGION,
        consents=(REFUSAL,), fields={"debt_kopecks": 5, "tariff": "T"},
    )  # fmt: skip


def test_joining_the_same_row_again_changes_nothing() -> None:
    row = Recipient(2, "1", (PHONE,), name="Иван", consents=(REFUSAL,), fields={"debt_kopecks": 5})
    assert join_rows(row, row) == (row, None)


def test_two_amounts_for_one_account_are_an_error_and_the_first_counts() -> None:
    first = Recipient(2, "1", (PHONE,), fields={"debt_kopecks": 5})
    joined, error = join_rows(first, Recipient(9, "1", (), fields={"debt_kopecks": 7}))
    assert joined.fields == {"debt_kopecks": 5}
    assert error is not None
    assert (error.code, error.row, error.fatal) == ("duplicate_account", 9, True)
    assert "2" in error.advice
    assert "9" in error.advice


def test_two_names_are_never_mixed_into_one_person() -> None:
    first = Recipient(2, "1", (PHONE,), surname="Иванов", name="Иван")
    again = Recipient(9, "1", (PHONE,), surname="Петрова", name="Анна", patronymic="Олеговна")
    joined, _error = join_rows(first, again)
    assert (joined.surname, joined.name, joined.patronymic) == ("Иванов", "Иван", "")
