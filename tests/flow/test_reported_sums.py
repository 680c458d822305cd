"""However a report looks at the same thing, it comes to the same total; on both databases."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from campaigns.inquiry.rules import Topic
from campaigns.stop_words import Wish
from dispatcher.inquiries.totals import Period
from dispatcher.ledger import archive, erasure
from dispatcher.ledger import tables as t
from dispatcher.reporting import campaign, period
from dispatcher.reporting.campaign import CampaignCounts
from dispatcher.reporting.costs import cost_of
from dispatcher.reporting.period import PeriodCounts
from tests.flow.builders import SMS, START, Books
from tests.web.reported import PRICE_KOPECKS, answered, asked, busy_house, run

COLUMNS = ("branch", "segment", "region", "zone", "район", "debt_kopecks")
FIRST, LAST = date(2026, 11, 25), date(2026, 12, 10)
QUICK = settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def books(tmp_path: Path, ledger_url: str) -> Iterator[Books]:
    with busy_house(tmp_path, ledger_url) as (_house, books):
        yield books


def counted(books: Books) -> CampaignCounts:
    with books.ledger.read() as tx:
        return campaign.count(tx, books.campaign.id, books.clock.now(), COLUMNS)


def over(books: Books, first: date = FIRST, last: date = LAST) -> PeriodCounts:
    with books.ledger.read() as tx:
        return period.count(tx, books.engine, Period(first, last), books.clock.now())


@given(seed=st.integers(0, 10**6))
@QUICK
def test_every_way_of_breaking_a_campaign_down_adds_up_to_the_same(books: Books, seed: int) -> None:
    run(books, 25, seed)
    found = counted(books)
    report = found.report
    assert report.adds_up
    assert sum(one.attempts for one in found.carried) == report.attempts
    for c in report.channels:
        outcomes = sum(one.attempts for one in c.outcomes) + c.open_attempts
        tries = sum(one.attempts for one in c.tries)
        assert outcomes == tries == sum(c.hours.counts) == c.attempts
        for column in COLUMNS:
            of_channel = [
                one
                for figure in found.groups[column]
                for one in figure.channels
                if one.channel is c.channel
            ]
            sums = [
                sum(getattr(one, name) for one in of_channel)
                for name in ("customers", "planned", "reached", "attempts")
            ]
            assert sums == [c.recipients, c.planned, c.positive, c.attempts], column


@given(seed=st.integers(0, 10**6), split=st.integers(0, 14))
@QUICK
def test_a_period_is_the_sum_of_its_two_parts(books: Books, seed: int, split: int) -> None:
    run(books, 12, seed)
    for n in range(12):
        at = START + timedelta(hours=seed % 7 + 11 * n)
        kind = Wish.STOP if n == 4 else Wish.QUESTION
        asked(books.engine, at, list(Topic)[n % 4], branch="Тверь" * (n % 2), kind=kind)
        answered(books.engine, at + timedelta(microseconds=seed), 7.0 * n if n % 5 else None)
    day = FIRST + timedelta(days=split)
    parts = [over(books, FIRST, day), over(books, day + timedelta(days=1), LAST)]
    whole = over(books)
    assert sums_of([whole]) == sums_of(parts)
    assert whole.days == tuple(one for part in parts for one in part.days)
    assert whole.attempts == sum(one.attempts for one in whole.days)
    assert whole.attempts == sum(one.attempts for one in whole.campaigns)
    assert whole.attempts == sum(one.attempts for one in whole.carried)


def sums_of(parts: Sequence[PeriodCounts]) -> Counter[tuple[object, ...]]:
    """Whatever a period counts, by what it is."""
    sums: Counter[tuple[object, ...]] = Counter()
    for part in parts:
        for channel in part.channels:
            sums["open", channel.channel] += channel.open
            for one in channel.tries:
                sums["tries", channel.channel, one.number] += one.attempts
                sums["positives", channel.channel, one.number] += one.positives
        for share in part.campaigns:
            sums["campaign", share.id] += share.attempts
        for way in part.carried:
            sums["parts", way.provider] += way.parts
            sums["seconds", way.provider] += round(way.seconds)
        found = part.inquiries
        for topic in found.topics:
            sums["topic", topic.topic, topic.channel] += topic.now
        for complaint in found.complaints:
            sums["complaint", complaint.branch, complaint.segment] += complaint.now
        sums["stops",] += found.stops
        sums["owed",] += found.minute.owed
        sums["within",] += found.minute.within
        for name, kept in (("first", found.first_answer), ("answer", found.answer)):
            sums[name, "kept"] += kept.kept
            sums[name, "missed"] += kept.missed
            sums[name, "ahead"] += kept.ahead
    return +sums


def test_complaints_by_branch_are_as_many_as_complaints_by_topic(books: Books) -> None:
    for n in range(9):
        asked(books.engine, START, list(Topic)[n % 3], "business", "Курск" * (n % 2))
    found = over(books).inquiries
    by_topic = sum(one.now for one in found.topics if one.topic is Topic.COMPLAINT)
    assert sum(one.now for one in found.complaints) == by_topic > 0


def test_what_was_archived_and_erased_is_counted_as_before(books: Books) -> None:
    run(books, 20)
    before, whole = counted(books), over(books)
    with books.ledger.write() as tx:
        while archive.move(tx, books.campaign.id, books.clock.now(), 7):
            pass
        moved = tx.execute(select(t.archived_attempts.c.id)).all()
        people = tx.execute(select(t.recipients.c.id)).scalars().all()
        erasure.erase_people(tx, people, books.clock.now())
    assert moved
    assert counted(books).carried == before.carried
    for column in ("branch", "segment", "region", "zone"):
        assert counted(books).groups[column] == before.groups[column]
    after = over(books)
    assert (after.days, after.channels, after.campaigns, after.carried) == (
        whole.days,
        whole.channels,
        whole.campaigns,
        whole.carried,
    )


def test_days_are_those_of_the_house(books: Books) -> None:
    """22:30 in London is the next morning in Novosibirsk, where the house is."""
    run(books, 3)
    with books.ledger.write() as tx:
        late = START.replace(hour=22, minute=30)
        tx.execute(t.attempts.update().values(started_at=late, ended_at=late))
    assert {one.day for one in over(books).days} == {date(2026, 12, 2)}
    assert over(books, date(2026, 12, 1), date(2026, 12, 1)).attempts == 0


def test_an_sms_costs_its_parts_unless_the_provider_refused_it(books: Books) -> None:
    run(books, 10)
    rows = t.attempts.c
    with books.ledger.write() as tx:
        ids = tx.execute(select(rows.id).where(rows.channel == SMS)).scalars().all()
        for values, attempt_id in (({"outcome": "rejected"}, ids[0]), ({"parts": None}, ids[1])):
            tx.execute(t.attempts.update().where(rows.id == attempt_id).values(**values))
    sms = next(one for one in counted(books).carried if one.channel is SMS)
    assert (sms.attempts, sms.charged, sms.uncounted) == (len(ids), len(ids) - 1, 1)
    assert sms.parts == 2 * (len(ids) - 2)
    assert cost_of([sms], {"smsaero": PRICE_KOPECKS}) == sms.parts * PRICE_KOPECKS
