"""What a column holds, by its header."""

import pytest

from campaigns.audience.columns import finding_columns, names_account, resolve_columns
from campaigns.audience.headers import Role
from templates.i18n import LANGUAGES, speaking
from templates.problem import Refused


@pytest.mark.parametrize(
    ("header", "role"),
    [
        ("Лицевой счет", Role.ACCOUNT),
        ("ЛИЦЕВОЙ СЧЁТ", Role.ACCOUNT),
        ("л/с", Role.ACCOUNT),
        ("ЛС", Role.ACCOUNT),
        ("№ договора", Role.ACCOUNT),
        ("account_number", Role.ACCOUNT),
        ("\ufeffЛС", Role.ACCOUNT),
    ],
)
def test_an_account_number_is_known_by_many_names(header: str, role: Role) -> None:
    [column] = resolve_columns([header], {}, limit=200)
    assert column.role is role


@pytest.mark.parametrize(
    ("header", "role"),
    [
        ("ФИО", Role.FULL_NAME),
        ("Ф.И.О.", Role.FULL_NAME),
        ("Фамилия", Role.SURNAME),
        ("Имя", Role.NAME),
        ("Отчество", Role.PATRONYMIC),
        ("Телефон", Role.PHONE),
        ("телефон 2", Role.PHONE),
        ("Моб. телефон", Role.PHONE),
        ("E-mail", Role.EMAIL),
        ("Эл. почта", Role.EMAIL),
        ("Физ/Юр", Role.SEGMENT),
        ("Филиал", Role.BRANCH),
        ("Отделение", Role.BRANCH),
        ("Субъект РФ", Role.REGION),
        ("Часовой пояс", Role.ZONE),
        ("Согласие на рекламу", Role.CONSENT),
        ("Язык", Role.LANGUAGE),
        ("", Role.IGNORED),
    ],
)
def test_known_headers_fill_the_recipient(header: str, role: Role) -> None:
    assert resolve_columns(["ЛС", header, "x"], {}, limit=200)[1].role is role


@pytest.mark.parametrize(
    ("header", "field", "role"),
    [
        ("Долг", "debt_kopecks", Role.MONEY),
        ("Сумма долга, руб.", "debt_kopecks", Role.MONEY),
        ("Задолженность (руб)", "debt_kopecks", Role.MONEY),
        ("Долг, коп.", "debt_kopecks", Role.KOPECKS),
        ("debt_kopecks", "debt_kopecks", Role.KOPECKS),
        ("Оплатить до", "due_on", Role.DATE),
        ("К оплате", "amount_kopecks", Role.MONEY),
        ("Начислено, руб.", "начислено_kopecks", Role.MONEY),
        ("Тариф, руб.", "tariff", Role.TEXT),
        ("Сумма прописью", "сумма_прописью", Role.TEXT),
        ("Дата отключения", "outage_on", Role.DATE),
        ("Дата поверки", "дата_поверки_on", Role.DATE),
        ("restore_at", "restore_at", Role.MOMENT),
        ("cut_off_on", "cut_off_on", Role.DATE),
        ("Участок сети № 2", "участок_сети_номер_2", Role.TEXT),
        ("2-й подъезд", "column_2_й_подъезд", Role.TEXT),
    ],
)
def test_further_headers_name_fields_by_the_rule(header: str, field: str, role: Role) -> None:
    column = resolve_columns(["ЛС", header], {}, limit=200)[1]
    assert (column.field, column.role) == (field, role)


def test_a_mapping_overrules_the_header() -> None:
    mapping = {"Код": "account_number", "Сальдо": "debt_kopecks", "Телефон": "-", "До": "due_on"}
    columns = resolve_columns(["Код", "Сальдо", "Телефон", "До"], mapping, limit=200)
    assert [c.role for c in columns] == [Role.ACCOUNT, Role.MONEY, Role.IGNORED, Role.DATE]


@pytest.mark.parametrize(
    ("header", "mapping", "codes"),
    [
        (["ФИО", "Долг"], {}, ["no_account_column"]),
        (["ЛС", "Долг", "долг"], {}, ["duplicate_header"]),
        (["ЛС", "Долг", "Задолженность"], {}, ["duplicate_field"]),
        (["ЛС", "Лицевой счёт"], {}, ["duplicate_field"]),
        (["ЛС"], {"Нет такого": "debt_kopecks"}, ["mapped_column_missing"]),
        (["ЛС", "А"], {"А": "1 x"}, ["mapped_field_invalid"]),
        (["ЛС", *(f"c{i}" for i in range(999))], {}, ["too_many_columns"]),
        (["Долг", "Долг"], {}, ["duplicate_header", "no_account_column"]),
    ],
)
def test_a_header_that_cannot_be_used_is_refused_with_all_problems(
    header: list[str], mapping: dict[str, str], codes: list[str]
) -> None:
    with pytest.raises(Refused) as refused:
        resolve_columns(header, mapping, limit=200, file="export.csv")
    assert [problem.code for problem in refused.value.problems] == codes
    assert all(p.advice and p.file == "export.csv" for p in refused.value.problems)


def test_empty_columns_at_the_right_edge_do_not_count() -> None:
    assert len(resolve_columns(["ЛС", *[""] * 900], {}, limit=200)) == 1


def test_a_header_is_recognised_by_its_account_number_or_by_the_mapping() -> None:
    assert names_account(["x", "Лицевой счёт"], {})
    assert not names_account(["Реестр за ноябрь"], {})
    assert names_account(["Код"], {"код": "account_number"})


def test_the_columns_of_a_file_of_errors_are_passed_over_in_every_language() -> None:
    for language in LANGUAGES:
        with speaking(language):
            columns = resolve_columns(["ЛС", *finding_columns()], {}, limit=200)
        assert {c.role for c in columns[1:]} == {Role.IGNORED}
