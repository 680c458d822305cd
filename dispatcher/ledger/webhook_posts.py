"""Telling webhooks what happened: what is due, who tells it now, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, select, update

from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.staff_tables import webhook_posts, webhooks


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
