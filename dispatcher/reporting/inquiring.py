"""Inquiries of a period: by topic and channel, complaints by segment and branch against the period
before (`002`), and whether the standard's deadlines were kept (`004`)."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

from campaigns.inquiry.rules import Topic
from campaigns.inquiry.status import InquiryChannel
from dispatcher.inquiries import export
from dispatcher.inquiries.export import Span
from dispatcher.inquiries.totals import Period
from dispatcher.ledger import Transaction, inquiry_lists, periods
from dispatcher.ledger.inquiry_lists import ALL, Tally, Wanted

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class TopicCount:
    topic: Topic
    channel: InquiryChannel
    now: int
    before: int


@dataclass(frozen=True, slots=True)
class ComplaintCount:
    """Complaints of one branch and segment; empty where nobody knows them."""

    branch: str
    segment: str
    now: int
    before: int


@dataclass(frozen=True, slots=True)
class Kept:
    """Deadlines of a kind: kept, missed, and those of which nobody can tell yet."""

    kept: int
    missed: int
    ahead: int


@dataclass(frozen=True, slots=True)
class Minute:
    """Letters that were owed an answer by themselves. `sent` are all that got one."""

    owed: int
    within: int
    sent: int
    median_seconds: float | None


@dataclass(frozen=True, slots=True)
class InquiryFigures:
    """Stops that were obeyed are no inquiries to anybody, and counted apart."""

    topics: tuple[TopicCount, ...]
    complaints: tuple[ComplaintCount, ...]
    stops: int
    stops_before: int
    first_answer: Kept
    answer: Kept
    minute: Minute

    @property
    def all(self) -> int:
        return sum(one.now for one in self.topics)

    @property
    def all_before(self) -> int:
        return sum(one.before for one in self.topics)


def count(tx: Transaction, period: Period, zone: str, today: date) -> InquiryFigures:
    """What came in a period of days in that zone, and in the one before it."""
    now = period.instants(zone)
    found, former = (
        inquiry_lists.tallies(tx, *instants) for instants in (now, period.before().instants(zone))
    )
    topics, topics_before = (_by_topic(one) for one in (found, former))
    complaints, complaints_before = (
        {(one.branch, one.segment): one.inquiries for one in inquiry_lists.complaints(tx, *within)}
        for within in (now, period.before().instants(zone))
    )
    return InquiryFigures(
        topics=tuple(
            TopicCount(topic, channel, topics[topic, channel], topics_before[topic, channel])
            for topic, channel in sorted({*topics, *topics_before})
        ),
        complaints=tuple(
            ComplaintCount(*key, complaints.get(key, 0), complaints_before.get(key, 0))
            for key in sorted({*complaints, *complaints_before})
        ),
        stops=_stops(found),
        stops_before=_stops(former),
        **_deadlines(tx, now, Span(zone, today)),
        minute=_minute(periods.answers(tx, *now)),
    )


def _by_topic(found: Sequence[Tally]) -> Counter[tuple[Topic, InquiryChannel]]:
    counts: Counter[tuple[Topic, InquiryChannel]] = Counter()
    for one in found:
        if not one.is_stop:
            counts[one.topic, one.channel] += one.inquiries
    return counts


def _stops(found: Sequence[Tally]) -> int:
    return sum(one.inquiries for one in found if one.is_stop)


def _deadlines(tx: Transaction, within: tuple[datetime, datetime], span: Span) -> dict[str, Kept]:
    """By the same rule as the register's own list tells of each."""
    wanted = Wanted(statuses=ALL, since_at=within[0], before_at=within[1])
    counts: Counter[tuple[str, object]] = Counter()
    for line in export.lines(tx, wanted, span, full=False):
        for name, owed in (("respond_kept", "respond_on"), ("answer_kept", "answer_on")):
            if line[owed] is not None:
                counts[name, line[name]] += 1
    return {
        field: Kept(*(counts[name, kept] for kept in (True, False, None)))
        for field, name in (("first_answer", "respond_kept"), ("answer", "answer_kept"))
    }


def _minute(answers: Iterable[tuple[datetime, datetime | None]]) -> Minute:
    owed, lengths = 0, []
    for asked_at, sent_at in answers:
        owed += 1
        if sent_at is not None:
            lengths.append(sent_at - asked_at)
    return Minute(
        owed=owed,
        within=sum(length <= MINUTE for length in lengths),
        sent=len(lengths),
        median_seconds=median(one.total_seconds() for one in lengths) if lengths else None,
    )


def summed(
    rows: Iterable[ComplaintCount], key: Callable[[ComplaintCount], str]
) -> Sequence[tuple[str, int, int]]:
    """(what `key` tells, now, before), the most frequent first."""
    sums: dict[str, list[int]] = {}
    for one in rows:
        known = sums.setdefault(key(one), [0, 0])
        known[0] += one.now
        known[1] += one.before
    ordered = sorted(sums.items(), key=lambda item: (-item[1][0], item[0]))
    return [(name, now, before) for name, (now, before) in ordered]
