"""Why there is no usable connection to the mail server: for the ledger, for staff, for health."""

import socket
import ssl
from enum import StrEnum

from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPConnectTimeoutError,
    SMTPResponseException,
    SMTPTimeoutError,
)

from channels.base import Cause
from channels.email.replies import Reply, cause_of_delay
from templates.i18n import _


class Trouble(StrEnum):
    """What is wrong, as it stands in a delivery's reason; `{code}` is the server's."""

    LOGIN = "the mail server refuses the login ({code}): check user name and password"
    CERTIFICATE = "the mail server's certificate cannot be verified"
    ENCRYPTION = "no encrypted connection to the mail server: check the port and the tls setting"
    NAME = "the name of the mail server is not known: check smtp_host"
    SILENT = "the mail server does not answer in time"
    TURNED_AWAY = "the mail server turns us away ({code})"
    NO_CONNECTION = (
        "no connection to the mail server: check smtp_host, smtp_port and whether it runs"
    )
    NOT_OFFERED = "the mail server does not offer what the settings ask for (STARTTLS or login)"


def trouble_of(error: Exception) -> Trouble:
    cause: BaseException = error.__cause__ or error
    if isinstance(error, SMTPAuthenticationError):
        return Trouble.LOGIN
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Trouble.CERTIFICATE
    if isinstance(cause, ssl.SSLError):
        return Trouble.ENCRYPTION
    if isinstance(cause, socket.gaierror):
        return Trouble.NAME
    if isinstance(error, SMTPConnectTimeoutError | SMTPTimeoutError):
        return Trouble.SILENT
    if isinstance(error, SMTPResponseException):
        return Trouble.TURNED_AWAY
    return Trouble.NO_CONNECTION if isinstance(error, SMTPConnectError) else Trouble.NOT_OFFERED


def cause_of(error: Exception) -> Cause:
    """A refused login is ours to mend; a server that only asks for patience (421; 454 for a login,
    RFC 4954, section 6) is well."""
    if not isinstance(error, SMTPResponseException):
        return Cause.UNREACHABLE
    if isinstance(error, SMTPAuthenticationError) and 500 <= error.code < 600:
        return Cause.ACCOUNT
    return cause_of_delay(Reply(error.code, error.message))


def words(trouble: Trouble, code: int | None) -> str:
    """The trouble in the reader's language, with what to look at."""
    told = {
        Trouble.LOGIN: _(
            "the mail server refuses the login ({code}): check smtp_username and smtp_password"
        ),
        Trouble.CERTIFICATE: _("the mail server's certificate cannot be verified"),
        Trouble.ENCRYPTION: _(
            "no encrypted connection to the mail server: check smtp_port and smtp_tls"
        ),
        Trouble.NAME: _("the name of the mail server is not known: check smtp_host"),
        Trouble.SILENT: _("the mail server does not answer in time"),
        Trouble.TURNED_AWAY: _("the mail server turns us away ({code})"),
        Trouble.NO_CONNECTION: _(
            "no connection to the mail server: check smtp_host, smtp_port and whether it runs"
        ),
        Trouble.NOT_OFFERED: _(
            "the mail server does not offer what the settings ask for: check smtp_tls and "
            "smtp_username"
        ),
    }
    return told[trouble].format(code=code)
