"""The envelope of a campaign's letter: where its bounces go, and unsubscribing by a letter."""

import email
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from campaigns.channel import ChannelName
from campaigns.scenario_file import library_path, read_scenario
from channels.base import HandoverKind, MailMessage
from channels.email.smtp import SmtpChannel
from channels.mailbox.account import MailboxAccount
from dispatcher.compose import compose
from dispatcher.ledger import scenarios
from dispatcher.settings import Settings
from dispatcher.tokens import TokenFor, attempt_key, verify
from tests.channels.servers import ScriptedSmtp
from tests.channels.twins import deliver
from tests.flow.builders import START, Books, address, open_books, recipient

KEY = attempt_key(17, 2)
BOX = MailboxAccount(name="info", host="imap.example.com")
FIELDS = {"offer": "Новый счётчик", "offer_details": "Установим за день."}


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    opened = open_books(tmp_path)
    yield opened
    opened.ledger.close()


def composed(books: Books, *, scenario: str = "service-offer", **settings: Any) -> MailMessage:
    """The letter of the second attempt of delivery 17, under these settings."""
    values: dict[str, Any] = {"mail_from": "info@example.ru", **settings}
    folder = books.engine.settings.data_dir
    engine = replace(books.engine, settings=Settings(_env_file=None, data_dir=folder, **values))
    with books.ledger.write() as tx:
        stored = scenarios.add(tx, read_scenario(library_path(scenario)), "test", START)
    customer = replace(
        recipient("401234567890", address("anna@example.com")),
        fields={"debt_kopecks": 12_345, **FIELDS},
    )
    message = compose(
        engine,
        stored,
        ChannelName.EMAIL,
        [customer],
        contact_point="anna@example.com",
        delivery_id=17,
        number=2,
        now=START,
    )
    assert isinstance(message, MailMessage)
    return message


def headers(message: MailMessage) -> EmailMessage:
    return email.message_from_bytes(message.content, policy=default)


def test_bounces_come_back_under_the_token_of_their_attempt(books: Books) -> None:
    message = composed(books, mail_bounces_to="bounces@mail.example.ru")
    local, _at, domain = message.sender.rpartition("@")
    name, _plus, token = local.partition("+")
    assert (name, domain) == ("bounces", "mail.example.ru")
    assert verify(books.engine.secret, TokenFor.BOUNCE, token) == KEY
    assert "info@example.ru" in headers(message)["From"]


def test_the_mail_server_hears_the_sender_for_bounces(books: Books) -> None:
    message = composed(books, mail_bounces_to="bounces@mail.example.ru")
    with ScriptedSmtp({}) as server:
        [handover] = deliver(SmtpChannel("127.0.0.1", server.port, tls="none"), message)
    assert handover.kind is HandoverKind.ACCEPTED
    assert f"MAIL FROM:<{message.sender}>" in server.commands


def test_without_an_address_for_bounces_they_come_to_the_sender(books: Books) -> None:
    assert composed(books).sender == "info@example.ru"


@pytest.mark.parametrize(("length", "is_marked"), [(38, True), (39, False)])
def test_a_local_part_never_grows_beyond_what_servers_take(
    books: Books, length: int, is_marked: bool
) -> None:
    bounces_to = "b" * length + "@example.ru"
    sender = composed(books, mail_bounces_to=bounces_to).sender
    assert len(sender.rpartition("@")[0]) <= 64
    assert (sender != bounces_to) is is_marked


@pytest.mark.parametrize("intake", [{"mailboxes": (BOX,)}, {"lmtp_port": 8024}])
def test_a_marketing_letter_can_be_unsubscribed_from_by_a_letter(
    books: Books, intake: dict[str, Any]
) -> None:
    message = headers(composed(books, mail_reply_to="answer@example.ru", **intake))
    click, by_mail = message["List-Unsubscribe"].split(", ")
    assert click.startswith("<http")
    link = urlsplit(by_mail.strip("<>"))
    assert (link.scheme, unquote(link.path)) == ("mailto", "answer@example.ru")
    [subject] = parse_qs(link.query)["subject"]
    word, token = subject.split(" ")
    assert word == "unsubscribe"
    assert verify(books.engine.secret, TokenFor.UNSUBSCRIBE, token) == KEY
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_unsubscribing_by_a_letter_goes_to_the_sender_where_answers_do(books: Books) -> None:
    message = headers(composed(books, mailboxes=(BOX,)))
    assert "<mailto:info@example.ru?subject=unsubscribe%20" in message["List-Unsubscribe"]


def test_where_nobody_reads_letters_none_is_asked_for(books: Books) -> None:
    assert "mailto:" not in headers(composed(books))["List-Unsubscribe"]


def test_a_service_letter_offers_no_unsubscribing_at_all(books: Books) -> None:
    assert "List-Unsubscribe" not in headers(
        composed(books, scenario="debt-reminder", mailboxes=(BOX,))
    )


def test_a_cyrillic_domain_of_ours_makes_a_message_id_that_can_travel(books: Books) -> None:
    message = composed(books, mail_from="info@почта.рф")
    assert message.message_id.endswith("@xn--80a1acny.xn--p1ai>")
    assert verify(books.engine.secret, TokenFor.MESSAGE_ID, message.message_id[1:].split("@")[0])


def test_the_same_attempt_is_the_same_letter_in_the_same_envelope(books: Books) -> None:
    settings: dict[str, Any] = {"mail_bounces_to": "bounces@example.ru", "mailboxes": (BOX,)}
    assert composed(books, **settings) == composed(books, **settings)
