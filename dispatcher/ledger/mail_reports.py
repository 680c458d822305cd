"""What mail systems reported of letters of ours: kept as it came, and counted by address."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update

from campaigns.channel import ChannelName
from campaigns.inquiry.bounce_rules import Effect
from campaigns.inquiry.report import ReportKind
from campaigns.outcome import Outcome
from campaigns.permission import point_party
from dispatcher.ledger import erasure
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.receipts import storable
from dispatcher.ledger.tables import attempts, mail_reports, outbox, touches

LONGEST_ADDRESS = 320
LONGEST_STATUS = 12
# What a report that came again, or too late, did not do.
_COUNTS = (Effect.RECORDED, Effect.SUPPRESSED)


def keep(
    tx: Transaction,
    *,
    letter_id: int | None,
    attempt_id: int | None,
    address: str,
    kind: ReportKind,
    status: str,
    effect: Effect,
    now: datetime,
) -> None:
    """Write a report down. `address` is the one we wrote to, where we know it, whatever it says."""
    tx.execute(
        insert(mail_reports).values(
            letter_id=letter_id,
            attempt_id=attempt_id,
            address=point_party(storable(address)[:LONGEST_ADDRESS]),
            kind=kind,
            status=storable(status)[:LONGEST_STATUS],
            at=now,
            effect=effect,
        )
    )
    if attempt_id is not None:
        erasure.erase_late(tx, attempt_id)


def has_counted(tx: Transaction, address: str, attempt_id: int, kind: ReportKind) -> bool:
    """Whether such a report had its effect on this attempt before."""
    same = select(mail_reports.c.id).where(
        mail_reports.c.address == point_party(address),
        mail_reports.c.attempt_id == attempt_id,
        mail_reports.c.kind == kind,
        mail_reports.c.effect.in_(_COUNTS),
    )
    return tx.execute(same.limit(1)).first() is not None


def soft_since(tx: Transaction, address: str, since_at: datetime) -> Sequence[datetime]:
    """When letters to this address came back without its being dead, each once."""
    rows = tx.execute(
        select(mail_reports.c.at)
        .where(
            mail_reports.c.address == point_party(address),
            mail_reports.c.at > since_at,
            mail_reports.c.kind == ReportKind.SOFT,
            mail_reports.c.effect.in_(_COUNTS),
        )
        .order_by(mail_reports.c.at)
    )
    return rows.scalars().all()


def last_sign(tx: Transaction, address: str, signs: Collection[Outcome]) -> datetime | None:
    """When a letter to this address last had one of these outcomes."""
    at: datetime | None = tx.execute(
        select(func.max(attempts.c.ended_at))
        .select_from(touches)
        .join(attempts, attempts.c.id == touches.c.attempt_id)
        .where(
            touches.c.party == point_party(address),
            touches.c.channel == ChannelName.EMAIL,
            attempts.c.outcome.in_(list(signs)),
        )
    ).scalar_one()
    return at


@dataclass(frozen=True, slots=True)
class Sent:
    """A letter of the outbox."""

    id: int
    kind: str
    inquiry_id: int | None
    recipient: str


def letter_named(tx: Transaction, inquiry_id: int | None, message_id: str) -> Sent | None:
    """The letter about an inquiry (None: about none) with this Message-ID. Mail systems may spell
    its domain in their own way."""
    o = outbox.c
    row = tx.execute(
        select(o.id, o.kind, o.inquiry_id, o.recipient).where(
            o.inquiry_id == inquiry_id,  # None: is null
            o.message_id.startswith(message_id.partition("@")[0] + "@", autoescape=True),
        )
    ).first()
    return Sent(*row) if row else None


def note_on_letter(tx: Transaction, sent: Sent, reason: str) -> None:
    """What became of a letter that a server had taken; it was sent all the same."""
    tx.execute(update(outbox).where(outbox.c.id == sent.id).values(reason=reason))
