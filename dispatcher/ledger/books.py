"""The books as an auditor reads them: what stands in the rows, without the engine's own words.

Everything streams. Queries that look for contradictions return only the contradicting rows.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, union

from campaigns.channel import ChannelName, Purpose
from campaigns.delivery import ENDED, Status
from campaigns.outcome import Outcome
from campaigns.permission import ACCOUNT
from campaigns.recipient import Consent
from dispatcher.ledger import groups
from dispatcher.ledger.audiences import read_consent
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import (
    attempts,
    deliveries,
    receipts,
    recipients,
    suppressions,
    touches,
)

CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """An attempt with what it must be judged by. `learned_at`: when its last receipt came."""

    attempt_id: int
    delivery_id: int
    number: int
    channel: ChannelName
    contact_point: str
    zone: str
    started_at: datetime
    ended_at: datetime | None
    outcome: Outcome | None
    positive: bool | None
    learned_at: datetime | None
    account_number: str
    own_zone: str | None
    consents: tuple[Consent, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """A line of the stop-list with the stretch of time in which it was in force."""

    party: str
    channel: ChannelName | None
    purpose: Purpose | None
    since_at: datetime
    ended_at: datetime | None  # it ran out, or was taken off the list


@dataclass(frozen=True, slots=True)
class Oddity:
    """A delivery whose row contradicts others. `detail` depends on the question."""

    account_number: str
    channel: str
    status: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """A delivery's own count of attempts beside the attempts themselves."""

    account_number: str
    channel: str
    status: str
    counted: int
    found: int
    first: int
    last: int
    open: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """An attempt after a positive one to the same customer or contact point on the channel."""

    account_number: str
    contact_point: str
    number: int
    started_at: datetime
    reached_at: datetime
    learned_at: datetime | None


def _learned_at() -> ColumnElement[datetime]:
    """When a provider last changed what is known of an attempt."""
    return (
        select(func.max(receipts.c.received_at))
        .where(receipts.c.attempt_id == attempts.c.id, receipts.c.effect == "recorded")
        .correlate(attempts)
        .scalar_subquery()
    )


def entries(tx: Transaction, campaign_id: int) -> Iterator[Entry]:
    """Every attempt of a campaign, those of one delivery one after another in their order."""
    a, r = attempts.c, recipients.c
    rows = tx.execute(
        select(
            a.id,
            a.delivery_id,
            a.number,
            a.channel,
            a.contact_point,
            a.zone,
            a.started_at,
            a.ended_at,
            a.outcome,
            a.positive,
            _learned_at().label("learned_at"),
            r.account_number,
            r.zone.label("own_zone"),
            r.consents,
        )
        .select_from(attempts)
        .join(deliveries, deliveries.c.id == a.delivery_id)
        .join(recipients, r.id == deliveries.c.recipient_id)
        .where(a.campaign_id == campaign_id)
        .order_by(a.delivery_id, a.number)
        .execution_options(yield_per=CHUNK)
    )
    for row in rows:
        yield Entry(
            attempt_id=row.id,
            delivery_id=row.delivery_id,
            number=row.number,
            channel=ChannelName(row.channel),
            contact_point=row.contact_point,
            zone=row.zone,
            started_at=row.started_at,
            ended_at=row.ended_at,
            outcome=Outcome(row.outcome) if row.outcome else None,
            positive=row.positive,
            learned_at=row.learned_at,
            account_number=row.account_number,
            own_zone=row.own_zone,
            consents=tuple(read_consent(consent) for consent in row.consents),
        )


def parties_told(tx: Transaction, attempt_ids: Collection[int]) -> Mapping[int, frozenset[str]]:
    """The parties the engine noted as contacted by these attempts, joined accounts included."""
    told: defaultdict[int, set[str]] = defaultdict(set)
    rows = tx.execute(
        select(touches.c.attempt_id, touches.c.party).where(
            touches.c.attempt_id.in_(list(attempt_ids))
        )
    )
    for attempt_id, party in rows:
        told[attempt_id].add(party)
    return {attempt_id: frozenset(parties) for attempt_id, parties in told.items()}


