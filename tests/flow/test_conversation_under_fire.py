"""A call in progress while the ledger is slow, locked, or asked by many at once."""

import hashlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import requests
from sqlalchemy import make_url

from campaigns.outcome import Outcome
from channels.base import CallStage, Receipt
from dispatcher import conversation, receipts
from dispatcher.endpoint import Endpoint
from dispatcher.ledger import sounds
from dispatcher.sound_shelf import SoundShelf
from dispatcher.tokens import TokenFor, attempt_key, sign
from templates.call import SoundRef
from templates.sounds import Sound
from tests.flow.rehearsing import PHONE, SECRET, Rehearsal, customer, open_rehearsal
from tests.flow.talking import Talk, call, said, with_desk

PATIENCE_SECONDS = 0.3


@pytest.fixture
def either(tmp_path: Path, ledger_url: str) -> Iterator[Rehearsal]:
    """A rehearsal on either database."""
    opened = open_rehearsal(tmp_path, ledger_url)
    yield opened.rehearsal
    opened.close()


@pytest.fixture
def hasty(either: Rehearsal) -> Iterator[Rehearsal]:
    """Where a call waits for words only a moment."""
    with Endpoint("127.0.0.1", 0, patience_seconds=PATIENCE_SECONDS) as endpoint:
        endpoint.start(either.engine)
        either.engine.receipts_url = f"http://127.0.0.1:{endpoint.port}"
        yield either


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Somebody else holds what every call has to write."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        other = sqlite3.connect(parsed.database or "", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
        other.close()
        return
    plain = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        connection.execute("SELECT id FROM deliveries FOR UPDATE")
        yield
        connection.rollback()


def wait_for(rehearsal: Rehearsal, table: str, count: int) -> None:
    """What goes on behind an answer has no other sign of its end than its rows."""
    done = threading.Event()
    deadline = time.monotonic() + 30
    while rehearsal.count(table) < count and time.monotonic() < deadline:
        done.wait(0.05)
    assert rehearsal.count(table) == count


def test_a_locked_ledger_costs_the_customer_a_moment_and_the_stop_is_written_all_the_same(
    hasty: Rehearsal, ledger_url: str
) -> None:
    talk = call(hasty)
    with locked(ledger_url):
        began = time.monotonic()
        answer = talk.press("9")
        waited = time.monotonic() - began
        assert said(answer) == "Спасибо. До свидания."  # nothing is promised that is not written
        assert PATIENCE_SECONDS <= waited < 2
        assert hasty.count("suppressions") == 0
    wait_for(hasty, "suppressions", 1)
    assert hasty.outcomes() == ["key_pressed"]


def test_who_asked_for_an_operator_while_the_ledger_was_locked_is_called_back(
    hasty: Rehearsal, ledger_url: str
) -> None:
    with_desk(hasty)
    talk = call(hasty)
    before = hasty.count("receipts")
    with locked(ledger_url):
        assert talk.press("0").find("Dial") is None
    wait_for(hasty, "receipts", before + 1)
    talk.hangs_up(20)
    assert hasty.outcomes() == ["nobody_free"]


def test_who_answers_while_the_ledger_is_locked_waits_a_moment_and_then_hears_the_message(
    hasty: Rehearsal, ledger_url: str
) -> None:
    talk = call(hasty)
    before = hasty.count("receipts")
    with locked(ledger_url):
        redirect = talk.answered().find("Redirect")
        assert redirect is not None
        assert (redirect.text or "").endswith("&try=2")
    wait_for(hasty, "receipts", before + 1)
    assert "сто двадцать три рубля" in said(talk.answered(tries=2))
    talk.hangs_up(60)
    assert hasty.outcomes() == ["heard"]


def test_a_call_that_never_got_its_words_was_not_heard_however_long_it_lasted(
    hasty: Rehearsal, ledger_url: str
) -> None:
    talk = call(hasty)
    before = hasty.count("receipts")
    with locked(ledger_url):
        answers = [talk.answered(tries=tries) for tries in (1, 2, 3)]
    assert [[verb.tag for verb in answer] for answer in answers] == [
        ["Pause", "Redirect"],
        ["Pause", "Redirect"],
        ["Hangup"],
    ]
    wait_for(hasty, "receipts", before + 3)
    talk.hangs_up(60)
    assert hasty.outcomes() == ["hung_up"]


def test_a_machine_that_answers_while_the_ledger_is_locked_hears_nothing(
    hasty: Rehearsal, ledger_url: str
) -> None:
    talk = call(hasty)
    before = hasty.count("receipts")
    with locked(ledger_url):
        assert [verb.tag for verb in talk.answered("machine_start")] == ["Hangup"]
    wait_for(hasty, "receipts", before + 1)
    talk.hangs_up(60)
    assert hasty.outcomes() == ["machine"]


