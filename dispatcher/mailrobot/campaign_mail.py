"""Letters that speak of a letter of ours: which one, and what a person's answer means for it.

What proves it is a name that we made and nobody can guess: the Message-ID of our letter, or the
address that it was sent from (VERP). An address or a subject alone is a stranger's word, and must
not silence anybody.

Whoever takes a letter in calls these before it registers anything: deliveries are held first, as
everywhere, so that nobody waits crosswise.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import islice

from campaigns.channel import ChannelName
from campaigns.inquiry.letter import Letter
from campaigns.inquiry.report import MailReport
from campaigns.outcome import Outcome
from dispatcher.engine import Engine
from dispatcher.inquiries.writing import attempt_key_of_message_id, wrote
from dispatcher.ledger import Transaction, attempts
from dispatcher.ledger import receipts as kept
from dispatcher.ledger.attempts import Attempt
from dispatcher.receipts import attempt_of as by_token
from dispatcher.record import Finding, record
from dispatcher.tokens import TokenFor

# No genuine letter names more of us, and no token of ours is longer.
MOST_NAMES = 200
LONGEST_TOKEN = 80


def attempt_of(
    tx: Transaction,
    engine: Engine,
    letter: Letter,
    report: MailReport | None,
    recipients: Collection[str] = (),
) -> Attempt | None:
    """The e-mail attempt that a letter answers or reports on; None where nothing proves any.

    `recipients` are those of its envelope. A letter about an answer of ours to an inquiry is about
    no attempt, though it quotes the campaign's letter that began it all.
    """
    found = _named(tx, engine, letter, report, recipients)
    return next((one for one in found if one is None or one.channel is ChannelName.EMAIL), None)


def reply_arrived(tx: Transaction, engine: Engine, attempt: Attempt, now: datetime) -> bool:
    """A person answered a campaign's letter, and so has read it; True when that is news.

    Whether it makes the delivery positive is the scenario's to say. What a program answers by
    itself proves nothing and must not come here.
    """
    finding = Finding(attempt.id, Outcome.ANSWERED, now, "answered by e-mail")
    if not record(tx, engine, [finding], now):
        return False
    note_receipt(tx, attempt, Outcome.ANSWERED, {"kind": "answer"}, now)
    return True


def note_receipt(
    tx: Transaction, attempt: Attempt, outcome: Outcome, payload: dict[str, str], now: datetime
) -> None:
    """Among the receipts, too: from there the audit knows when an outcome was learned."""
    kept.keep(
        tx,
        provider=attempt.provider,
        attempt_id=attempt.id,
        reference=attempt.reference,
        outcome=outcome,
        effect="recorded",
        payload=payload,
        now=now,
    )


def _named(
    tx: Transaction,
    engine: Engine,
    letter: Letter,
    report: MailReport | None,
    recipients: Collection[str],
) -> Iterator[Attempt | None]:
    """What proves most comes first: whom a bounce goes to, what a report quotes, what a letter
    says that it answers; of a thread the latest letter. None: an answer of ours to an inquiry."""
    for address in islice((*recipients, *letter.recipients), MOST_NAMES):
        token = tag_of(address)
        if 0 < len(token) <= LONGEST_TOKEN:
            attempt = by_token(tx, engine, TokenFor.BOUNCE, token)
            if attempt is not None:
                yield attempt
    quoted = report.message_ids[:MOST_NAMES] if report is not None else ()
    for message_id in (
        *quoted,
        *letter.in_reply_to[:MOST_NAMES],
        *letter.references[: -MOST_NAMES - 1 : -1],
    ):
        key = attempt_key_of_message_id(engine, message_id)
        if key is not None:
            attempt = attempts.by_number(tx, *key)
            if attempt is not None:
                yield attempt
        elif wrote(engine, message_id):
            yield None


def tag_of(address: str) -> str:
    """What stands behind the plus in an address, in lower case like all that we put there."""
    local = address.strip().strip("<>").rpartition("@")[0]
    return local.rpartition("+")[2].lower() if "+" in local else ""
