"""Webhooks: whom we tell what happens, and what is to be told.

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

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, select, update
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


@dataclass(frozen=True, slots=True)
class Post:
    """One event for one webhook. `due_at` None: over; `heard_at` None then: given up."""

    id: int
    webhook_id: int
    event_id: str
    kind: str
    body: str
    made_at: datetime
    due_at: datetime | None
    tries: int
    heard_at: datetime | None
    answer: str


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


# --- telling ---------------------------------------------------------------------------------


def claim(
    tx: Transaction, webhook_id: int, claim: str, now: datetime, lease_until: datetime, limit: int
) -> Sequence[Post]:
    """Take what is due for one webhook; nobody else sends it until the lease ends."""
    p = webhook_posts.c
    due = (
        select(p.id)
        .where(p.due_at.is_not(None), p.due_at <= now, p.webhook_id == webhook_id)
        .order_by(p.due_at, p.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = tx.scalars(due).all()
    if not ids:
        return ()
    rows = tx.execute(
        update(webhook_posts)
        .where(p.id.in_(ids), p.due_at <= now)
        .values(claim=claim, due_at=lease_until, tries=p.tries + 1)
        .returning(*webhook_posts.c)
    )
    return sorted((_post(row) for row in rows), key=lambda post: post.id)


def waiting(tx: Transaction, now: datetime) -> Sequence[int]:
    """The webhooks for which something is due."""
    p, w = webhook_posts.c, webhooks.c
    due = select(p.id).where(p.webhook_id == w.id, p.due_at.is_not(None), p.due_at <= now)
    return tx.scalars(select(w.id).where(due.exists()).order_by(w.id)).all()


def finish(
    tx: Transaction,
    post_id: int,
    claim: str,
    *,
    heard_at: datetime | None,
    due_at: datetime | None,
    answer: str,
) -> bool:
    """What came of a try: heard, again at `due_at`, or given up. False where the claim is lost."""
    p = webhook_posts.c
    return bool(
        tx.execute(
            update(webhook_posts)
            .where(p.id == post_id, p.claim == claim)
            .values(heard_at=heard_at, due_at=due_at, claim=None, answer=answer)
        ).rowcount
    )


def tell_again(tx: Transaction, webhook_id: int, post_id: int, now: datetime) -> bool:
    """What was given up is tried anew; False where it was not."""
    p = webhook_posts.c
    return bool(
        tx.execute(
            update(webhook_posts)
            .where(
                p.id == post_id,
                p.due_at.is_(None),
                p.heard_at.is_(None),
                p.webhook_id == webhook_id,
            )
            .values(due_at=now, tries=0)
        ).rowcount
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """How a webhook stands: what waits and was tried in vain, what was given up."""

    waiting: int
    failing: int
    given_up: int
    heard_at: datetime | None  # the latest


def standing(tx: Transaction) -> Mapping[int, Standing]:
    """Of every webhook; as far back as posts are kept. Each figure has an index: what was heard is
    not counted, however much that is."""
    p, w = webhook_posts.c, webhooks.c

    def figure(what: ColumnElement[Any], *which: ColumnElement[bool]) -> ColumnElement[Any]:
        return select(what).where(p.webhook_id == w.id, *which).scalar_subquery()

    is_open, is_heard = p.due_at.is_not(None), p.heard_at.is_not(None)
    rows = tx.execute(
        select(
            w.id,
            figure(func.count(), is_open),
            figure(func.count(), is_open, p.answer != ""),
            figure(func.count(), ~is_open, ~is_heard),
            figure(func.max(p.heard_at), is_heard),
        )
    )
    return {row[0]: Standing(row[1], row[2], row[3], row[4]) for row in rows}


def latest(tx: Transaction, webhook_id: int, limit: int) -> Sequence[Post]:
    """The newest first; by the index of their events' webhook, short as it is kept."""
    p = webhook_posts.c
    rows = tx.execute(
        select(webhook_posts).where(p.webhook_id == webhook_id).order_by(p.id.desc()).limit(limit)
    )
    return [_post(row) for row in rows]


def forget_old(tx: Transaction, before: datetime, after_id: int, limit: int) -> int | None:
    """Of the `limit` posts that were written after that one: forget what is over, and was made
    before then. The last of them, to go on from; None where those that follow are younger."""
    p = webhook_posts.c
    rows = tx.execute(
        select(p.id, p.made_at, p.due_at).where(p.id > after_id).order_by(p.id).limit(limit)
    ).all()
    old = [row.id for row in rows if row.due_at is None and row.made_at < before]
    if old:
        # Or one is told again just now.
        tx.execute(delete(webhook_posts).where(p.id.in_(old), p.due_at.is_(None)))
    # They are written in the order of their ids, but for transactions side by side.
    return rows[-1].id if len(rows) == limit and rows[-1].made_at < before else None


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


def _post(row: Row[Any]) -> Post:
    return Post(
        row.id,
        row.webhook_id,
        row.event_id,
        row.kind,
        row.body,
        row.made_at,
        row.due_at,
        row.tries,
        row.heard_at,
        row.answer,
    )