def test_many_who_ask_at_once_get_as_many_operators_as_there_are(either: Rehearsal) -> None:
    with_desk(either, operators=3)
    people = [customer(str(n), f"+791600000{n:02}", row=n) for n in range(2, 12)]
    call(either, people)
    talks = [Talk(either, person.account_number) for person in people]
    with ThreadPoolExecutor(len(talks)) as pool:
        answers = list(pool.map(lambda talk: talk.press("0"), talks))
    assert sum(answer.find("Dial") is not None for answer in answers) == 3
    assert sum("заняты" in said(answer) for answer in answers) == 7


def test_one_stop_told_many_times_at_once_is_written_once(either: Rehearsal) -> None:
    talk = call(either)
    questions = [talk] * 8
    with ThreadPoolExecutor(8) as pool:
        answers = {said(answer) for answer in pool.map(lambda one: one.press("9"), questions)}
    assert len(answers) == 1
    assert either.count("suppressions") == 1
    assert either.outcomes() == ["key_pressed"]


def test_the_end_and_the_key_at_the_same_instant_lose_neither(either: Rehearsal) -> None:
    """Whichever is written first, the call comes to the key."""
    people = [customer(str(n), f"+791600000{n:02}", row=n) for n in range(2, 14)]
    call(either, people)
    talks = [Talk(either, person.account_number) for person in people]
    with ThreadPoolExecutor(2 * len(talks)) as pool:
        ends = [pool.submit(talk.hangs_up, 30) for talk in talks]
        keys = [pool.submit(talk.press, "7") for talk in talks]
        for end, key in zip(ends, keys, strict=True):
            end.result()
            key.result()
    assert set(either.outcomes()) == {"key_pressed"}


def test_a_forged_question_is_403_and_leaves_nothing(rehearsal: Rehearsal) -> None:
    talk = call(rehearsal)
    one = talk.attempt
    forged = sign("another secret", TokenFor.RECEIPT, attempt_key(one.delivery_id, one.number))
    for path in (f"gather/{forged}", f"dial/{forged}", f"gather/{talk.token}"):
        url = f"{rehearsal.engine.receipts_url}/twilio/{path}?round=1"
        assert requests.post(url, data={"Digits": "9"}, timeout=10).status_code == 403
    assert rehearsal.count("suppressions") == rehearsal.count("receipts") == 0


def test_a_question_about_no_call_of_ours_is_answered_by_a_farewell(rehearsal: Rehearsal) -> None:
    call(rehearsal)
    strange = sign(SECRET, TokenFor.RECEIPT, attempt_key(4711, 1))
    receipt = Receipt(strange, None, None, stage=CallStage.KEYS, key="9", reply="<Response/>")
    assert conversation.converse(rehearsal.engine, "twilio", receipt, {}) == "<Response/>"
    assert rehearsal.count("receipts") == 1
    assert rehearsal.count("suppressions") == 0


def test_a_sign_that_the_worker_has_not_waited_for_is_worth_more_than_doubt(
    rehearsal: Rehearsal,
) -> None:
    talk = call(rehearsal)
    talk.press("2")
    lost = Receipt(talk.token, None, Outcome.UNCERTAIN)
    receipts.take(rehearsal.engine, PHONE, "twilio", lost, {})
    assert rehearsal.outcomes() == ["key_pressed"]


class TestSounds:
    CONTENT = b"RIFF" + b"\x00" * 40

    def stored(self, rehearsal: Rehearsal, content: bytes = CONTENT) -> str:
        digest = hashlib.sha256(content).hexdigest()
        with rehearsal.ledger.write() as tx:
            sounds.store(
                tx, [Sound("a.wav", SoundRef(digest, 1.0), content)], rehearsal.clock.now()
            )
        return digest

    def test_a_stored_sound_is_handed_out_for_ever(self, rehearsal: Rehearsal) -> None:
        url = f"{rehearsal.engine.receipts_url}/sound/{self.stored(rehearsal)}.wav"
        for _time in range(2):
            answer = requests.get(url, timeout=10)
            assert (answer.status_code, answer.content) == (200, self.CONTENT)
            assert answer.headers["content-type"] == "audio/wav"
            assert "immutable" in answer.headers["cache-control"]

    @pytest.mark.parametrize(
        "name", ["0" * 64, "0" * 63, "A" * 64, "..%2f..%2fsecret", "%00", "' OR 1=1 --"]
    )
    def test_what_is_no_sound_of_ours_is_not_found(self, rehearsal: Rehearsal, name: str) -> None:
        url = f"{rehearsal.engine.receipts_url}/sound/{name}.wav"
        assert requests.get(url, timeout=10).status_code == 404

    def test_the_shelf_keeps_what_was_asked_for_last_and_no_more_than_it_has_room_for(
        self, rehearsal: Rehearsal
    ) -> None:
        first, second, third = (self.stored(rehearsal, bytes([n]) * 40) for n in range(3))
        shelf = SoundShelf(rehearsal.ledger, room_bytes=100)
        for digest in (first, second, first, third):
            assert shelf.at_hand(digest) or shelf.fetch(digest)
        assert shelf.at_hand(second) is None
        assert shelf.at_hand(first)
        assert shelf.at_hand(third)
