"""Which message of ours a customer answers: nobody but the ledger can tell, and not for certain."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_, select

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from campaigns.permission import point_party
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import attempts, deliveries, recipients, touches

# What the provider itself says did not arrive is not what the customer answers.
_DID_NOT_ARRIVE = (
    Outcome.UNDELIVERED,
    Outcome.BAD_ADDRESS,
    Outcome.REJECTED,
    Outcome.FAILED,
    Outcome.NOT_TAKEN,
)


@dataclass(frozen=True, slots=True)
class Answered:
    """The message of ours that a customer answers, as far as we can tell.

    `attempt_id` None: nobody knows whether it went; the account is whose number it was meant for.
    """

    attempt_id: int | None
    account_number: str
    language: str


def answered_by(
    tx: Transaction,
    channel: ChannelName,
    contact_point: str,
    since_at: datetime,
    provider: str | None = None,
    *,
    in_doubt: bool = False,
) -> Answered | None:
    """The last message to this contact point that may have arrived, of one provider or of any.

    One that is just being handed over is no message yet; nor is one, unless `in_doubt`, of which
    nobody knows whether the provider took it: the customer answers what went before.
    """
    a = attempts.c
    known_taken = or_(
        a.handed_at.is_not(None),
        a.reference.is_not(None),
        and_(a.ended_at.is_not(None), a.outcome != Outcome.UNCERTAIN),
    )
    known = known_taken.label("known")
    query = (
        select(a.id, known, recipients.c.account_number, recipients.c.language)
        .select_from(touches)
        .join(attempts, a.id == touches.c.attempt_id)
        .join(deliveries, deliveries.c.id == a.delivery_id)
        .join(recipients, recipients.c.id == deliveries.c.recipient_id)
        .where(
            touches.c.party == point_party(contact_point),
            touches.c.channel == channel,
            touches.c.at >= since_at,
            a.contact_point == contact_point,
            or_(known_taken, a.ended_at.is_not(None)) if in_doubt else known_taken,
            or_(a.outcome.is_(None), a.outcome.not_in(_DID_NOT_ARRIVE)),
        )
        .order_by(known.desc(), a.started_at.desc(), a.id.desc())
        .limit(1)
    )
    if provider is not None:
        query = query.where(a.provider == provider)
    row = tx.execute(query).first()
    if row is None:
        return None
    return Answered(row.id if row.known else None, row.account_number, row.language)
