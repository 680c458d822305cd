"""The story of one customer: it says what was, in full, and why nothing was at other times."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from campaigns.channel import ChannelName
from campaigns.consent import Suppression
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from campaigns.recipient import Recipient
from dispatcher import campaigning
from dispatcher.clock import SimulatedClock
from dispatcher.engine import Engine
from dispatcher.ledger import Ledger, archive, suppressions
from dispatcher.ledger import tables as t
from dispatcher.report.words import channels, outcomes, word
from dispatcher.retention import person
from dispatcher.settings import Settings
from dispatcher.story import words
from dispatcher.story.customer import Standing, Story, heard, story_of
from dispatcher.story.paper import Paper, paper_of
from dispatcher.story.search import search
from dispatcher.story.texts import NoWords
from dispatcher.story.times import exact_local, exact_utc
from dispatcher.story.why import Why
from templates.i18n import speaking
from tests.flow.builders import EMAIL, PHONE, SMS, START, Books, address, mobile, recipient
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import DAY, MONDAY, Rehearsal, customer, patterns, scenario_text

OMSK = "Asia/Omsk"
IVAN, MARIA, LANDLORD, SECOND = "70001850005", "70001850006", "70001850007", "70001850008"
NUMBER, MARIAS, SHARED = "+79161234567", "+79161234568", "+79161234569"
MAIL = "ivan.petrov@example.com"
EVENING = datetime(2026, 12, 1, 13, 40, tzinfo=UTC)  # 19:40 in Omsk
HOUR = timedelta(hours=1)
AT_ONCE = timedelta(0)


def people() -> Sequence[Recipient]:
    ivan = recipient(IVAN, mobile(NUMBER), address(MAIL), zone=OMSK)
    return [
        replace(ivan, surname="Петров"),
        recipient(MARIA, mobile(MARIAS), zone=OMSK),
        recipient(LANDLORD, mobile(SHARED), zone=OMSK, debt_kopecks=100),
        recipient(SECOND, mobile(SHARED), zone=OMSK, debt_kopecks=200),
    ]


@pytest.fixture
def books(ledger: Ledger, tmp_path: Path) -> Books:
    """A campaign that has just begun, on two customers and a landlord with two accounts."""
    clock = SimulatedClock(START - timedelta(days=30))
    engine = Engine(
        settings=Settings(_env_file=None, data_dir=tmp_path),
        ledger=ledger,
        clock=clock,
        channels={},
        receipts_url="http://127.0.0.1:1",
        secret="for tests only",
    )
    books = Books(ledger, engine, clock)
    books.launch(people())
    return books


def id_of(books: Books, account: str) -> int:
    with books.ledger.read() as tx:
        r = t.recipients.c
        return (
            tx.execute(select(r.id).where(r.account_number == account).order_by(r.id.desc()))
            .scalars()
            .first()
            or 0
        )


def told(books: Books, account: str) -> Story:
    with books.ledger.read() as tx:
        return story_of(tx, books.engine, id_of(books, account), books.clock.now())


def standing(books: Books, account: str, channel: ChannelName) -> Standing:
    return next(one for one in told(books, account).standings if one.delivery.channel is channel)


def sentences(books: Books, one: Standing) -> list[str]:
    """As a clerk reads them."""
    assert one.outlook is not None
    with books.ledger.read() as tx:
        scenario = books.engine.scenario(tx, one.campaign.scenario_id).scenario
    policy = scenario.policy(one.delivery.channel)
    with speaking("en"):
        home = books.engine.settings.zone
        grounds = [
            words.ground(ground, one.outlook, policy, home) for ground in one.outlook.grounds
        ]
        return [words.next_time(one.outlook), *grounds]


class TestWhyNotNow:
    def test_busy_in_the_evening_is_tried_in_the_morning_because_the_window_closes(
        self, books: Books
    ) -> None:
        books.attempt(IVAN, PHONE, EVENING, Outcome.BUSY, AT_ONCE)
        head, busy, closed = sentences(books, standing(books, IVAN, PHONE))
        assert head == "Next call: Wed, 2 Dec 2026, 10:00 (Omsk, UTC+6)"
        assert "Busy at 19:40" in busy
        assert "21:40" in busy
        assert closed == "At 21:40 the window is closed: allowed from 10:00 to 21:00."

    def test_who_was_reached_is_left_alone_and_the_next_campaign_says_since_when(
        self, books: Books
    ) -> None:
        books.attempt(IVAN, PHONE, EVENING, Outcome.HEARD, AT_ONCE)
        start = EVENING + DAY
        books.launch(people(), start_at=start, end_at=start + 14 * DAY)
        one = standing(books, IVAN, PHONE)
        assert one.outlook is not None
        assert [ground.why for ground in one.outlook.grounds] == [Why.QUIET]
        quiet = one.outlook.grounds[0].quiet
        assert quiet is not None
        assert (quiet.since_at, quiet.until_at) == (EVENING, EVENING + 7 * DAY)
        assert one.outlook.next_at == EVENING + 7 * DAY

    def test_a_stop_since_the_plan_is_told_with_its_day_and_nothing_will_go(
        self, books: Books
    ) -> None:
        stop = Suppression("asked on the phone", contact_point=NUMBER, channel=SMS)
        with books.ledger.write() as tx:
            suppressions.add(tx, stop, "olga", books.clock.now())
        head, why = sentences(books, standing(books, IVAN, SMS))
        assert head == "Nothing more will be sent"
        since = "The contact is on the stop-list since Tue, 1 Dec 2026, 06:00 (Moscow, UTC+3)"
        assert why.startswith(since)
        assert "asked on the phone" in why
        call = standing(books, IVAN, PHONE).outlook
        assert call is not None
        assert call.next_at is not None

    def test_a_pause_is_told_and_no_hour_is_promised(self, books: Books) -> None:
        campaigning.pause(books.engine, books.campaign.id, "olga")
        one = standing(books, IVAN, PHONE).outlook
        assert one is not None
        assert one.next_at is None
        assert Why.PAUSED in {ground.why for ground in one.grounds}

    def test_before_ten_in_the_morning_the_window_is_not_open_yet(self, books: Books) -> None:
        head, why = sentences(books, standing(books, IVAN, PHONE))  # START is 9:00 in Omsk
        assert head.startswith("Next call: Tue, 1 Dec 2026, 10:00")
        assert why == "At 09:00 the window is closed: allowed from 10:00 to 21:00."

    def test_a_call_on_its_way_is_told_as_such(self, books: Books) -> None:
        books.attempt(IVAN, PHONE, EVENING, None)
        one = standing(books, IVAN, PHONE).outlook
        assert one is not None
        assert [ground.why for ground in one.grounds] == [Why.ON_ITS_WAY]

    def test_who_is_told_in_anothers_message_sees_when_that_goes(self, books: Books) -> None:
        one = standing(books, SECOND, PHONE)
        assert one.in_anothers
        assert one.outlook is not None
        assert one.outlook.delivery.id == books.delivery(LANDLORD, PHONE).id

    def test_asking_changes_nothing(self, books: Books) -> None:
        books.attempt(IVAN, PHONE, EVENING, Outcome.BUSY, AT_ONCE)

        def rows() -> list[object]:
            with books.ledger.read() as tx:
                return [
                    tx.execute(select(table).order_by(*table.primary_key)).all()
                    for table in t.metadata.sorted_tables
                ]

        before = rows()
        told(books, IVAN)
        assert rows() == before


class TestProof:
    def test_every_figure_is_the_ledgers_own_line_by_line(self, books: Books) -> None:
        for channel, at, outcome in (
            (EMAIL, EVENING - 3 * HOUR, Outcome.ACCEPTED),
            (SMS, EVENING - 2 * HOUR, Outcome.UNDELIVERED),
            (PHONE, EVENING, Outcome.BUSY),
        ):
            books.attempt(IVAN, channel, at, outcome)
        books.attempt(MARIA, PHONE, EVENING + timedelta(minutes=2), Outcome.HEARD)
        books.attempt(IVAN, PHONE, EVENING + 15 * HOUR, None)
        paper = proof(books, IVAN)
        with books.ledger.read() as tx:
            rows = tx.execute(
                select(t.attempts)
                .join(t.deliveries, t.deliveries.c.id == t.attempts.c.delivery_id)
                .where(t.deliveries.c.recipient_id == id_of(books, IVAN))
                .order_by(t.attempts.c.started_at)
            ).all()
        assert len(paper.lines) == len(rows) == 4
        for number, (line, row) in enumerate(zip(paper.lines, rows, strict=True), start=1):
            assert line.number == number
            assert line.campaign_id == row.campaign_id
            assert line.channel == word(channels, row.channel)
            assert line.contact_point == row.contact_point
            assert line.began_local == exact_local(row.started_at, row.zone)
            assert line.began_utc == f"{row.started_at:%d.%m.%Y %H:%M:%S} UTC"
            assert line.ended_utc == (exact_utc(row.ended_at) if row.ended_at else "")
            assert line.result == word(outcomes, row.outcome)
            assert line.is_known == (row.outcome is not None)
            assert line.is_positive == bool(row.positive)
            assert (line.provider, line.reference) == (row.provider, row.reference or "")
        assert paper.positive == 1
        assert paper.lines[-2].began_local == "01.12.2026 19:40:00 (UTC+6)"

    def test_what_was_archived_stands_in_it_as_before(self, books: Books) -> None:
        books.attempt(LANDLORD, PHONE, EVENING, Outcome.HEARD)
        books.attempt(IVAN, PHONE, EVENING + HOUR / 10, Outcome.HEARD)
        books.close()
        before = {account: proof(books, account) for account in (LANDLORD, SECOND)}
        with books.ledger.write() as tx:
            archive.keep_books(tx, books.campaign.id, {}, {}, books.clock.now())
            assert archive.move(tx, books.campaign.id, books.clock.now()) == 1
        assert {account: proof(books, account) for account in before} == before
        (said,) = told(books, LANDLORD).said
        assert said.told.is_archived

    def test_both_accounts_of_a_landlord_were_told_and_nobody_else(self, books: Books) -> None:
        books.attempt(LANDLORD, PHONE, EVENING, Outcome.HEARD)
        assert [len(told(books, one).said) for one in (LANDLORD, MARIA)] == [1, 0]
        assert not told(books, SECOND).said  # the ledger has no line that says so
        with books.ledger.write() as tx:
            attempt_id = tx.execute(select(t.attempts.c.id)).scalar_one()
            tx.execute(
                t.touches.insert().values(
                    attempt_id=attempt_id, party=f"account:{SECOND}", channel=PHONE, at=EVENING
                )
            )
        (said,) = told(books, SECOND).said
        assert not said.is_own
        assert said.words.accounts == 2

    def test_masked_it_shows_no_number(self, books: Books) -> None:
        books.attempt(IVAN, PHONE, EVENING, Outcome.HEARD)
        (line,) = proof(books, IVAN, is_masked=True).lines
        assert NUMBER not in line.contact_point

    def test_an_erased_customer_is_shown_as_erased(self, books: Books) -> None:
        books.attempt(IVAN, PHONE, EVENING, Outcome.HEARD)
        books.attempt(LANDLORD, PHONE, EVENING, Outcome.HEARD)
        recipient_id = id_of(books, IVAN)
        books.close()
        person.erase(books.engine, account=IVAN, point=None, request="17", actor="olga")
        with books.ledger.read() as tx:
            story = story_of(tx, books.engine, recipient_id, books.clock.now())
        assert story.is_erased
        assert story.points == []
        (said,) = story.said
        assert (said.told.attempt.contact_point, said.words.missing) == ("", NoWords.ERASED)


def proof(books: Books, account: str, *, is_masked: bool = False) -> Paper:
    with books.ledger.read() as tx:
        rows, said = heard(tx, books.engine, id_of(books, account))
    return paper_of(rows, said, campaign_id=None, is_masked=is_masked)


@pytest.mark.parametrize(
    "text",
    [IVAN, "7000 1850 005", NUMBER, "8 (916) 123-45-67", MAIL.upper(), "петров", "Иван Петров",
     "ПЕТРОВ И. И."],
)  # fmt: skip
def test_a_customer_is_found_by_whatever_one_has(books: Books, text: str) -> None:
    with books.ledger.read() as tx:
        found = search(tx, text)
    assert [one.row.account_number for one in found.customers] == [IVAN]


@pytest.mark.parametrize("text", ["", "  ", "Петр", "%", "_", "'; --", "Сидоров", "@", "9" * 300])
def test_nobody_is_found_by_what_fits_nobody(books: Books, text: str) -> None:
    with books.ledger.read() as tx:
        assert not search(tx, text).customers


def texts_of(rehearsal: Rehearsal) -> Mapping[str, str]:
    """What the provider has in its own list of messages, by number."""
    sandbox = rehearsal.sandbox
    listed = requests.post(
        f"http://{sandbox.smsaero_gate.lstrip('@')}sms/list",
        auth=(sandbox.smsaero_email, sandbox.smsaero_api_key),
        json={},
        timeout=10,
    ).json()["data"]
    return {f"+{one['number']}": one["text"] for key, one in listed.items() if key.isdigit()}


class TestAgainstTheWorld:
    def test_the_words_are_those_that_the_provider_got(self, rehearse: Rehearse) -> None:
        rehearsal = rehearse()
        group = [customer("1", "+79160000001"), customer("2", "+79160000002")]
        group += [customer("3", "+79160000002", debt=777)]
        rehearsal.launch(group, scenario_text("sms"))
        rehearsal.run(DAY / 24)
        sent = texts_of(rehearsal)
        for account, point in (("1", "+79160000001"), ("2", "+79160000002")):
            with rehearsal.ledger.read() as tx:
                ids = search(tx, account).customers[0].row.recipient_id
                (said,) = story_of(tx, rehearsal.engine, ids, rehearsal.clock.now()).said
            assert said.words.text == sent[point]
        with rehearsal.ledger.read() as tx:
            third = search(tx, "3").customers[0].row.recipient_id
            (said,) = story_of(tx, rehearsal.engine, third, rehearsal.clock.now()).said
        assert (said.is_own, said.words.text) == (False, sent["+79160000002"])

    def test_the_next_call_comes_when_it_was_foretold(self, rehearse: Rehearse) -> None:
        rehearsal = rehearse(patterns(phone={"+79160000001": "busy"}), start_at=MONDAY)
        rehearsal.launch([customer("1", "+79160000001")], scenario_text("phone"), days=3)
        rehearsal.run(timedelta(minutes=5))
        foretold: list[datetime] = []
        for _call in range(7):
            with rehearsal.ledger.read() as tx:
                (one,) = story_of(tx, rehearsal.engine, 1, rehearsal.clock.now()).standings
            assert one.outlook is not None
            assert one.delivery.status is Status.PENDING
            next_at = one.outlook.next_at
            assert next_at is not None
            foretold.append(next_at)
            rehearsal.run(next_at + timedelta(minutes=5))
        began = [attempt.started_at for attempt in rehearsal.attempts()]
        lag = [at - told for at, told in zip(began[1:], foretold, strict=True)]
        assert all(timedelta(0) <= late < timedelta(minutes=1) for late in lag)
