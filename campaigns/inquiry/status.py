"""An inquiry from registration to its end: the channels it comes by and the changes allowed.

    registered → routed → interim → answered → closed

Any step may be left out, and an inquiry may be closed without an answer for one of the standard's
reasons (`004`, chapter 8, section 5). Words of the same customer open it again.
"""

from enum import StrEnum


class InquiryChannel(StrEnum):
    """How an inquiry came to us."""

    SMS = "sms"
    EMAIL = "email"
    FORM = "form"  # of the site
    PHONE = "phone"


class InquiryStatus(StrEnum):
    REGISTERED = "registered"
    ROUTED = "routed"  # a specialist has it
    INTERIM = "interim"  # an interim answer went; the answer in substance is owed
    ANSWERED = "answered"  # in substance
    CLOSED = "closed"


OPEN = frozenset({InquiryStatus.REGISTERED, InquiryStatus.ROUTED, InquiryStatus.INTERIM})
OVER = frozenset({InquiryStatus.ANSWERED, InquiryStatus.CLOSED})


class CloseReason(StrEnum):
    """Why an inquiry is closed. All but the first two: without an answer in substance."""

    ANSWERED = "answered"
    DONE = "done"  # nothing to answer: a stop that was obeyed, a thank-you
    NO_CONTACT = "no_contact"
    OBSCENE = "obscene"  # obscene or threatening
    UNREADABLE = "unreadable"
    REPEATED = "repeated"  # the same question was answered already
    SPAM = "spam"


class Missing(StrEnum):
    """What an inquiry lacks, asked for in the first answer and told to the specialist."""

    ACCOUNT = "account"
    CONTACT = "contact"
    TEXT = "text"  # nothing readable in it
