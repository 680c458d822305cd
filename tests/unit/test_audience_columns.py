"""What a column holds, by its header."""

import pytest

from campaigns.audience.columns import finding_columns, names_account, resolve_columns
from campaigns.audience.headers import Role
from campaigns.audience.targets import field_of, known_fields
from campaigns.scenario_file import library, library_path, read_scenario
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
        (["ЛС", "А"], {"А": "прозвон"}, ["mapped_field_invalid"]),
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


@pytest.mark.parametrize(
    ("target", "field"),
    [
        ("phones", "phone"),
        ("телефон", "phone"),
        ("ФИО", "full_name"),
        ("e-mail", "email"),
        ("Лицевой счёт", "account_number"),
        ("долг", "debt_kopecks"),
        ("Debt_Kopecks", "debt_kopecks"),
        ("отключение с", "outage_from"),
        ("-", "-"),
        ("works_kind", "works_kind"),
        ("penalty_kopecks", "penalty_kopecks"),
        ("restriction_at", "restriction_at"),
    ],
)
def test_a_target_may_be_a_field_a_spelling_of_one_or_a_new_latin_name(
    target: str, field: str
) -> None:
    assert field_of(target) == field


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        ("phonee", "phone"),
        ("телефн", "phone"),
        ("acount_number", "account_number"),
        ("debt_kopeks", "debt_kopecks"),
        ("dbt_kopecks", "debt_kopecks"),
        ("email2", "email"),
        ("outage_form", "outage_from"),
    ],
)
def test_a_misspelt_target_is_refused_with_the_name_that_was_meant(target: str, meant: str) -> None:
    with pytest.raises(Refused) as refused:
        resolve_columns(["ЛС", "Дозвон"], {"Дозвон": target}, limit=200)
    [problem] = refused.value.problems
    assert problem.code == "mapped_field_invalid"
    assert meant in problem.message
    assert all(name in problem.advice for name in known_fields())


def test_every_field_of_a_built_in_scenario_can_be_mapped() -> None:
    for name in library():
        for field in read_scenario(library_path(name)).scenario.fields:
            assert field_of(field) == field


def test_headers_of_an_outage_are_known_without_a_mapping() -> None:
    columns = resolve_columns(["ЛС", "Отключение с", "Отключение до"], {}, limit=200)
    assert [c.field for c in columns[1:]] == ["outage_from", "outage_until"]
