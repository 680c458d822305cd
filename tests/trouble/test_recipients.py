"""Recipients that are trouble by themselves: one of them never stops a campaign, and what stands
in their rows never becomes a command."""

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from tests.trouble.house import HEADER, customer, living, mail_channel, sms_channel
from tests.trouble.servers import HttpProvider, PostOffice, posted, sms_taken

SMS, EMAIL = ChannelName.SMS, ChannelName.EMAIL


NOTED = ["заметка"]


def test_words_that_come_out_empty_cost_one_message_and_say_where(tmp_path: Path) -> None:
    with (
        PostOffice() as office,
        living(tmp_path, {EMAIL: mail_channel(office.port)}) as house,
    ):
        rows = [customer(number, Заметка="завтра") for number in range(10)]
        rows[4] = customer(4, Заметка="никогда")
        house.import_rows(rows)
        words = {"subject.txt": '{% if заметка != "никогда" %}Ждите нас {{ заметка }}{% endif %}'}
        campaign = house.launch(EMAIL, words=words, fields=NOTED)
        house.turn()
        assert len(office.letters) == 9
        (given_up,) = [d for d in house.deliveries(campaign) if d.status is Status.GIVEN_UP]
        assert given_up.points == ("client4@example.com",)
        assert given_up.reason == "words: subject.txt came out empty"  # no word of the customer's


def test_a_text_too_long_for_one_customer_does_not_hold_back_the_others_once_staff_say_so(
    tmp_path: Path,
) -> None:
    with (
        HttpProvider(lambda number, _request: sms_taken(number)) as provider,
        living(tmp_path, {SMS: sms_channel(provider.port)}) as house,
    ):
        house.import_rows([customer(1, Заметка="я" * 5000), customer(2, Заметка="коротко")])
        campaign = house.launch(
            SMS, words={"sms.txt": "{{ company }}: {{ заметка }}"}, fields=["заметка"]
        )
        house.turn()
        assert [posted(request)["number"] for request in provider.sends] == ["79162000002"]
        assert {d.status for d in house.deliveries(campaign)} == {Status.GIVEN_UP, Status.AWAITING}


_FOLD = re.compile(r"\r?\n[ \t]")
HOSTILE = [
    "Анна\r\nBcc: thief@evil.example",
    "Анна\nBcc: thief@evil.example\n\nНовое тело",
    "Анна\u2028Bcc: thief@evil.example",
    "Анна\x0bBcc: thief@evil.example\x08\x7f\x85",
    "Анна\r\n.\r\nMAIL FROM:<thief@evil.example>",
    "\x1b[2J\x1b]0;owned\x07Анна",
    "=?utf-8?q?Anna=0D=0ABcc:_thief@evil.example?=",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_line_ends_and_control_characters_in_a_name_never_reach_a_header_or_a_log_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        PostOffice() as office,
        living(tmp_path, {EMAIL: mail_channel(office.port)}) as house,
    ):
        house.import_rows([customer(1, Имя=name), customer(2)])
        house.launch(EMAIL, words={"subject.txt": "{{ name }}, сообщение"})
        house.turn()
        assert "client2@example.com" in {letter.recipient for letter in office.letters}
        for letter in office.letters:
            head = letter.content.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
            parsed = message_from_bytes(letter.content)
            assert parsed["Bcc"] is None
            assert len(parsed.get_all("To", [])) == len(parsed.get_all("Subject", [])) == 1
            for value in parsed.values():
                decoded = str(make_header(decode_header(_FOLD.sub(" ", value))))
                assert decoded.isprintable(), decoded
            assert all(byte >= 0x20 or byte == 0x0A for byte in head)
        assert {letter.recipient for letter in office.letters} <= {
            "client1@example.com",
            "client2@example.com",
        }
    logged = capsys.readouterr()
    assert all(
        character.isprintable()
        for line in (logged.out + logged.err).split("\n")
        for character in line
    )


@pytest.mark.parametrize(
    "address",
    [
        "client1@example.com\r\nRCPT TO:<thief@evil.example>",
        "client1@example.com>\r\nBcc: thief@evil.example",
        "client1@example.com\nBcc: thief@evil.example",
        '"a\r\nb"@example.com',
        "client1@example.com\x08.evil.example",
        "<script>@example.com",
    ],
)
def test_a_hostile_address_is_told_to_the_clerk_and_nobody_else_is_written_to(
    address: str, tmp_path: Path
) -> None:
    with (
        PostOffice() as office,
        living(tmp_path, {EMAIL: mail_channel(office.port)}) as house,
    ):
        imported = house.import_rows([customer(1, **{"E-mail": address}), customer(2)])
        house.launch(EMAIL)
        house.turn()
        recipients = {letter.recipient for letter in office.letters}
        assert recipients <= {"client1@example.com", "client2@example.com"}
        assert "client2@example.com" in recipients
        assert "client1@example.com" in recipients or imported.errors
        assert b"thief" not in b"".join(letter.content for letter in office.letters)


@pytest.mark.parametrize("value", ["{{ 7 * 7 }}", "{% for x in range(10**9) %}{% endfor %}"])
def test_a_template_in_a_cell_is_text_and_never_run(value: str, tmp_path: Path) -> None:
    with (
        PostOffice() as office,
        living(tmp_path, {EMAIL: mail_channel(office.port)}) as house,
    ):
        house.import_rows([customer(1, Заметка=value)])
        house.launch(EMAIL, words={"body.txt": "[{{ заметка }}]\n"}, fields=NOTED)
        house.turn()
        (letter,) = office.letters
        parts = list(message_from_bytes(letter.content).walk())
        (plain,) = [part for part in parts if part.get_content_type() == "text/plain"]
        payload = plain.get_payload(decode=True)
        assert isinstance(payload, bytes)
        assert f"[{value}]" in payload.decode()


def test_markup_in_a_cell_stays_text_in_the_html_of_a_letter(tmp_path: Path) -> None:
    with (
        PostOffice() as office,
        living(tmp_path, {EMAIL: mail_channel(office.port)}) as house,
    ):
        house.import_rows([customer(1, Заметка="<script>alert(1)</script>")])
        house.launch(EMAIL, words={"body.html": "<p>{{ заметка }}</p>"}, fields=NOTED)
        house.turn()
        (letter,) = office.letters
        parts = list(message_from_bytes(letter.content).walk())
        (html,) = [part for part in parts if part.get_content_type() == "text/html"]
        payload = html.get_payload(decode=True)
        assert isinstance(payload, bytes)
        assert b"&lt;script&gt;" in payload
        assert b"<script>" not in payload


def test_the_header_of_these_tests_is_understood_by_the_import(tmp_path: Path) -> None:
    with living(tmp_path, {}) as house:
        imported = house.import_rows([customer(1)])
    assert imported.unmapped in {(), ("Заметка",)}
    assert set(HEADER) == set(customer(1))
