"""Letters that speak of a letter of ours: which one, and what a person's answer means for it.

What proves it is a name that we made and nobody can guess: the Message-ID of our letter, or the
address that it was sent from (VERP). An address or a subject alone is a stranger's word, and must
not silence anybody.

Whoever takes a letter in calls these before it registers anything: deliveries are held first, as
everywhere, so that nobody waits crosswise.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from campaigns.channel import ChannelName
from campaigns.inquiry.letter import Letter
from campaigns.inquiry.report import MailReport
from campaigns.outcome import Outcome
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, attempts
from dispatcher.ledger import receipts as kept
from dispatcher.ledger.attempts import Attempt
from dispatcher.record import Finding, record
from dispatcher.tokens import TokenFor, read_key, verify

# No genuine letter names more of us, and no token of ours is longer.
MOST_NAMES = 200
LONGEST_TOKEN = 80


@dataclass(frozen=True, slots=True)
class OwnName:
    """A name of a letter of ours, found in a stranger's letter and genuine."""

    purpose: TokenFor
    token: str
    key: str


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
    for name in _own_names(engine, letter, report, recipients):
        if name.purpose is TokenFor.INQUIRY:
            return None
        attempt = attempts.by_number(tx, *read_key(name.key))
        if attempt is not None and attempt.channel is ChannelName.EMAIL:
            return attempt
    return None


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


def own_letters(engine: Engine, message_ids: Sequence[str]) -> Iterator[OwnName]:
    """Those of these Message-IDs that are ours: of campaigns, and of answers to inquiries."""
    for message_id in islice(message_ids, MOST_NAMES):
        token = message_id.strip().removeprefix("<").partition("@")[0]
        for purpose in (TokenFor.MESSAGE_ID, TokenFor.INQUIRY):
            yield from _genuine(engine, purpose, token)


def _own_names(
    engine: Engine, letter: Letter, report: MailReport | None, recipients: Collection[str]
) -> Iterator[OwnName]:
    """What proves most comes first: whom a bounce goes to, what a report quotes, what a letter
    says that it answers; of a thread the latest letter."""
    for address in islice((*recipients, *letter.recipients), MOST_NAMES):
        yield from _genuine(engine, TokenFor.BOUNCE, tag_of(address))
    if report is not None:
        yield from own_letters(engine, report.message_ids)
    yield from own_letters(engine, letter.in_reply_to)
    yield from own_letters(engine, letter.references[::-1])


def tag_of(address: str) -> str:
    """What stands behind the plus in an address, in lower case like all that we put there."""
    local = address.strip().strip("<>").rpartition("@")[0]
    return local.rpartition("+")[2].lower() if "+" in local else ""


def _genuine(engine: Engine, purpose: TokenFor, token: str) -> Iterator[OwnName]:
    if token and len(token) <= LONGEST_TOKEN:
        key = verify(engine.secret, purpose, token)
        if key:
            yield OwnName(purpose, token, key)
