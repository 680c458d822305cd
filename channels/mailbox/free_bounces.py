"""Bounces that follow no standard: told by their sender, their subject and their words."""

import logging
import re
from email.message import Message

from flufl.bounce import all_failures

from campaigns.inquiry.letter import Letter
from campaigns.inquiry.report import MailReport, ReportKind
from channels.mailbox.addresses import usable_address
from channels.mailbox.identifiers import identifiers
from channels.mailbox.report_codes import kind_of_failure, status_in

# It logs what it stumbles over, with the words of the letter.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL + 1)

_SYSTEMS = frozenset(
    {"mailer-daemon", "mailerdaemon", "mail-daemon", "maildaemon", "postmaster", "mdaemon"}
)
# Old Exchange servers sign so, and people as well: their subject has to be a mail system's.
_ADMINISTRATORS = frozenset(
    {"system.administrator", "systemadministrator", "system-administrator", "system_administrator"}
)
_EXCHANGE = re.compile(r"microsoftexchange[0-9a-f]{32}@", re.IGNORECASE)
_SUBJECTS = (
    "undelivered mail", "undeliverable", "undelivered message", "delivery status notification",
    "mail delivery failed", "mail delivery failure", "delivery failure", "delivery has failed",
    "failure notice", "returned mail", "returned to sender", "message not delivered",
    "could not be delivered", "delivery notification", "mail system error", "delivery delayed",
    "delayed mail", "mail delivery problem", "warning: message", "недоставленное", "не доставлен",
    "не удалось доставить", "не удается доставить", "сообщение о недоставке", "ошибка доставки",
    "возвращено отправителю", "задержка доставки", "доставка отложена",
)  # fmt: skip
_DELAYED = (
    "delivery delayed", "has been delayed", "message delayed", "warning: message",
    "will continue to try", "will be retried", "still being retried", "not yet been delivered",
    "do not need to resend", "no action is required", "delivery attempts will continue",
    "попытки доставки продолж", "доставка отложена", "задержка доставки",
)  # fmt: skip
_COPIES = (
    "this is a copy of the message", "below this line is a copy", "copy of your message",
    "original message follows", "message header follow", "original message headers",
    "копия вашего письма", "копия письма", "исходное сообщение", "original message -",
)  # fmt: skip
_MESSAGE_ID = re.compile(r"message-id:\s{0,10}(<[^<>]{3,500}>)", re.IGNORECASE)
_ADDRESS = re.compile(r"<([^<>@\s]{1,64}@[^<>@\s]{1,255})>")
_MOST_LINES = 500
_LONGEST_LINE = 500
_MOST_CHARACTERS = 20_000
_MOST_IDENTIFIERS = 20


def read_free_bounce(letter: Letter, quoted: list[str]) -> MailReport | None:
    """What a mail system says in its own words; None: this is no mail system, or says nothing.

    An automatic answer of a person's mailbox has the null path as well. So a letter with nothing
    but that is a bounce only when it names the address that failed.
    """
    failed = [one for value in letter.values("x-failed-recipients") for one in value.split(",")]
    is_system = _is_mail_system(letter) or bool(failed) or _is_administrators_report(letter)
    if not is_system and letter.return_path != "":
        return None
    is_named = _has_usual_subject(letter)
    lines = [line[:_LONGEST_LINE] for line in letter.text.split("\n", _MOST_LINES)[:_MOST_LINES]]
    text = "\n".join(lines)[:_MOST_CHARACTERS]
    temporary, permanent = _failures(letter, text)
    if not (temporary or permanent or failed or is_named or is_system):
        return None
    told = _before_the_copy(text)
    status = status_in(told)
    addresses = [*permanent, *temporary, *failed, *_ADDRESS.findall(told)]
    usable = (usable_address(one) for one in addresses[:_MOST_IDENTIFIERS])
    named = [one for found in _MESSAGE_ID.findall(letter.text) for one in identifiers(found, 1)]
    return MailReport(
        _kind(letter.subject, told, status, is_temporary=bool(temporary) and not permanent)
        if temporary or permanent or failed or status or is_named
        else ReportKind.UNKNOWN,
        next((one.lower() for one in usable if one), ""),
        status,
        tuple(dict.fromkeys([*named, *quoted]))[:_MOST_IDENTIFIERS],
        is_standard=False,
    )


def _is_mail_system(letter: Letter) -> bool:
    addresses = [one.address for one in letter.senders] or [*letter.values("from")]
    if letter.return_path:
        addresses.append(letter.return_path)
    return any(
        one.rpartition("@")[0].lower() in _SYSTEMS
        or one.lower() in _SYSTEMS
        or _EXCHANGE.match(one) is not None
        for one in addresses
    )


def _is_administrators_report(letter: Letter) -> bool:
    """An administrator who asks about a bounce writes "Re:", or something of their own, first."""
    return _plain_subject(letter).startswith(_SUBJECTS) and any(
        one.address.partition("@")[0].lower() in _ADMINISTRATORS for one in letter.senders
    )


def _has_usual_subject(letter: Letter) -> bool:
    low = _plain_subject(letter)
    return any(words in low for words in _SUBJECTS)


def _plain_subject(letter: Letter) -> str:
    return letter.subject.strip().lower().replace("ё", "е")


def _kind(subject: str, told: str, status: str, *, is_temporary: bool) -> ReportKind:
    low = f"{subject}\n{told}".lower()
    if is_temporary or any(words in low for words in _DELAYED):
        return ReportKind.DELAYED
    return kind_of_failure(status, low)


def _before_the_copy(text: str) -> str:
    """The words of the mail system alone, without those of the letter that it returns."""
    low = text.lower()
    ends = [at for words in _COPIES if (at := low.find(words)) > 0]
    return text[: min(ends, default=len(text))]


def _failures(letter: Letter, text: str) -> tuple[list[str], list[str]]:
    """Addresses that failed for now and for good, by the forms of many mail systems.

    They are shown a message made of what was read already: bounded, in short lines, one text.
    """
    message = Message()
    message["Subject"] = letter.subject
    message["From"] = letter.sender.address if letter.sender else ""
    for name in ("x-failed-recipients", "x-mailer"):
        for value in letter.values(name)[:5]:
            message[name] = value
    message.set_payload(text)
    try:
        temporary, permanent = all_failures(message)
    except Exception:  # a form that its author did not think of
        return [], []
    return [_text(one) for one in sorted(temporary)], [_text(one) for one in sorted(permanent)]


def _text(address: bytes | str) -> str:
    return address.decode("utf-8", "replace") if isinstance(address, bytes) else address
