"""Letters by which a customer wants no more: by the address in List-Unsubscribe, or in words.

A mail program writes `unsubscribe TOKEN` in the subject for whoever presses its button (RFC 2369);
people forward, answer and copy it. The token proves which letter it came with, so that it does not
matter where it stands.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from campaigns.channel import ChannelName
from campaigns.contact import BadContact, classify_email
from campaigns.inquiry.letter import Letter
from campaigns.inquiry.vouching import is_vouched_for
from campaigns.stop_words import Wish, wish_of
from dispatcher import refusing
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction
from dispatcher.ledger.attempts import Attempt
from dispatcher.mailrobot.campaign_mail import MOST_NAMES, tag_of
from dispatcher.receipts import attempt_of
from dispatcher.refusing import BY_MAIL
from dispatcher.tokens import TokenFor

LONGEST_LINE = 500
LONGEST_BEGINNING = 2000  # within it the first line with anything in it is looked for
WORD = "unsubscribe"
_TOKEN = r"\d{1,18}-\d{1,9}-[0-9a-f]{20}"  # noqa: S105 - the form of one
# Some programs hand on the address's `?subject=unsubscribe%20TOKEN` as it stands.
_ASKED = re.compile(rf"{WORD}(?:[\s:+=_-]|%20){{0,20}}({_TOKEN})(?![\w-])")
_TAG = re.compile(rf"(?:{WORD}-)?({_TOKEN})")


def unsubscribe_by_mail(tx: Transaction, engine: Engine, letter: Letter, now: datetime) -> bool:
    """Do what a letter from List-Unsubscribe asks for; True when it is one, also the second time.

    The address that our letter went to gets no more of that purpose, whoever writes; where it has
    been erased, the writer's gets no more.
    """
    attempt = _meant(tx, engine, letter)
    return attempt is not None and refusing.unsubscribe(
        tx, engine, attempt, now, writer=_vouched_writer(letter)
    )


def asks_to_unsubscribe(tx: Transaction, engine: Engine, letter: Letter) -> bool:
    """Whether a letter bears a genuine token of List-Unsubscribe that can be obeyed; nothing is
    done yet. What cannot is for staff to read."""
    attempt = _meant(tx, engine, letter)
    return attempt is not None and bool(attempt.contact_point or _vouched_writer(letter))


def _meant(tx: Transaction, engine: Engine, letter: Letter) -> Attempt | None:
    found = (attempt_of(tx, engine, TokenFor.UNSUBSCRIBE, token) for token in _tokens(letter))
    return next((attempt for attempt in found if attempt is not None), None)


def _vouched_writer(letter: Letter) -> str:
    """The sender's address, as contact points are spelt, where the mail systems vouch for it."""
    sender = letter.sender
    return _point(sender.address) if sender is not None and is_vouched_for(letter) else ""


def stop_asked(
    tx: Transaction,
    engine: Engine,
    words: str,
    sender_address: str,
    now: datetime,
    *,
    attempt: Attempt | None = None,
) -> bool:
    """Obey a letter that says stop in so many words; True when it says so, also the second time.

    The same words and the same purposes as in an SMS. With the `attempt` that the letter answers
    its address is stopped too: mail comes to one address and is answered from another.
    """
    if wish_of(words, engine.settings.company) is not Wish.STOP:
        return False
    answered = attempt.contact_point if attempt is not None else ""
    for point in sorted({_point(sender_address), answered} - {""}):
        refusing.refuse(tx, engine, point, ChannelName.EMAIL, BY_MAIL, now)
    return True


def _point(address: str) -> str:
    """An address as contact points are spelt; empty for one that we could not write to anyhow."""
    found = classify_email(address)
    return "" if isinstance(found, BadContact) else found.address


def _tokens(letter: Letter) -> Iterator[str]:
    """Whatever looks like the token of a link, from where it may stand."""
    for address in islice(letter.recipients, MOST_NAMES):
        if found := _TAG.fullmatch(tag_of(address)):
            yield found[1]
    line = _first_line(letter.words or letter.text)
    subject = letter.subject[:LONGEST_LINE]
    for text in (subject, line, f"{subject} {line}"):
        for found in _ASKED.finditer(text.lower()):
            yield found[1]


def _first_line(text: str) -> str:
    lines = (line.strip() for line in text[:LONGEST_BEGINNING].splitlines())
    return next((line for line in lines if line), "")[:LONGEST_LINE]
