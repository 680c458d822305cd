"""An account that stands where people put it once for all letters: in the signature."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from channels.mailbox.reading import read_letter
from dispatcher.engine import Engine
from dispatcher.inquiries.house import house_of
from dispatcher.mailrobot.deciding import decide
from dispatcher.wiring import make_engine
from tests.flow.rehearsing import settings_for

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SIGNATURE = "С уважением,\nАнна Петрова\nл/с 70001850005"


@pytest.fixture
def engine(sqlite_url: str, tmp_path: Path) -> Iterator[Engine]:
    made = make_engine(settings_for(tmp_path, sqlite_url))
    yield made
    made.ledger.close()


def account_in(engine: Engine, body: str) -> str | None:
    raw = (
        "From: Anna <anna@example.com>\r\nMessage-ID: <1@example.com>\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n\r\n" + body
    ).encode()
    with engine.ledger.read() as tx:
        decided = decide(tx, engine, house_of(engine), read_letter(raw), raw, NOW)
    return decided.sorted.account_number


def test_an_account_in_the_signature_is_the_senders(engine: Engine) -> None:
    assert account_in(engine, f"Когда включат свет?\n\n{SIGNATURE}\n") == "70001850005"


def test_an_account_in_the_words_goes_before_one_in_the_signature(engine: Engine) -> None:
    body = f"Вопрос по лицевому счёту 70001850006: откуда долг?\n\n{SIGNATURE}\n"
    assert account_in(engine, body) == "70001850006"


def test_a_number_in_the_signature_that_nothing_calls_an_account_is_none(engine: Engine) -> None:
    body = "Когда включат свет?\n\n--\nАнна Петрова\n84951234567\n70001850005\n"
    assert account_in(engine, body) is None