def stops(tx: Transaction, parties: Collection[str]) -> Mapping[str, Sequence[Stop]]:
    """Every line of the stop-list that ever named these parties."""
    found: defaultdict[str, list[Stop]] = defaultdict(list)
    wanted = sorted(parties)
    rows = (
        row
        for start in range(0, len(wanted), CHUNK)
        for row in tx.execute(
            select(suppressions).where(suppressions.c.party.in_(wanted[start : start + CHUNK]))
        )
    )
    for row in rows:
        ends = [at for at in (row.until_at, row.removed_at) if at is not None]
        found[row.party].append(
            Stop(
                row.party,
                ChannelName(row.channel) if row.channel else None,
                Purpose(row.purpose) if row.purpose else None,
                row.since_at,
                min(ends, default=None),
            )
        )
    return found


def repeats(
    tx: Transaction, campaign: Campaign, channel: ChannelName, quiet: timedelta
) -> Iterator[Repeat]:
    """Attempts of the campaign with an earlier positive one, in any campaign, to the same party.

    A party is the contact point, the account, or an account that was told in the same message.
    Only positives that are recent enough to matter are looked at.
    """
    mine = _told(channel, attempts.c.campaign_id == campaign.id).cte("mine")
    reached = _told(
        channel,
        attempts.c.positive.is_(True),
        attempts.c.ended_at > campaign.start_at - quiet,
    ).cte("reached")
    later, earlier = attempts.alias("later"), attempts
    pairs = (
        select(mine.c.id.label("later_id"), reached.c.id.label("earlier_id"))
        .join(reached, and_(reached.c.party == mine.c.party, reached.c.id != mine.c.id))
        .distinct()
        .subquery()
    )
    rows = tx.execute(
        select(
            recipients.c.account_number,
            later.c.contact_point,
            later.c.number,
            later.c.started_at,
            earlier.c.ended_at,
            _learned_at(),
        )
        .select_from(pairs)
        .join(later, later.c.id == pairs.c.later_id)
        .join(earlier, earlier.c.id == pairs.c.earlier_id)
        .join(deliveries, deliveries.c.id == later.c.delivery_id)
        .join(recipients, recipients.c.id == deliveries.c.recipient_id)
        .where(earlier.c.ended_at <= later.c.started_at)
        .order_by(later.c.id, earlier.c.ended_at.desc())
        .execution_options(yield_per=CHUNK)
    )
    for row in rows:
        yield Repeat(*row)


def _told(channel: ChannelName, *which: ColumnElement[bool]) -> Select[tuple[int, str]]:
    """Attempts by every party they told: from the rows themselves, and from the engine's notes."""
    a = attempts.c
    where = and_(a.channel == channel, *which)
    by_point = select(a.id.label("id"), func.lower(a.contact_point).label("party")).where(where)
    by_account = (
        select(a.id, (literal(ACCOUNT) + func.lower(recipients.c.account_number)).label("party"))
        .join(deliveries, deliveries.c.id == a.delivery_id)
        .join(recipients, recipients.c.id == deliveries.c.recipient_id)
        .where(where)
    )
    by_note = select(a.id, touches.c.party).join(touches, touches.c.attempt_id == a.id).where(where)
    parties = union(by_point, by_account, by_note).subquery()
    return select(parties.c.id, parties.c.party)


def planned(tx: Transaction, campaign: Campaign) -> tuple[int, int]:
    """(recipients of the audience, deliveries and skips of the campaign)."""
    return (
        tx.execute(
            select(func.count()).where(recipients.c.audience_id == campaign.audience_id)
        ).scalar_one(),
        tx.execute(
            select(func.count()).where(deliveries.c.campaign_id == campaign.id)
        ).scalar_one(),
    )


def missing(tx: Transaction, campaign: Campaign, channel: ChannelName) -> Iterator[Oddity]:
    """Recipients without a delivery or a skip on the channel."""
    rows = tx.execute(
        select(recipients.c.account_number)
        .outerjoin(
            deliveries,
            and_(
                deliveries.c.recipient_id == recipients.c.id,
                deliveries.c.campaign_id == campaign.id,
                deliveries.c.channel == channel,
            ),
        )
        .where(recipients.c.audience_id == campaign.audience_id, deliveries.c.id.is_(None))
        .order_by(recipients.c.id)
        .execution_options(yield_per=CHUNK)
    )
    for account in rows.scalars():
        yield Oddity(account, channel.value, "")


def strangers(
    tx: Transaction, campaign: Campaign, channels: Collection[ChannelName]
) -> Iterator[Oddity]:
    """Deliveries to who is not of the audience, or on a channel the scenario does not have."""
    yield from _oddities(
        tx,
        campaign.id,
        or_(
            recipients.c.audience_id != campaign.audience_id,
            deliveries.c.channel.not_in([channel.value for channel in channels]),
        ),
    )


