"""Personal data taken out of rows that stay: who it was cannot be told any more, what was done can.

Nothing is replaced by a hash: a telephone number is found from its hash by trying them all. What is
left of a name is nothing, of an account a number of the row's own. Counts, statuses, outcomes and
instants stay, so that reports and audits say what they said.

The stop-list is not touched: to honour a refusal one must remember who refused.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Table,
    Text,
    Update,
    and_,
    case,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)

from campaigns.inquiry.status import OVER
from campaigns.outcome import ABANDONED
from dispatcher.ledger import bulk
from dispatcher.ledger.campaigns import CampaignStatus
from dispatcher.ledger.connection import Transaction
from dispatcher.ledger.tables import (
    archived_attempts,
    attempts,
    audiences,
    campaigns,
    contact_points,
    deliveries,
    inquiries,
    letter_sources,
    letters,
    mail_reports,
    outbox,
    receipts,
    recipients,
    replies,
    touches,
)

# Customers, letters, inquiries or bad rows in one transaction: with all that hangs on them less
# than a second's work.
PIECE = 500
_GONE = ("sent", "failed")  # letters of ours that will never be sent again
ERASED = "erased"  # an audience nobody can be told from


@dataclass(frozen=True, slots=True)
class Used:
    """A list, and the campaigns that it was used for; `closed_at` is None for one under way."""

    audience_id: int
    imported_at: datetime
    recipients: int
    campaigns: tuple[tuple[int, int, datetime | None], ...]  # (id, scenario's id, closed_at)


def used_lists(tx: Transaction) -> Sequence[Used]:
    """Every list that still holds personal data, the oldest first. Of a draft that was never
    launched its making counts as its end."""
    a, c = audiences.c, campaigns.c
    ended_at = case((c.status == CampaignStatus.DRAFT, c.created_at), else_=c.closed_at)
    rows = tx.execute(
        select(a.id, a.imported_at, a.recipients, c.id, c.scenario_id, ended_at)
        .outerjoin(campaigns, c.audience_id == a.id)
        .where(a.status == "ready")
        .order_by(a.id, c.id)
    )
    found: dict[int, Used] = {}
    for audience_id, imported_at, count, campaign_id, scenario_id, closed_at in rows:
        used = found.get(audience_id) or Used(audience_id, imported_at, count, ())
        if campaign_id is not None:
            of_list = (*used.campaigns, (campaign_id, scenario_id, closed_at))
            used = Used(audience_id, imported_at, count, of_list)
        found[audience_id] = used
    return list(found.values())


def erase_recipients(
    tx: Transaction, audience_id: int, after_id: int, now: datetime, piece: int = PIECE
) -> tuple[int | None, int]:
    """Erase the next customers of a list: the last one's id, None when nobody is left; and how
    many they were."""
    r = recipients.c
    left = select(r.id).where(r.audience_id == audience_id, r.id > after_id, r.erased_at.is_(None))
    ids = _ids(tx, left.order_by(r.id).limit(piece))
    if not ids:
        return None, 0
    erase_people(tx, ids, now)
    return ids[-1], len(ids)


def erase_people(tx: Transaction, recipient_ids: Collection[int], now: datetime) -> None:
    """Take out of these customers' rows, and of every row that hangs on them, who they were."""
    r, d = recipients.c, deliveries.c
    of_them = bulk.among(tx, d.recipient_id, recipient_ids)
    kind = func.substr(d.reason, 1, _until_colon(tx, d.reason))
    tx.execute(update(deliveries).where(of_them).values(points=[], dead_points=[], reason=kind))
    delivery_ids = tx.execute(select(d.id).where(of_them)).scalars().all()
    for table in (attempts, archived_attempts):
        of_deliveries = bulk.among(tx, table.c.delivery_id, delivery_ids)
        ids = tx.execute(select(table.c.id).where(of_deliveries)).scalars().all()
        erase_attempts(tx, table, ids)
        _forget_told(tx, table, ids)
    points = bulk.among(tx, contact_points.c.recipient_id, recipient_ids)
    tx.execute(delete(contact_points).where(points))
    tx.execute(
        update(recipients)
        .where(bulk.among(tx, r.id, recipient_ids))
        .values(
            account_number=literal(f"{ERASED}-") + cast(r.id, String),
            name="",
            patronymic="",
            surname="",
            consents=[],
            fields={},
            erased_at=now,
        )
    )


