"""What staff read of inquiries: the words for channels, topics, statuses and reasons.

Tables of functions, as in `dispatcher.report.words`: the language is known only when they are read.
They are short, for they stand in columns; what customers are told is in `templates.answers`.
"""

from campaigns.inquiry.letter import Flaw
from campaigns.inquiry.status import CloseReason, InquiryChannel, InquiryStatus
from campaigns.recipient import Segment
from dispatcher.ledger.outbox import MailKind, MailStatus
from dispatcher.report.words import Words
from templates.i18n import _


def channels() -> Words:
    return {
        InquiryChannel.EMAIL: _("e-mail"),
        InquiryChannel.FORM: _("site"),
        InquiryChannel.SMS: _("SMS"),
        InquiryChannel.PHONE: _("phone"),
    }


def topics() -> Words:
    return {
        "complaint": _("complaint"),
        "reading": _("reading"),
        "billing": _("billing"),
        "connection": _("connection"),
        "outage": _("outage"),
        "contract": _("contract"),
        "thanks": _("thanks"),
        "other": _("other"),
    }


def statuses() -> Words:
    return {
        InquiryStatus.REGISTERED: _("registered"),
        InquiryStatus.ROUTED: _("with a specialist"),
        InquiryStatus.INTERIM: _("interim answer given"),
        InquiryStatus.ANSWERED: _("answer given"),
        InquiryStatus.CLOSED: _("closed"),
    }


def segments() -> Words:
    return {
        Segment.PRIVATE: _("private"),
        Segment.BUSINESS: _("business"),
        "": _("segment unknown"),
    }


def kinds() -> Words:
    """What the words of a customer come to, read by themselves."""
    return {"stop": _("stop"), "question": _("question"), "unreadable": _("unreadable")}


def close_reasons() -> Words:
    return {
        CloseReason.ANSWERED: _("answered in substance"),
        CloseReason.DONE: _("nothing to answer"),
        CloseReason.NO_CONTACT: _("no contact to answer to"),
        CloseReason.OBSCENE: _("obscene or threatening"),
        CloseReason.UNREADABLE: _("unreadable"),
        CloseReason.REPEATED: _("the same was answered already"),
        CloseReason.SPAM: _("spam"),
    }


def mail_kinds() -> Words:
    return {
        MailKind.ACKNOWLEDGEMENT: _("first answer"),
        MailKind.ANSWER: _("answer"),
        MailKind.INTERIM: _("interim answer"),
        MailKind.ROUTE: _("to the specialist"),
        MailKind.REMINDER: _("reminder"),
    }


def mail_statuses() -> Words:
    return {
        MailStatus.WAITING: _("waits to be sent"),
        MailStatus.SENDING: _("being sent"),
        MailStatus.SENT: _("sent"),
        MailStatus.FAILED: _("could not be sent"),
    }


def acts() -> Words:
    """What was done with an inquiry, as the trail names it."""
    return {
        "inquiry.assign": _("given to a specialist"),
        "inquiry.consent": _("consent to the use of personal data"),
        "inquiry.interim": _("interim answer given"),
        "inquiry.answer": _("answer given"),
        "inquiry.close": _("closed"),
        "inquiry.reopen": _("opened again"),
    }


def flaws() -> Words:
    """What reading a letter had to put up with."""
    return {
        Flaw.HEADERS: _("headers could not be read"),
        Flaw.CHARSET: _("the encoding was guessed"),
        Flaw.ENCODING: _("damaged on the way"),
        Flaw.STRUCTURE: _("parts without beginning or end"),
        Flaw.TOO_MANY_PARTS: _("too many parts"),
        Flaw.TOO_DEEP: _("nested too deep"),
        Flaw.TOO_LARGE: _("too large: only its beginning is here"),
        Flaw.TOO_SLOW: _("reading was given up"),
        Flaw.NO_SENDER: _("no sender"),
        Flaw.SEVERAL_SENDERS: _("several senders"),
        Flaw.NO_TEXT: _("no text"),
        Flaw.UNREADABLE: _("unreadable: look at the original"),
    }