def miscounted(tx: Transaction, campaign_id: int) -> Iterator[Counted]:
    """Deliveries whose attempts are not 1, 2, … n with n as the delivery says, or open twice."""
    d, a = deliveries.c, attempts.c
    found, first, last = func.count(a.id), func.min(a.number), func.max(a.number)
    open_now = func.sum(case((and_(a.id.is_not(None), a.ended_at.is_(None)), 1), else_=0))
    in_flight = d.status.in_((Status.SENDING, Status.AWAITING))
    rows = tx.execute(
        select(
            recipients.c.account_number,
            d.channel,
            d.status,
            d.attempts,
            found,
            func.coalesce(first, 0),
            func.coalesce(last, 0),
            open_now,
        )
        .select_from(deliveries)
        .join(recipients, recipients.c.id == d.recipient_id)
        .outerjoin(attempts, a.delivery_id == d.id)
        .where(d.campaign_id == campaign_id)
        .group_by(d.id, recipients.c.account_number, d.channel, d.status, d.attempts)
        .having(
            or_(
                found != d.attempts,
                func.coalesce(first, 1) != 1,
                func.coalesce(last, 0) != found,
                open_now > 1,
                and_(open_now > 0, ~in_flight),
                and_(open_now == 0, in_flight),
            )
        )
        .order_by(d.id)
        .execution_options(yield_per=CHUNK)
    )
    for row in rows:
        yield Counted(*row)


def positive_without_attempt(tx: Transaction, campaign_id: int) -> Iterator[Oddity]:
    yield from _oddities(
        tx, campaign_id, and_(deliveries.c.status == Status.POSITIVE, ~_has_positive())
    )


def attempt_without_positive(
    tx: Transaction, campaign_id: int, allowed: Collection[Status]
) -> Iterator[Oddity]:
    """Deliveries with a positive attempt whose status is none of those that may have one."""
    yield from _oddities(
        tx, campaign_id, and_(deliveries.c.status.not_in(sorted(allowed)), _has_positive())
    )


def skipped_with_attempts(tx: Transaction, campaign_id: int) -> Iterator[Oddity]:
    tried = select(attempts.c.id).where(attempts.c.delivery_id == deliveries.c.id).exists()
    yield from _oddities(tx, campaign_id, and_(deliveries.c.status == Status.SKIPPED, tried))


def left_open(tx: Transaction, campaign_id: int, allowed: Collection[Status]) -> Iterator[Oddity]:
    """Deliveries that have not ended, apart from the statuses allowed; `end_as` is their detail."""
    fine = [status.value for status in (*ENDED, *allowed)]
    yield from _oddities(tx, campaign_id, deliveries.c.status.not_in(fine))


def led_nowhere(tx: Transaction, campaign_id: int) -> Iterator[Oddity]:
    """Joined recipients without a lead that has a delivery of its own on the channel."""
    d, lead = deliveries.c, deliveries.alias("lead")
    leads = (
        select(lead.c.id)
        .where(
            lead.c.campaign_id == d.campaign_id,
            lead.c.channel == d.channel,
            lead.c.recipient_id == d.lead_id,
            lead.c.recipient_id != d.recipient_id,
            ~and_(lead.c.status == Status.SKIPPED, lead.c.reason.in_(groups.JOINED)),
        )
        .exists()
    )
    yield from _oddities(
        tx, campaign_id, and_(d.status == Status.SKIPPED, d.reason.in_(groups.JOINED), ~leads)
    )


def _has_positive() -> ColumnElement[bool]:
    return (
        select(attempts.c.id)
        .where(attempts.c.delivery_id == deliveries.c.id, attempts.c.positive.is_(True))
        .exists()
    )


def _oddities(tx: Transaction, campaign_id: int, where: ColumnElement[bool]) -> Iterator[Oddity]:
    d = deliveries.c
    rows = tx.execute(
        select(recipients.c.account_number, d.channel, d.status, func.coalesce(d.end_as, d.reason))
        .select_from(deliveries)
        .join(recipients, recipients.c.id == d.recipient_id)
        .where(d.campaign_id == campaign_id, where)
        .order_by(d.id)
        .execution_options(yield_per=CHUNK)
    )
    for row in rows:
        yield Oddity(*row)
