"""Webhooks: whom we tell what happens, and what is to be told; how it is told: `webhook_posts`.

What is told is a row, written in the transaction of what it tells of: an event is never lost, and
never told of something that was rolled back. Where nobody wants to hear, that costs one look into a
table of a few rows. Bodies name things by their ids alone: who hears asks for the rest with a key.
"""

import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import Row, and_, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from campaigns.delivery import OPEN, Status
from dispatcher.errors import NotFound
from dispatcher.ledger import bulk
from dispatcher.ledger.api_tables import standing_campaigns, webhook_former_secrets
from dispatcher.ledger.connection import Transaction, at_last
from dispatcher.ledger.staff_tables import webhook_posts, webhooks
from dispatcher.ledger.tables import campaigns, deliveries, recipients
from templates.i18n import _


class Event(StrEnum):
    MESSAGE_FINISHED = "message.finished"
    CAMPAIGN_STARTED = "campaign.started"
    CAMPAIGN_FINISHED = "campaign.finished"
    CAMPAIGN_PAUSED = "campaign.paused"
    RECIPIENT_STOPPED = "recipient.stopped"


# Open, and certain to end by itself.
_AT_WORK = OPEN - {Status.UNCERTAIN}

# Sent by the button that tries a webhook, wanted or not.
TEST = "webhook.test"


@dataclass(frozen=True, slots=True)
class Webhook:
    id: int
    url: str
    secret: str
    events: tuple[str, ...]
    made_at: datetime
    made_by: str
    ended_at: datetime | None
    former_secret: str | None = None


# --- what happens ----------------------------------------------------------------------------


def wanting(tx: Transaction, kind: str) -> Sequence[int]:
    """The webhooks that want to hear of such events."""
    rows = tx.execute(select(webhooks.c.id, webhooks.c.events).where(webhooks.c.ended_at.is_(None)))
    return [row.id for row in rows if kind in row.events]


def tell(tx: Transaction, kind: str, facts: Iterable[Mapping[str, Any]], now: datetime) -> None:
    """Events of one kind, for whoever wants to hear of it. No personal data in `facts`."""
    _put(tx, wanting(tx, kind), kind, facts, now)


def tell_one(
    tx: Transaction, webhook_id: int, kind: str, facts: Mapping[str, Any], now: datetime
) -> None:
    """The same for one webhook, whatever it wants."""
    _put(tx, [webhook_id], kind, [facts], now)


def messages_ended(tx: Transaction, delivery_ids: Collection[int], now: datetime) -> None:
    """These deliveries may have ended: messages of other systems of which nothing is open any more
    are told of, when the transaction has done all else."""
    if delivery_ids:
        at_last(tx, _TellOfEnded(now), delivery_ids)


@dataclass(frozen=True, slots=True)
class _TellOfEnded:
    """Tells of the messages that have ended by what one transaction did.

    Two channels of a message may end in two transactions at once, of which neither sees what the
    other did. So each message has one teller at a time: whoever comes second waits, and sees.
    """

    now: datetime

    def __call__(self, tx: Transaction, delivery_ids: Collection[int]) -> None:
        wanted_by = wanting(tx, Event.MESSAGE_FINISHED)
        if wanted_by:
            facts = _finished(tx, delivery_ids)
            _put(tx, wanted_by, Event.MESSAGE_FINISHED, facts, self.now)


def _finished(tx: Transaction, delivery_ids: Collection[int]) -> Sequence[Mapping[str, Any]]:
    """Those of the messages with these deliveries that are over."""
    own = deliveries.alias("own")
    these = (
        select(own.c.campaign_id, own.c.recipient_id)
        .join(standing_campaigns, standing_campaigns.c.campaign_id == own.c.campaign_id)
        .where(bulk.among(tx, own.c.id, delivery_ids), own.c.status.not_in(_AT_WORK))
        .distinct()
        .subquery()
    )
    # Rows and not advisory locks: of those a server holds a few thousand in all, and whoever
    # cancels a day ends more messages than that.
    tx.execute(
        select(recipients.c.id)
        .where(recipients.c.id.in_(select(these.c.recipient_id)))
        .order_by(recipients.c.id)
        .with_for_update(key_share=True)
    ).close()
    d = deliveries.c
    rows = tx.execute(
        select(
            d.recipient_id,
            d.campaign_id,
            d.channel,
            d.status,
            d.reason,
            d.outcome,
            d.attempts,
            campaigns.c.closed_at,
        )
        .join(
            these,
            and_(these.c.campaign_id == d.campaign_id, these.c.recipient_id == d.recipient_id),
        )
        .join(campaigns, campaigns.c.id == d.campaign_id)
        .order_by(d.id)
    )
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.recipient_id, []).append(row)
    facts = []
    for recipient_id, channels in found.items():
        campaign_id, closed_at = channels[0].campaign_id, channels[0].closed_at
        statuses = [Status(one.status) for one in channels]
        state = message_state(statuses, is_closed=closed_at is not None)
        if state == "in_progress":
            continue
        facts.append(
            {
                "message": f"msg_{recipient_id}",
                "campaign": campaign_id,
                "state": state,
                "channels": [
                    {
                        "channel": one.channel,
                        "status": one.status,
                        "reason": one.reason.partition(":")[0],
                        "outcome": one.outcome,
                        "attempts": one.attempts,
                    }
                    for one in channels
                ],
            }
        )
    return facts


