"""A letter as bytes: multipart text and HTML in UTF-8, ready for SMTP's DATA.

Written by hand, because the standard library's EmailMessage costs more than the rest of the way of
a letter together. Rules: RFC 5322 (headers, lines), RFC 2045-2047 (MIME, encoded words), RFC 3834
(Auto-Submitted), RFC 2369 and 8058 (List-Unsubscribe in one click), RFC 6532 (local parts beyond
ASCII). No value can add a header: whatever breaks a line is neutralised or refused.
"""

import re
from base64 import b64encode
from datetime import datetime
from email.utils import format_datetime
from hashlib import sha256

from email_validator import EmailNotValidError, validate_email

from templates.errors import RenderError
from templates.neutral import one_line

_PLAIN_WORDS = re.compile(r"[A-Za-z0-9 !#$%&'*+/^_`{|}~.,;:?()-]{0,60}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]{1,60}")
_ADDRESS = re.compile(
    r"""[^\s<>()\[\]\\,;:"@\x00-\x1f\x7f-\x9f]{1,64}@[^\s<>()\[\]\\,;:"@]{1,255}"""
)
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+>")
_URL = re.compile(r"https?://[!-;=?-~]{1,900}")
_WORD_BYTES = 39  # base64 of it, the word's frame and “Subject: ” stay within 76 characters
_BASE64_LINE = 76


class UnfitHeader(RenderError, ValueError):
    """An address, identifier or URL that cannot stand in a header; its value stays unsaid."""

    def __init__(self, header: str) -> None:
        self.header = header
        super().__init__(f"unfit value for the header {header}")


def build_letter(
    *,
    sender: str,
    sender_name: str,
    to: str,
    to_name: str,
    subject: str,
    text: str,
    html: str,
    message_id: str,
    sent_at: datetime,
    reply_to: str | None = None,
    unsubscribe_url: str | None = None,
) -> bytes:
    """The whole letter with CRLF line ends; the same arguments always give the same bytes.

    `message_id` is accepted with and without angle brackets, `sent_at` must know its zone. Raises
    UnfitHeader for an address, identifier or URL that cannot be written, ValueError for a naive
    instant.
    """
    if sent_at.tzinfo is None:
        raise ValueError("sent_at must be an aware instant")
    identifier = _identifier(message_id)
    boundary = "=_" + sha256(identifier.encode()).hexdigest()[:32]
    headers = [
        f"From: {_mailbox(sender, sender_name, 'From')}",
        f"To: {_mailbox(to, to_name, 'To')}",
        f"Subject: {header_words(subject)}",
        f"Date: {format_datetime(sent_at)}",
        f"Message-ID: {identifier}",
        "MIME-Version: 1.0",
        "Auto-Submitted: auto-generated",
    ]
    if reply_to:
        headers.append(f"Reply-To: {_mailbox(reply_to, '', 'Reply-To')}")
    if unsubscribe_url:
        headers.append(f"List-Unsubscribe: <{_url(unsubscribe_url)}>")
        headers.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    headers.append(f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"')
    parts = (_part("plain", text, boundary), _part("html", html, boundary))
    return ("\r\n".join(headers) + "\r\n\r\n" + "".join(parts) + f"--{boundary}--\r\n").encode()


def header_words(text: str) -> str:
    """Free text as a header may carry it: plain when it can be, else RFC 2047 words, folded."""
    clean = one_line(text)
    if _PLAIN_WORDS.fullmatch(clean) and "=?" not in clean:
        return clean
    return "\r\n ".join(_encoded_words(clean))


def ascii_domain(address: str, header: str = "To") -> str:
    """The address with its domain as the wire wants it: `почта.рф` is `xn--80a1acny.xn--p1ai`."""
    local, _at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        # Only the domain is asked about, so a local part beyond ASCII stays as it is.
        checked = validate_email(f"a@{domain}", check_deliverability=False)
    except EmailNotValidError:
        raise UnfitHeader(header) from None
    return f"{local}@{checked.ascii_domain}"


def _mailbox(address: str, name: str, header: str) -> str:
    if not _ADDRESS.fullmatch(address):
        raise UnfitHeader(header)
    wire = ascii_domain(address, header)
    clean = one_line(name)
    if not clean:
        return wire if header != "From" else f"<{wire}>"
    if _ATOMS.fullmatch(clean) and "=?" not in clean:
        return f"{clean} <{wire}>"
    words = "\r\n ".join(_encoded_words(clean))
    return f"{words}\r\n <{wire}>"


def _encoded_words(text: str) -> list[str]:
    """Base64 words of whole characters: a reader must be able to decode each by itself."""
    words: list[str] = []
    chunk = b""
    for character in text:
        encoded = character.encode("utf-8", "replace")
        if len(chunk) + len(encoded) > _WORD_BYTES:
            words.append(_word(chunk))
            chunk = b""
        chunk += encoded
    words.append(_word(chunk))
    return words


def _word(chunk: bytes) -> str:
    return f"=?utf-8?b?{b64encode(chunk).decode()}?="


def _identifier(message_id: str) -> str:
    identifier = message_id if message_id.startswith("<") else f"<{message_id}>"
    if len(identifier) > 250 or not _MESSAGE_ID.fullmatch(identifier):
        raise UnfitHeader("Message-ID")
    return identifier


def _url(url: str) -> str:
    if not _URL.fullmatch(url):
        raise UnfitHeader("List-Unsubscribe")
    return url


def _part(subtype: str, body: str, boundary: str) -> str:
    # RFC 2045 section 6.8: the canonical line end within base64 text is CRLF.
    canonical = "\r\n".join(body.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    encoded = b64encode(canonical.encode("utf-8", "replace")).decode("ascii")
    lines = [
        encoded[start : start + _BASE64_LINE] for start in range(0, len(encoded), _BASE64_LINE)
    ]
    return (
        f"--{boundary}\r\n"
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n" + "\r\n".join(lines) + "\r\n"
    )