def _until_colon(tx: Transaction, reason: ColumnElement[str]) -> ColumnElement[int]:
    find = func.instr if tx.dialect.name == "sqlite" else func.strpos
    return find(reason + literal(":"), ":") - 1


def erase_attempts(tx: Transaction, table: Table, ids: Collection[int]) -> None:
    """Take out of attempts, at work or archived, and of what was reported of them, where they
    went. Who was told in them stays."""
    a = table.c
    # Of the provider's words only those that are ours: who hung up while it rang.
    reason = case((a.reason == ABANDONED, a.reason), else_="")
    gone = update(table).where(bulk.among(tx, a.id, ids))
    gone = gone.values(contact_point="", reference=None, reason=reason)
    tx.execute(gone.values(receipts=[]) if table is archived_attempts else gone)
    tx.execute(
        update(receipts)
        .where(bulk.among(tx, receipts.c.attempt_id, ids))
        .values(reference=None, payload={})
    )
    of_them = bulk.among(tx, mail_reports.c.attempt_id, ids)
    tx.execute(update(mail_reports).where(of_them).values(address=""))


def erase_late(tx: Transaction, attempt_id: int) -> None:
    """What came of an attempt that had been erased goes, too; of any other nothing changes. Its
    delivery is locked, or what came stands in the ledger before it is erased."""
    a = attempts.c
    is_erased = select(a.id).where(a.id == attempt_id, a.contact_point == "")
    if tx.execute(is_erased).first() is not None:
        erase_attempts(tx, attempts, [attempt_id])


def _forget_told(tx: Transaction, table: Table, ids: Collection[int]) -> None:
    if table is archived_attempts:
        tx.execute(update(table).where(bulk.among(tx, table.c.id, ids)).values(told=[]))
    else:
        tx.execute(delete(touches).where(bulk.among(tx, touches.c.attempt_id, ids)))


def close_list(tx: Transaction, audience_id: int) -> bool:
    """Nobody is left in a list: it can be used no more. False when somebody did so before."""
    a = audiences.c
    changed = update(audiences).where(a.id == audience_id, a.status == "ready")
    return bool(tx.execute(changed.values(status=ERASED)).rowcount)


def is_used_again(tx: Transaction, used: Used) -> bool:
    """Whether a campaign was begun on a list meanwhile. Who begins one waits until this transaction
    has ended, so each piece of the work asks anew."""
    a, c = audiences.c, campaigns.c
    tx.execute(select(a.id).where(a.id == used.audience_id).with_for_update())
    ended = (CampaignStatus.COMPLETED, CampaignStatus.CANCELLED, CampaignStatus.DRAFT)
    known = [campaign_id for campaign_id, _scenario, _closed_at in used.campaigns]
    live = select(c.id).where(
        c.audience_id == used.audience_id, or_(c.status.not_in(ended), c.id.not_in(known))
    )
    return tx.execute(live.limit(1)).first() is not None


# Letters and inquiries.


def _over_inquiries(before: datetime) -> ColumnElement[bool]:
    """Over before then, and nothing more to be sent about them."""
    return and_(
        inquiries.c.status.in_(sorted(OVER)),
        func.coalesce(inquiries.c.done_at, inquiries.c.received_at) < before,
        *(~owed.exists() for owed in owed_about(inquiries.c.id)),
    )


def owed_about(inquiry_id: ColumnElement[int]) -> tuple[Select[int], Select[int]]:
    """Letters and short messages of ours about an inquiry that are still to be sent."""
    unsent = ("waiting", "sending")
    return (
        select(outbox.c.id).where(outbox.c.inquiry_id == inquiry_id, outbox.c.status.in_(unsent)),
        select(replies.c.inquiry_id).where(
            replies.c.inquiry_id == inquiry_id, replies.c.status.in_(unsent)
        ),
    )


def owed_with(letter_id: ColumnElement[int]) -> Select[int]:
    """Letters of ours that are still to be sent, and may take a customer's along."""
    return select(outbox.c.id).where(
        outbox.c.letter_id == letter_id, outbox.c.status.in_(("waiting", "sending"))
    )


def count(tx: Transaction, which: Select[int]) -> int:
    return tx.execute(select(func.count()).select_from(which.subquery())).scalar_one()


def _ids(tx: Transaction, which: Select[int]) -> Sequence[int]:
    return tx.scalars(which).all()


def old_inquiries(before: datetime) -> Select[int]:
    return select(inquiries.c.id).where(inquiries.c.erased_at.is_(None), _over_inquiries(before))


