"""Reports of mail systems on letters of ours: applied once, and kept whatever they say."""

import re
from datetime import datetime

import structlog

from campaigns.channel import ChannelName
from campaigns.consent import Suppression
from campaigns.inquiry.bounce_rules import (
    BOUNCED,
    FAILURES,
    SIGNS_OF_LIFE,
    SOFT_WITHIN,
    AddressHistory,
    Effect,
    Reported,
    Stop,
    what_follows,
)
from campaigns.inquiry.report import MailReport, ReportKind
from campaigns.permission import point_party
from dispatcher.engine import Engine
from dispatcher.inquiries.writing import attempt_key_of_message_id, inquiry_of_message_id, wrote
from dispatcher.ledger import Transaction, inquiries, mail_reports, suppressions
from dispatcher.ledger.attempts import Attempt
from dispatcher.ledger.mail_reports import Sent
from dispatcher.logs import mask
from dispatcher.mailrobot.campaign_mail import MOST_NAMES, note_receipt
from dispatcher.record import Finding, hold_all, record

log = structlog.get_logger()

ROBOT = "mailrobot"
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
# Told in words on the screen; of the others the outcome says enough.
_WORDS = {ReportKind.FULL: "mailbox full"}


def take_report(
    tx: Transaction,
    engine: Engine,
    attempt: Attempt | None,
    report: MailReport,
    letter_id: int | None,
    now: datetime,
) -> Effect:
    """Apply a report and keep it, as often and as late as it may come.

    `attempt` is the one that it was proven to be about (`campaign_mail.attempt_of`); without one it
    may be about an answer of ours to an inquiry. The address it names decides nothing: a letter may
    have been forwarded, and anybody can name an address.
    """
    if attempt is not None:
        address, effect = attempt.contact_point, _apply(tx, engine, attempt, report, now)
    else:
        sent = _answer_of_ours(tx, engine, report)
        address = sent.recipient if sent else report.recipient
        effect = _note(tx, sent, report) if sent else Effect.UNKNOWN
    mail_reports.keep(
        tx,
        letter_id=letter_id,
        attempt_id=attempt.id if attempt else None,
        address=address,
        kind=report.kind,
        status=report.status,
        effect=effect,
        now=now,
    )
    log.info(
        "mail_report", kind=report.kind.value, effect=effect.value, contact_point=mask(address)
    )
    return effect


def _apply(
    tx: Transaction, engine: Engine, attempt: Attempt, report: MailReport, now: datetime
) -> Effect:
    address, status = attempt.contact_point, _status(report)
    if not address:
        return Effect.STALE  # erased: all who were would count as one address
    # The third letter that comes back is the third one only for who counts alone.
    inquiries.one_at_a_time(tx, point_party(address))
    held = hold_all(tx, engine, [attempt.id]).get(attempt.id, attempt)
    if not held.contact_point:
        return Effect.STALE
    is_known = mail_reports.has_counted(tx, address, attempt.id, report.kind)
    about = Reported(held.outcome, held.started_at, is_known)
    follows = what_follows(report.kind, about, _history(tx, address, now), now)
    if follows.outcome is None:
        return Effect.STALE if is_known else Effect.KEPT
    effect = Effect.STALE
    detail = f"{_WORDS.get(report.kind, f'report: {report.kind}')} {status}".strip()
    if record(tx, engine, [Finding(held.id, follows.outcome, now, detail)], now):
        payload = {"kind": "report", "report": report.kind.value, "status": status}
        note_receipt(tx, held, follows.outcome, payload, now)
        effect = Effect.RECORDED
    if follows.stop is not None and _suppress(tx, address, follows.stop, now):
        effect = Effect.SUPPRESSED
    return effect


def _history(tx: Transaction, address: str, now: datetime) -> AddressHistory:
    return AddressHistory(
        tuple(mail_reports.soft_since(tx, address, now - SOFT_WITHIN)),
        mail_reports.last_sign(tx, address, SIGNS_OF_LIFE),
    )


def _suppress(tx: Transaction, address: str, stop: Stop, now: datetime) -> bool:
    entry = Suppression(
        reason=BOUNCED,
        contact_point=address,
        channel=ChannelName.EMAIL,
        until_at=stop.until_at,
    )
    return suppressions.add(tx, entry, ROBOT, now)


def _status(report: MailReport) -> str:
    """The status code where it is one: what a stranger's report says goes no further unread."""
    return report.status if _STATUS.fullmatch(report.status) else ""


def _answer_of_ours(tx: Transaction, engine: Engine, report: MailReport) -> Sent | None:
    """The letter about an inquiry that a report quotes: an answer, or one to a specialist."""
    for message_id in report.message_ids[:MOST_NAMES]:
        if wrote(engine, message_id) and attempt_key_of_message_id(engine, message_id) is None:
            inquiry_id = inquiry_of_message_id(engine, message_id)
            sent = mail_reports.letter_named(tx, inquiry_id, message_id)
            if sent is not None:
                return sent
    return None


def _note(tx: Transaction, sent: Sent, report: MailReport) -> Effect:
    """Staff must see that somebody who waits for a letter, or should act on one, has not got it."""
    if report.kind not in FAILURES:
        return Effect.KEPT
    mail_reports.note_on_letter(tx, sent, f"{report.kind}: {_status(report)}".strip(": "))
    log.warning(
        "letter.bounced",
        letter=sent.kind,
        inquiry=sent.inquiry_id,
        kind=report.kind.value,
        status=_status(report),
        contact_point=mask(sent.recipient),
    )
    return Effect.ANSWER
