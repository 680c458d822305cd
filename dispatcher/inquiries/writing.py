"""What we write about inquiries: from values to a letter that stands in the outbox.

Automatic answers follow RFC 3834: the null path for an envelope sender, so that nothing that comes
of them can be answered again, `Auto-Submitted: auto-replied`, and the thread of the letter they
answer. Each letter's Message-ID tells its inquiry by a token, so that whatever replies to it, or
reports on it, is known to be about that inquiry.
"""

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from campaigns.inquiry.letter import Letter, Mailbox
from dispatcher.engine import Engine
from dispatcher.inquiries.signature import sender_name, supplier_in
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.ledger.outbox import MailKind, Owed
from dispatcher.tokens import TokenFor, read_key, sign, verify
from templates.answers import (
    FOR_STAFF,
    WRITTEN_BY_STAFF,
    AnswerKind,
    AnswerValues,
    called,
    number_in,
    render_answer,
)
from templates.mail import ascii_domain, build_letter, thread_of

__all__ = [
    "attempt_key_of_message_id",
    "inquiry_of_message_id",
    "loop_mark",
    "number_in",
    "values_of",
    "write",
    "wrote",
]

_LONGEST_MESSAGE_ID = 250
# Where no sender is set nothing can be sent; what would be written can still be looked at.
_NOBODY = "robot@localhost"
_MAIL_KINDS = {
    AnswerKind.INTERIM: MailKind.INTERIM,
    AnswerKind.ANSWER: MailKind.ANSWER,
    AnswerKind.ROUTE: MailKind.ROUTE,
    AnswerKind.REMINDER: MailKind.REMINDER,
}


def write(
    engine: Engine,
    kind: AnswerKind,
    *,
    occasion: str,
    recipient: Mailbox,
    words: AnswerValues,
    inquiry_id: int | None,
    letter: Letter | None,
    now: datetime,
    attachment: tuple[str, bytes] | None = None,
    letter_id: int | None = None,
    asked_at: datetime | None = None,
) -> Owed:
    """The letter of one occasion, ready for the outbox; the same arguments make the same bytes.

    `letter` is what it answers, if anything, and gives its subject to values without one;
    `asked_at` is when it arrived (none: now). Staff are written to in the language of the house,
    customers in theirs. Raises RenderError for an address that no header can carry or words that
    cannot be made; no personal data is in its text.
    """
    if letter is not None and not words.subject:
        words = replace(words, subject=letter.subject)
    message_id = _message_id(engine, inquiry_id, occasion)
    content = _letter(engine, kind, message_id, recipient, words, letter, now, attachment)
    return Owed(
        occasion=occasion,
        kind=_MAIL_KINDS.get(kind, MailKind.ACKNOWLEDGEMENT),
        sender="" if _auto_submitted(kind) == "auto-replied" else _sender(engine),
        recipient=recipient.address,
        message_id=message_id,
        content=content,
        asked_at=asked_at or now,
        inquiry_id=inquiry_id,
        letter_id=letter_id,
    )


def _letter(
    engine: Engine,
    kind: AnswerKind,
    message_id: str,
    recipient: Mailbox,
    words: AnswerValues,
    letter: Letter | None,
    now: datetime,
    attachment: tuple[str, bytes] | None,
) -> bytes:
    settings = engine.settings
    language = settings.language if kind in FOR_STAFF else words.language
    said = render_answer(kind, language, words, supplier_in(settings, language))
    return build_letter(
        sender=_sender(engine),
        sender_name=sender_name(settings, language),
        to=recipient.address,
        to_name=_called(kind, recipient, words),
        subject=said.subject,
        text=said.text,
        html=said.html,
        message_id=message_id,
        sent_at=now,
        reply_to=settings.mail_reply_to or _sender(engine),
        in_reply_to=letter.message_id if letter else None,
        references=thread_of(letter.message_id, letter.references) if letter else (),
        auto_submitted=_auto_submitted(kind),
        loop_mark=loop_mark(engine),
        attachment=attachment,
    )


def values_of(
    engine: Engine, inquiry: Inquiry, *, name: str = "", patronymic: str = ""
) -> AnswerValues:
    """What an inquiry in the ledger gives to say; how to greet its customer the base knows."""
    rules = engine.inquiry_rules
    branch = next((one for one in rules.branches if one.name == inquiry.branch), None)
    return AnswerValues(
        language=inquiry.language,
        number=inquiry.number,
        channel=inquiry.channel,
        received_on=inquiry.received_at.astimezone(ZoneInfo(engine.settings.zone)).date(),
        subject=inquiry.subject,
        question=inquiry.text,
        topic=inquiry.topic,
        confidence=inquiry.confidence,
        missing=inquiry.missing,
        readings=inquiry.readings,
        respond_on=inquiry.respond_on,
        answer_on=inquiry.answer_on,
        working_days=rules.periods.form_working_days,
        name=name,
        patronymic=patronymic,
        customer=inquiry.customer,
        contact_point=inquiry.contact_point,
        account_number=inquiry.account_number or "",
        branch=inquiry.branch,
        phone=branch.phone if branch else "",
        hours=branch.hours if branch else "",
        person=inquiry.person,
    )


def loop_mark(engine: Engine) -> str:
    """What every letter of the robot carries in X-Loop: its address."""
    return ascii_domain(_sender(engine), "X-Loop").lower()


def inquiry_of_message_id(engine: Engine, message_id: str) -> int | None:
    """The inquiry that a letter of ours is about; None for a Message-ID not of our making."""
    key = _key_in(engine, TokenFor.INQUIRY, message_id)
    return (int(key.partition("-")[0]) or None) if key else None


def attempt_key_of_message_id(engine: Engine, message_id: str) -> tuple[int, int] | None:
    """The delivery and the attempt's number of a campaign's letter, by its Message-ID."""
    key = _key_in(engine, TokenFor.MESSAGE_ID, message_id)
    return read_key(key) if key else None


def wrote(engine: Engine, message_id: str) -> bool:
    """Whether a Message-ID is of our making: of an answer or of a campaign's letter."""
    return any(
        _key_in(engine, purpose, message_id) is not None
        for purpose in (TokenFor.INQUIRY, TokenFor.MESSAGE_ID)
    )


def _key_in(engine: Engine, purpose: TokenFor, message_id: str) -> str | None:
    if len(message_id) > _LONGEST_MESSAGE_ID:
        return None
    token = message_id.strip().removeprefix("<").rpartition("@")[0]
    return verify(engine.secret, purpose, token)


def _message_id(engine: Engine, inquiry_id: int | None, occasion: str) -> str:
    """One for each occasion, for ever; a letter about no inquiry counts as about the zeroth."""
    told = hashlib.sha256(occasion.encode("utf-8", "replace")).hexdigest()[:10]
    token = sign(engine.secret, TokenFor.INQUIRY, f"{inquiry_id or 0}-{told}")
    domain = ascii_domain(_sender(engine), "Message-ID").rpartition("@")[2]
    return f"<{token}@{domain}>"


def _sender(engine: Engine) -> str:
    return engine.settings.mail_from or _NOBODY


def _called(kind: AnswerKind, recipient: Mailbox, words: AnswerValues) -> str:
    """The name before the address. Customers are called as the base knows them: the name that came
    with a letter may be an advertisement, and the address somebody else's."""
    if kind in FOR_STAFF:
        return recipient.name
    return " ".join(filter(None, called(words)))


def _auto_submitted(kind: AnswerKind) -> Literal["auto-generated", "auto-replied"] | None:
    if kind in WRITTEN_BY_STAFF:
        return None
    return "auto-generated" if kind in FOR_STAFF else "auto-replied"
