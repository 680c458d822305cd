"""What must not happen by itself in a ledger that was restored from a copy.

What was sent since the copy was made is not in it. So no campaign goes on before staff have seen
it, no SMS that waited is sent, and no number that we gave away since is given to somebody else.
Letters that wait in the outbox do go: should they have gone before, it was under the same
Message-ID.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, text, update

from campaigns.delivery import Status
from dispatcher.ledger import trail
from dispatcher.ledger.campaigns import SUBJECT as CAMPAIGN
from dispatcher.ledger.campaigns import CampaignStatus
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.outbox import IS_UNSENT
from dispatcher.ledger.replies import ReplyStatus
from dispatcher.ledger.tables import (
    attempts,
    campaigns,
    deliveries,
    inquiries,
    inquiry_numbers,
    outbox,
    processes,
    replies,
    robots,
)
from dispatcher.ledger.tables import trail as trail_table

# What the trail calls the ledger as a whole.
LEDGER = "ledger"
# The note of a campaign that was paused by a restore.
RESTORED = "restored"
# Ids stand in links, Message-IDs and receipts of what was sent since the copy. More than so many
# are not given away between two copies.
IDS_LEFT_OUT = 10_000_000
# Registration numbers that customers may have been told since.
NUMBERS_LEFT_OUT = 10_000

# One statement, in words that all versions of the schema understand: it stands in the very
# transaction that brings the rows back, so that no loop ever sees a campaign of the copy at work.
PAUSE = "UPDATE campaigns SET status = 'paused' WHERE status IN ('scheduled', 'running')"


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What was found in a copy, and held. `known_until`: the latest that the copy knows of."""

    known_until: datetime | None
    campaigns: Collection[int]
    claims: int  # deliveries that somebody had taken and not begun: they are due again
    open_attempts: int  # the loop will call them uncertain, as after a crash
    replies: int  # SMS answers to customers that waited: whether they went, staff must look
    letters: int  # that waited in the outbox: they go, or go again


def hold_back(tx: Transaction, paused: Collection[int], actor: str, now: datetime) -> HeldBack:
    """Write down that these campaigns were paused, and hold what else would go by itself."""
    known_until = max(
        filter(
            None,
            (
                tx.execute(select(func.max(one))).scalar()
                for one in (trail_table.c.at, attempts.c.started_at, inquiries.c.received_at)
            ),
        ),
        default=None,
    )
    tx.execute(update(campaigns).where(campaigns.c.id.in_(paused)).values(note=RESTORED))
    trail.note(tx, now, actor, "ledger.restore", LEDGER, paused=sorted(paused))
    for campaign_id in sorted(paused):
        subject = f"{CAMPAIGN}:{campaign_id}"
        trail.note(tx, now, actor, f"campaign.{CampaignStatus.PAUSED}", subject, reason=RESTORED)
    claims = tx.execute(
        update(deliveries)
        .where(deliveries.c.status == Status.QUEUED)
        .values(status=Status.PENDING, due_at=now, claim=None)
    ).rowcount
    tx.execute(update(deliveries).where(deliveries.c.status == Status.SENDING).values(due_at=now))
    doubted = tx.execute(
        update(replies)
        .where(replies.c.status.in_((ReplyStatus.WAITING, ReplyStatus.SENDING)))
        .values(status=ReplyStatus.UNCERTAIN, due_at=None, reason=RESTORED)
    ).rowcount
    for table in (processes, robots):  # who was at work then is not now
        tx.execute(delete(table))
    _leave_numbers_out(tx)
    return HeldBack(
        known_until=known_until,
        campaigns=paused,
        claims=claims,
        open_attempts=_count_open(tx),
        replies=doubted,
        letters=tx.execute(select(func.count()).select_from(outbox).where(IS_UNSENT)).scalar_one(),
    )


def _count_open(tx: Transaction) -> int:
    sending = select(func.count()).where(deliveries.c.status == Status.SENDING)
    return int(tx.execute(sending).scalar_one())


def _leave_numbers_out(tx: Transaction) -> None:
    tx.execute(update(inquiry_numbers).values(last=inquiry_numbers.c.last + NUMBERS_LEFT_OUT))
    if tx.dialect.name == "sqlite":
        return  # it numbers rows by the highest that is there
    for table in (campaigns, deliveries, attempts, inquiries):
        # From where the sequence stands: the rows with the highest ids may have moved elsewhere.
        sequence = f"pg_get_serial_sequence('{table.name}', 'id')"
        tx.execute(text(f"SELECT setval({sequence}, nextval({sequence}) + {IDS_LEFT_OUT})"))
