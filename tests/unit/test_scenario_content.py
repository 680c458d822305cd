"""What one customer, or one landlord, is told."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.channel import ChannelName
from campaigns.content import (
    CallContent,
    MailContent,
    SmsContent,
    context,
    greeting,
    render_content,
)
from campaigns.recipient import Recipient
from campaigns.scenario import Scenario
from templates.call import Say, SoundRef
from templates.errors import EmptyText, MissingValue, TooLong, TooManyAccounts
from templates.speech import CALL_LIMIT_SECONDS, SENDING_LIMIT_SECONDS

SUPPLIER = {"company": "Энергосбыт", "company_phone": "+78005553535", "company_site": "example.ru"}
MARIA = Recipient(
    row=2,
    account_number="401",
    contact_points=(),
    name="Мария",
    patronymic="Ивановна",
    surname="Петрова",
    fields={"debt_kopecks": 100, "due_on": "2026-12-01", "street": "Ленина"},
)
SECOND = replace(
    MARIA, row=3, account_number="402", fields={**MARIA.fields, "debt_kopecks": 250, "street": ""}
)


def scenario(**changes: Any) -> Scenario:
    usual: dict[str, Any] = {
        "name": "own",
        "title": "x",
        "purpose": "service",
        "fields": ("debt_kopecks",),
        "channels": {c: {"template": "own"} for c in ChannelName},
    }
    return Scenario.model_validate({**usual, **changes})


def sms(text: str, *accounts: Recipient, **changes: Any) -> str:
    content = render_content(
        scenario(**changes), ChannelName.SMS, {"sms.txt": text}, accounts, SUPPLIER, {}
    )
    assert isinstance(content, SmsContent)
    return content.text


def test_an_sms_is_one_line_however_it_was_written() -> None:
    text = "{{ company }}:\n{{ debt_kopecks | rub }}\n\n  {{ company_phone | phone }}\n"
    assert sms(text, MARIA) == "Энергосбыт: 1,00 руб. 8 800 555-35-35"


def test_a_landlord_is_told_the_sum_and_each_account() -> None:
    text = (
        "{% for a in accounts %}{{ a.account_number }}: {{ a.debt_kopecks | rub }} {% endfor %}"
        "всего {{ total_kopecks | rub }} ({{ accounts_count }})"
    )
    assert sms(text, MARIA, SECOND) == "401: 1,00 руб. 402: 2,50 руб. всего 3,50 руб. (2)"


@pytest.mark.parametrize("name", ["debt_kopecks", "account_number", "street"])
def test_one_accounts_own_value_is_never_said_for_all(name: str) -> None:
    with pytest.raises(MissingValue, match=name):
        sms(f"{{{{ {name} }}}} ok", MARIA, SECOND)


def test_what_all_the_accounts_agree_on_is_said_plainly() -> None:
    assert sms("{{ due_on | short_date }} {{ name }}", MARIA, SECOND) == "01.12.2026 Мария"


def test_a_text_that_is_the_same_for_all_speaks_of_the_first_account() -> None:
    text = "{{ account_number }} {{ accounts_count }}"
    assert sms(text, MARIA, SECOND, same_contact="once") == "401 1"


def test_every_amount_has_its_total() -> None:
    fields = {"charge_kopecks": 5, "penalty_kopecks": 7}
    account = replace(MARIA, fields=fields)
    seen = context(
        scenario(fields=("charge_kopecks",)), [account, replace(account, row=3)], SUPPLIER, {}
    )
    assert (seen["total_charge_kopecks"], seen["total_penalty_kopecks"]) == (10, 14)
    assert seen["total_kopecks"] == 10


def test_no_column_can_pose_as_what_the_system_fills() -> None:
    hostile = replace(MARIA, fields={"company": "Мошенник", "greeting": "!", "total_kopecks": 9})
    assert sms("{{ company }} {{ greeting }}", hostile) == (
        "Энергосбыт Здравствуйте, Мария Ивановна!"
    )


def test_a_column_wins_over_the_scenarios_value() -> None:
    told = sms("{{ street }} {{ hour }}", MARIA, values={"street": "Мира", "hour": "9"})
    assert told == "Ленина 9"


@pytest.mark.parametrize(
    ("accounts", "said"),
    [
        ([MARIA], "Здравствуйте, Мария Ивановна!"),
        ([MARIA, SECOND], "Здравствуйте, Мария Ивановна!"),
        ([replace(MARIA, patronymic="")], "Здравствуйте, Мария!"),
        ([replace(MARIA, name="")], "Здравствуйте!"),
        ([MARIA, replace(SECOND, name="Пётр")], "Здравствуйте!"),
        ([replace(MARIA, name="МАРИЯ", patronymic="ИВАНОВНА")], "Здравствуйте, Мария Ивановна!"),
        ([replace(MARIA, name="Мария\r\nX: y")], "Здравствуйте, Мария X: y Ивановна!"),
    ],
)
def test_people_are_greeted_by_name_where_it_is_certain(
    accounts: list[Recipient], said: str
) -> None:
    assert greeting(accounts) == said


def test_a_long_name_gives_way_so_that_the_sms_still_fits() -> None:
    long = replace(MARIA, name="Константинопольская")
    assert sms("{{ greeting }} " + "а" * 140, long) == "Здравствуйте! " + "а" * 140


def test_an_sms_that_does_not_fit_is_not_cut_but_refused() -> None:
    with pytest.raises(TooLong) as long:
        sms("а" * 161, MARIA)
    assert (long.value.measured, long.value.limit) == (161, 160)


def test_a_call_is_phrases_without_the_colleagues_remarks() -> None:
    text = "# remark\n{{ greeting }}\n\n  Долг {{ total_kopecks | money_words }}.\n"
    content = render_content(
        scenario(), ChannelName.PHONE, {"call.txt": text}, [MARIA], SUPPLIER, {}
    )
    assert isinstance(content, CallContent)
    assert content.script.message == (Say("Здравствуйте, Мария Ивановна!"), Say("Долг один рубль."))
    assert 2 < content.script.total_seconds < 8


def test_a_call_of_more_than_a_minute_is_refused() -> None:
    with pytest.raises(TooLong):
        render_content(
            scenario(), ChannelName.PHONE, {"call.txt": "слово " * 200}, [MARIA], SUPPLIER, {}
        )


def test_a_call_is_measured_with_its_menu_and_sounds_against_the_limit_asked_for() -> None:
    texts = {"call.txt": "@play a.wav\nДа.\n@key 1 heard: @play a.wav\nПока."}
    sounds = {"a.wav": SoundRef("f" * 64, 29.0)}

    def seconds(limit: float = CALL_LIMIT_SECONDS) -> float:
        content = render_content(
            scenario(), ChannelName.PHONE, texts, [MARIA], SUPPLIER, {}, sounds, limit_seconds=limit
        )
        assert isinstance(content, CallContent)
        return content.script.total_seconds

    with pytest.raises(TooLong) as long:
        seconds()
    assert 60 < long.value.measured < 66
    assert seconds(SENDING_LIMIT_SECONDS) == long.value.measured


def test_the_english_call_is_used_for_who_speaks_english() -> None:
    texts = {
        "call.txt": "Долг {{ debt_kopecks | money }}",
        "call.en.txt": "{{ debt_kopecks | money }}",
    }
    english = replace(MARIA, language="en")
    content = render_content(scenario(), ChannelName.PHONE, texts, [english], SUPPLIER)
    assert isinstance(content, CallContent)
    assert (content.script.message, content.script.language) == ((Say("one rouble"),), "en")


@given(st.text(max_size=60))
def test_no_cell_of_an_audience_can_press_a_key(cell: str) -> None:
    hostile = replace(
        MARIA, name=cell, fields={"debt_kopecks": 100, "street": f"@key 1 stop{cell}"}
    )
    texts = {"call.txt": "{{ greeting }}\n{{ street }}\n{{ account_number | account }}"}
    content = render_content(scenario(), ChannelName.PHONE, texts, [hostile], SUPPLIER)
    assert isinstance(content, CallContent)
    assert content.script.keys == ()
    assert len(content.script.message) == 3


MAIL = {
    "subject.txt": "Долг\n{{ name }}\n",
    "body.txt": "{{ greeting }}\n",
    "body.html": "<p>{{ greeting }}</p>",
}


def letter(texts: Mapping[str, str], account: Recipient) -> MailContent:
    content = render_content(scenario(), ChannelName.EMAIL, texts, [account], SUPPLIER, {})
    assert isinstance(content, MailContent)
    return content


def test_a_letters_subject_is_one_line_and_its_html_escaped() -> None:
    content = letter(MAIL, replace(MARIA, name="<i>\r\nBcc: x"))
    assert content.subject == "Долг <i> Bcc: x"
    assert "<i>" not in content.html


def test_a_recipient_with_english_gets_the_twin_only_if_it_is_whole() -> None:
    english = replace(MARIA, language="en")
    twins = {"subject.en.txt": "Debt", "body.en.txt": "{{ greeting }}"}
    assert letter({**MAIL, **twins}, english).subject.startswith("Долг")
    whole = {**MAIL, **twins, "body.en.html": "<p>{{ greeting }}</p>"}
    assert letter(whole, english).text == "Hello, Мария Ивановна!\n"
    assert letter(whole, MARIA).subject.startswith("Долг")


def test_an_empty_text_is_never_sent() -> None:
    with pytest.raises(EmptyText):
        letter({**MAIL, "body.txt": "{# none #}"}, MARIA)


def test_a_placeholder_number_under_thousands_of_accounts_is_not_a_landlord() -> None:
    with pytest.raises(TooManyAccounts):
        sms("x", *[MARIA] * 501)


def test_what_a_condition_leaves_out_leaves_no_hole_in_a_letter() -> None:
    body = "Раз\n\n{% if ghost is defined %}\n{{ ghost }}\n{% endif %}\n\nДва\n"
    assert letter({**MAIL, "body.txt": body}, MARIA).text == "Раз\n\nДва\n"


def test_our_own_link_is_known_to_every_text() -> None:
    extra = {"link_url": "https://example.ru/l/1"}
    texts = {"sms.txt": "Подробнее: {{ link_url }}"}
    content = render_content(scenario(), ChannelName.SMS, texts, [MARIA], SUPPLIER, extra)
    assert content == SmsContent("Подробнее: https://example.ru/l/1")
