"""What an SMTP server's answer means for one letter (RFC 5321, section 4.2; RFC 3463)."""

import re
from dataclasses import dataclass
from enum import StrEnum

from campaigns.outcome import Outcome
from channels.base import Cause, Fault, Handover, postponed, refused

_ENHANCED = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})(?!\d)")
# Refusals that speak of us or our login, not of the recipient: staff mend them, nobody is refused.
_OUR_FAULT = frozenset({530, 534, 535, 538})
_NO_SUCH_MAILBOX = frozenset({550, 551, 553})
_ABOUT_THE_SENDER = frozenset({"5.1.7", "5.1.8"})
_TOO_LARGE = frozenset({"5.2.3", "5.3.4"})
# Codes that say too little. Servers that judge sender and client only at RCPT give such ones there,
# and their words alone tell that no mailbox is meant.
_VAGUE = frozenset({None, "5.0.0", "5.1.0"})
_WORDS_ABOUT_US = ("sender", "relay", "client host", "blacklist", "blocklist", "spam")


class Stage(StrEnum):
    """How far the letter had come when the server answered."""

    SENDER = "MAIL"
    RECIPIENT = "RCPT"
    CONTENT = "DATA"


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer. `text` may quote the customer's address: it never goes into a detail."""

    code: int
    text: str

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code, `5.1.1`, where the server tells one (RFC 2034)."""
        found = _ENHANCED.match(self.text)
        return ".".join(found.groups()) if found else None

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 300


def judge_refusal(reply: Reply, stage: Stage) -> Handover:
    """What a negative answer before or instead of the acceptance comes to."""
    enhanced = reply.enhanced
    detail = f"{stage} {reply.code}" + (f" {enhanced}" if enhanced else "")
    if not 500 <= reply.code < 600:
        if _this_recipient_only(reply, enhanced, stage):
            return postponed(detail, about_recipient=True)
        return postponed(detail, cause=cause_of_delay(reply))
    if reply.code in _OUR_FAULT:
        return postponed(
            f"{detail}: the server does not let us in, check the login", cause=Cause.ACCOUNT
        )
    return refused(_refusal(reply, enhanced, stage), detail, fault=_fault(reply, enhanced, stage))


def cause_of_delay(reply: Reply) -> Cause:
    """A server that asks us to come later is well, unless it says that its own system is in trouble
    (4.3.x) or does not speak SMTP."""
    in_order = 400 <= reply.code < 500 and not (reply.enhanced or "").startswith("4.3.")
    return Cause.THROTTLED if in_order else Cause.UNREACHABLE


def _this_recipient_only(reply: Reply, enhanced: str | None, stage: Stage) -> bool:
    """A full or greylisted mailbox, as opposed to a server in trouble (x.3.x, 421)."""
    if reply.code == 421 or (enhanced or "").startswith("4.3."):
        return False
    return stage is Stage.RECIPIENT or (enhanced or "").startswith(("4.1.", "4.2."))


def _refusal(reply: Reply, enhanced: str | None, stage: Stage) -> Outcome:
    outcome = _by_code(reply.code, enhanced, stage)
    if outcome is Outcome.BAD_ADDRESS and enhanced in _VAGUE:
        return Outcome.REJECTED if _speaks_of(reply, *_WORDS_ABOUT_US) else outcome
    return outcome


def _by_code(code: int, enhanced: str | None, stage: Stage) -> Outcome:
    if enhanced is None:
        dead = stage is Stage.RECIPIENT and code in _NO_SUCH_MAILBOX
        return Outcome.BAD_ADDRESS if dead else Outcome.BOUNCED
    if enhanced.startswith("5.7.") or enhanced in _ABOUT_THE_SENDER:
        return Outcome.REJECTED
    if enhanced.startswith("5.1."):
        return Outcome.REJECTED if stage is Stage.SENDER else Outcome.BAD_ADDRESS
    return Outcome.BOUNCED


def _fault(reply: Reply, enhanced: str | None, stage: Stage) -> Fault | None:
    """Whom a refusal is about; None where it may be anybody: the host we send from, or policy."""
    is_full = enhanced is None and reply.code == 552
    if enhanced in _TOO_LARGE or (is_full and stage is not Stage.RECIPIENT):
        return Fault.LETTER
    is_open = enhanced in _VAGUE or (enhanced or "").startswith("5.7.")
    about_sender = enhanced in _ABOUT_THE_SENDER or (is_open and _speaks_of(reply, "sender"))
    if stage is Stage.SENDER or about_sender:
        return Fault.SENDER
    about_mailbox = is_full or (enhanced or "").startswith("5.2.")
    if about_mailbox or _refusal(reply, enhanced, stage) is Outcome.BAD_ADDRESS:
        return Fault.RECIPIENT
    return None


def _speaks_of(reply: Reply, *words: str) -> bool:
    """An address that is quoted may be made of any words."""
    text = " ".join(word for word in reply.text.lower().split() if "@" not in word)
    return any(word in text for word in words)
