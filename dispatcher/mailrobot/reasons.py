"""Why a letter was answered or not, in words for staff."""

from campaigns.inquiry.verdict import Reason
from templates.i18n import _


def reason_words(reason: Reason) -> str:
    """The reason in the language of the screen."""
    return {
        Reason.OWN_LETTER: _("a letter of our own came round"),
        Reason.OWN_ADDRESS: _("from an address of our own"),
        Reason.REPORT: _("a report of a mail system"),
        Reason.NULL_SENDER: _("sent by a mail system, with no way back"),
        Reason.MAIL_SYSTEM: _("written by a mail system"),
        Reason.AUTO_SUBMITTED: _("sent by a program (Auto-Submitted)"),
        Reason.PRECEDENCE: _("bulk mail (Precedence)"),
        Reason.MAILING_LIST: _("from a mailing list"),
        Reason.SUPPRESS_HEADER: _("asks not to be answered by programs"),
        Reason.AUTO_HEADER: _("sent by a program"),
        Reason.NO_REPLY: _("from an address that nobody reads"),
        Reason.SPAM: _("marked as spam"),
        Reason.OUT_OF_OFFICE: _("an out-of-office answer"),
        Reason.UNSUBSCRIBE: _("unsubscribed by the link in our letter"),
        Reason.NO_SENDER: _("there is nobody to answer"),
        Reason.ANSWERED_BEFORE: _("this letter was answered before"),
        Reason.REPEATED: _("the same words again and again"),
        Reason.TOO_MANY: _(
            "enough answers for one day: to the sender, about the inquiry, or to the domain"
        ),
        Reason.REPLY: _("a reply to a message of ours"),
        Reason.FOLLOW_UP: _("belongs to an open inquiry"),
        Reason.LETTER: _("a letter from a person"),
    }[reason]