def open_messages(
    tx: Transaction, campaign_ids: Collection[int], statuses: Collection[Status] = OPEN
) -> Sequence[int]:
    """What is open, or stands as one of `statuses`, in those of the campaigns that other systems
    feed, if anybody wants to hear of its end: to be asked before they are ended all at once."""
    if not campaign_ids or not wanting(tx, Event.MESSAGE_FINISHED):
        return ()
    d = deliveries.c
    return tx.scalars(
        select(d.id)
        .join(standing_campaigns, standing_campaigns.c.campaign_id == d.campaign_id)
        .where(d.campaign_id.in_(list(campaign_ids)), d.status.in_(list(statuses)))
    ).all()


def message_state(
    statuses: Collection[Status], *, is_closed: bool = False
) -> Literal["in_progress", "reached", "not_reached", "not_sent"]:
    """A message in one word, of how it stands on its channels.

    An attempt in doubt keeps a message open as long as its campaign: of many a one nobody will ever
    know more. What becomes known of it later is told then.
    """
    if any(status in (_AT_WORK if is_closed else OPEN) for status in statuses):
        return "in_progress"
    if Status.POSITIVE in statuses:
        return "reached"
    return "not_sent" if all(s is Status.SKIPPED for s in statuses) else "not_reached"


def _put(
    tx: Transaction,
    webhook_ids: Collection[int],
    kind: str,
    facts: Iterable[Mapping[str, Any]],
    now: datetime,
) -> None:
    rows = []
    for fact in facts if webhook_ids else ():
        body = {"type": kind, "timestamp": now.isoformat(), "data": dict(fact)}
        event = {
            "event_id": str(uuid.uuid4()),
            "kind": kind,
            "body": json.dumps(body, separators=(",", ":")),
            "made_at": now,
            "due_at": now,
        }
        rows += [{"webhook_id": webhook_id, **event} for webhook_id in webhook_ids]
    if rows:
        tx.execute(insert(webhook_posts), rows)


# --- whom we tell ----------------------------------------------------------------------------


def add(
    tx: Transaction, url: str, secret: str, events: Collection[str], actor: str, now: datetime
) -> int:
    row = insert(webhooks).values(
        url=url, secret=secret, events=sorted(events), made_at=now, made_by=actor
    )
    return int(tx.execute(row.returning(webhooks.c.id)).scalar_one())


def get(tx: Transaction, webhook_id: int, now: datetime) -> Webhook:
    """With its former secret, as long as that is good. Raises NotFound."""
    f = webhook_former_secrets.c
    row = tx.execute(
        select(webhooks, f.secret.label("former"))
        .outerjoin(webhook_former_secrets, and_(f.webhook_id == webhooks.c.id, f.until_at > now))
        .where(webhooks.c.id == webhook_id)
    ).first()
    if row is None:
        raise NotFound(_("webhook"), str(webhook_id))
    return _webhook(row, row.former)


def everything(tx: Transaction) -> Sequence[Webhook]:
    """Those at work first."""
    order = (webhooks.c.ended_at.is_not(None), webhooks.c.id.desc())
    return [_webhook(row) for row in tx.execute(select(webhooks).order_by(*order))]


def change(tx: Transaction, webhook_id: int, url: str, events: Collection[str]) -> None:
    tx.execute(
        update(webhooks).where(webhooks.c.id == webhook_id).values(url=url, events=sorted(events))
    )


def rotate(tx: Transaction, webhook: Webhook, secret: str, former_until: datetime) -> None:
    """From now on with another secret; the former one signs, too, until then."""
    dialect = {"postgresql": postgresql, "sqlite": sqlite}[tx.dialect.name]
    former = {"secret": webhook.secret, "until_at": former_until}
    tx.execute(
        dialect.insert(webhook_former_secrets)
        .values(webhook_id=webhook.id, **former)
        .on_conflict_do_update(index_elements=["webhook_id"], set_=former)
    )
    tx.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(secret=secret))


def hold(tx: Transaction, webhook_id: int) -> None:
    """Nobody else ends or changes it until this transaction ends."""
    w = webhooks.c
    tx.execute(select(w.id).where(w.id == webhook_id).with_for_update(key_share=True)).close()


def end(tx: Transaction, webhook_id: int, now: datetime) -> bool:
    """No more is told; what was to be told is given up, also what was written while it ended. False
    where it had ended before.

    The webhook is locked before its posts, whoever ends it: two who do never wait crosswise.
    """
    hold(tx, webhook_id)
    ended = tx.execute(
        update(webhooks)
        .where(webhooks.c.id == webhook_id, webhooks.c.ended_at.is_(None))
        .values(ended_at=now)
    ).rowcount
    tx.execute(
        update(webhook_posts)
        .where(webhook_posts.c.webhook_id == webhook_id, webhook_posts.c.due_at.is_not(None))
        .values(due_at=None, claim=None, answer="ended")
    )
    return bool(ended)


def _webhook(row: Row[Any], former: str | None = None) -> Webhook:
    return Webhook(
        row.id,
        row.url,
        row.secret,
        tuple(row.events),
        row.made_at,
        row.made_by,
        row.ended_at,
        former,
    )
