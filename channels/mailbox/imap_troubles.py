"""Why a mailbox cannot be looked into, for staff: what to look at, and nothing of the server's own
words, which may hold an address."""

import re
import socket
import ssl
from enum import StrEnum

from imap_tools.errors import MailboxStarttlsError

from templates.i18n import _, ngettext


class LoginRefused(Exception):
    """User name or password are wrong, or the account is locked."""


class NoFolder(Exception):
    """The folder that letters come into cannot be opened."""


class Refused(Exception):
    """The server answers NO or BAD to a command; the connection goes on."""


class NotTaken(Exception):
    """The letters could not be written down: the ledger is away."""


class OwnFault(NotTaken):
    """They could not, and the ledger is not to blame: our own code broke."""


# RFC 5530: a refusal that says nothing about the password.
_PASSING = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "CONTACTADMIN"})
_CODE = re.compile(r"\[([A-Za-z-]{1,30})\]")


class Trouble(StrEnum):
    LOGIN = "login"
    FOLDER = "folder"
    CERTIFICATE = "certificate"
    ENCRYPTION = "encryption"
    NAME = "name"
    SILENT = "silent"
    NO_CONNECTION = "no_connection"
    STRANGE = "strange"
    LEDGER = "ledger"
    OWN_FAULT = "own_fault"


def trouble_of(error: Exception) -> Trouble:
    if isinstance(error, LoginRefused):
        return Trouble.LOGIN
    if isinstance(error, NoFolder):
        return Trouble.FOLDER
    if isinstance(error, OwnFault):
        return Trouble.OWN_FAULT
    if isinstance(error, NotTaken):
        return Trouble.LEDGER
    if isinstance(error, ssl.SSLCertVerificationError):
        return Trouble.CERTIFICATE
    if isinstance(error, ssl.SSLError | MailboxStarttlsError):
        return Trouble.ENCRYPTION
    if isinstance(error, socket.gaierror | UnicodeError):
        return Trouble.NAME
    if isinstance(error, TimeoutError):
        return Trouble.SILENT
    return Trouble.NO_CONNECTION if isinstance(error, OSError) else Trouble.STRANGE


def words(trouble: Trouble) -> str:
    """The trouble in the reader's language."""
    told = {
        Trouble.LOGIN: _("login refused: check user name and password"),
        Trouble.FOLDER: _("the folder cannot be opened"),
        Trouble.CERTIFICATE: _("the mail server's certificate cannot be verified"),
        Trouble.ENCRYPTION: _("no encrypted connection: check port and tls"),
        Trouble.NAME: _("the name of the mail server is not known"),
        Trouble.SILENT: _("the mail server does not answer in time"),
        Trouble.NO_CONNECTION: _("no connection to the mail server"),
        Trouble.STRANGE: _("the mail server breaks off or answers in a way nobody understands"),
        Trouble.LEDGER: _("letters cannot be written down: is the ledger there?"),
        Trouble.OWN_FAULT: _("the mail-robot itself is broken: the log tells where"),
    }
    return told[trouble]


def words_about_letters(stuck: int, *, moves_fail: bool) -> str:
    """What is wrong with a mailbox that is looked into; empty when all is well."""
    told = []
    if stuck:
        told.append(
            ngettext(
                "{number} letter cannot be fetched or read",
                "{number} letters cannot be fetched or read",
                stuck,
            ).format(number=stuck)
        )
    if moves_fail:
        told.append(_("letters cannot be moved to the folder for what is done"))
    return "; ".join(told)


def is_passing(answer: object) -> bool:
    """Whether a refused login says that it may be tried again: the server is ill, not we wrong."""
    return any(code.upper() in _PASSING for code in _CODE.findall(str(answer)[:300]))
