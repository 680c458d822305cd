"""Messages to us that are genuine and that nobody can read: kept whole, and shown to staff.

A provider that changes its form must not silence a customer's stop. The whole of what it posted
goes to the receipts; an inquiry tells staff of it.
"""

import hashlib
from datetime import timedelta

import structlog

from campaigns.channel import ChannelName
from campaigns.inquiry.status import InquiryChannel
from campaigns.stop_words import Wish
from channels.base import Unread
from dispatcher.engine import Engine
from dispatcher.inquiries.registering import register
from dispatcher.ledger import Transaction, inquiries
from dispatcher.ledger import receipts as kept
from dispatcher.ledger.inquiries import NewInquiry
from dispatcher.ledger.receipts import storable

log = structlog.get_logger()

LONGEST_SHOWN = 2000
# A provider that posts nothing else would bury every other inquiry; the receipts hold them all.
MOST_A_DAY = 50
DAY = timedelta(days=1)


def keep(engine: Engine, provider: str, message: Unread) -> bool:
    """Keep what cannot be read; False when it came before. Safe to call again with the same."""
    raw = storable(message.raw)
    digest = hashlib.sha256(raw.encode()).hexdigest()

    def act(tx: Transaction) -> bool:
        now = engine.clock.now()
        # What is posted alike on another day may be another customer's, for it may name nobody.
        reference = f"{digest}:{now:%Y-%m-%d}"
        inquiries.one_at_a_time(tx, message.contact_point)
        if inquiries.is_known(tx, ChannelName.SMS, provider, reference, message.contact_point):
            return False
        kept.keep(
            tx,
            provider=provider,
            attempt_id=None,
            reference=reference,
            outcome=None,
            effect="unreadable",
            payload={"kind": "inbound", "raw": raw},
            now=now,
        )
        since = now - DAY
        count = inquiries.count_since(tx, ChannelName.SMS, message.contact_point, since)
        if count >= MOST_A_DAY:
            return True
        new = NewInquiry(
            InquiryChannel.SMS,
            provider,
            reference,
            message.contact_point,
            Wish.UNREADABLE,
            raw[:LONGEST_SHOWN],
        )
        register(tx, engine, new, now)
        return True

    is_new = engine.ledger.insist(act)
    if is_new:
        log.warning("inbound.unreadable", channel=ChannelName.SMS.value, provider=provider)
    return is_new