def old_letters(before: datetime) -> Select[int]:
    """Letters of before then whose inquiry, if they have one, is over as long."""
    of_theirs = select(inquiries.c.id).where(
        inquiries.c.id == letters.c.inquiry_id, _over_inquiries(before)
    )
    return select(letters.c.id).where(
        letters.c.erased_at.is_(None),
        letters.c.taken_at < before,
        or_(letters.c.inquiry_id.is_(None), of_theirs.exists()),
        ~owed_with(letters.c.id).exists(),
    )


def erase_old_letters(tx: Transaction, before: datetime, now: datetime, piece: int = PIECE) -> int:
    ids = _ids(tx, old_letters(before).order_by(letters.c.id).limit(piece))
    erase_letters(tx, ids, now)
    return len(ids)


def erase_old_inquiries(
    tx: Transaction, before: datetime, now: datetime, piece: int = PIECE
) -> int:
    ids = _ids(tx, old_inquiries(before).order_by(inquiries.c.id).limit(piece))
    erase_inquiries(tx, ids, now)
    return len(ids)


def erase_letters(tx: Transaction, ids: Collection[int], now: datetime) -> None:
    """What customers wrote by mail. The letter's fingerprint stays: a mailbox that cannot be
    emptied offers old letters again, and nobody must be answered twice."""
    tx.execute(delete(letter_sources).where(bulk.among(tx, letter_sources.c.letter_id, ids)))
    tx.execute(
        update(letters)
        .where(bulk.among(tx, letters.c.id, ids))
        .values(
            sender="",
            subject="",
            words="",
            words_digest="",
            message_id="",
            attachments=[],
            writer="",
            answered="",
            answered_domain="",
            erased_at=now,
        )
    )
    of_letters = bulk.among(tx, mail_reports.c.letter_id, ids)
    tx.execute(update(mail_reports).where(of_letters).values(address=""))
    tx.execute(_emptied(bulk.among(tx, outbox.c.letter_id, ids)))


def erase_inquiries(tx: Transaction, ids: Collection[int], now: datetime) -> None:
    """What customers asked, and what we wrote back. Number, topic, branch, days and who was in
    charge stay: they are counted."""
    i = inquiries.c
    tx.execute(
        update(inquiries)
        .where(bulk.among(tx, i.id, ids))
        .values(
            reference=literal(f"{ERASED}-") + cast(i.id, String),
            contact_point="",
            account_number=None,
            text="",
            subject="",
            customer="",
            readings=[],
            erased_at=now,
        )
    )
    tx.execute(_emptied(bulk.among(tx, outbox.c.inquiry_id, ids)))
    tx.execute(
        update(replies)
        .where(bulk.among(tx, replies.c.inquiry_id, ids))
        .values(contact_point="", text="", reference=None)
    )


def _emptied(which: ColumnElement[bool]) -> Update:
    """Letters of ours that were sent, or given up."""
    return (
        update(outbox)
        .where(which, outbox.c.status.in_(_GONE))
        .values(
            occasion=literal(f"{ERASED}-") + cast(outbox.c.id, String),
            recipient="",
            message_id="",
            content=b"",
        )
    )


def erase_left_letters(tx: Transaction, piece: int = PIECE) -> int:
    """Letters of ours that were still to be sent when what they are about was erased, and have gone
    since; how many."""
    o = outbox.c
    of_inquiry = select(inquiries.c.id).where(
        inquiries.c.id == o.inquiry_id, inquiries.c.erased_at.is_not(None)
    )
    of_letter = select(letters.c.id).where(
        letters.c.id == o.letter_id, letters.c.erased_at.is_not(None)
    )
    left = select(o.id).where(
        o.recipient != "",
        o.status.in_(_GONE),
        or_(of_inquiry.exists(), of_letter.exists()),
    )
    ids = _ids(tx, left.order_by(o.id).limit(piece))
    tx.execute(_emptied(bulk.among(tx, o.id, ids)))
    return len(ids)


def erase_stray_receipts(tx: Transaction, before: datetime, piece: int = PIECE) -> int:
    """What providers reported of messages that are not ours, or not any more."""
    r = receipts.c
    old = select(r.id).where(
        r.received_at < before, r.attempt_id.is_(None), cast(r.payload, Text) != "{}"
    )
    ids = tx.execute(old.limit(piece)).scalars().all()
    tx.execute(update(receipts).where(bulk.among(tx, r.id, ids)).values(reference=None, payload={}))
    return len(ids)
