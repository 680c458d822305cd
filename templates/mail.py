"""A letter as bytes: multipart text and HTML in UTF-8, ready for SMTP's DATA.

Written by hand, because the standard library's EmailMessage costs more than the rest of the way of
a letter together. Rules: RFC 5322 (headers, lines), RFC 2045-2047 (MIME, encoded words), RFC 3834
(Auto-Submitted), RFC 2369 and 8058 (List-Unsubscribe in one click), RFC 6532 (local parts beyond
ASCII), RFC 2183 and 2231 (the name of what is attached). No value can add a header: whatever breaks
a line is neutralised or refused; a stranger's Message-ID that is none is left out.
"""

import re
from binascii import b2a_base64
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from struct import Struct
from typing import Literal
from urllib.parse import quote

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
_MAILTO = re.compile(r"mailto:[!-;=?-~]{1,900}")
# What the world writes into Message-IDs beyond the rules, as long as it cannot mean anything else.
_STRANGERS_ID = re.compile(r"<[A-Za-z0-9.!#$%&'*+/=?^_`{|}~:@\[\]-]{1,248}>")
_LOOP_MARK = re.compile(r"[^\s\x00-\x1f\x7f-\x9f]{1,320}")
_FILE_NAME = re.compile(r"[A-Za-z0-9 !#$&+^_`{}~.,()=@-]{1,50}")
_MOST_REFERENCES = 10
_LONGEST_FILE_NAME = 80
_WORD_BYTES = 39  # base64 of it, the word's frame and “Subject: ” stay within 76 characters
_BASE64_LINE = 76
_MOST_LINES_AT_ONCE = 512
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


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
    unsubscribe_mailto: str | None = None,
    in_reply_to: str | None = None,
    references: Sequence[str] = (),
    auto_submitted: Literal["auto-generated", "auto-replied"] | None = "auto-generated",
    loop_mark: str | None = None,
    attachment: tuple[str, bytes] | None = None,
) -> bytes:
    """The whole letter with CRLF line ends; the same arguments always give the same bytes.

    `message_id` is accepted with and without angle brackets, `sent_at` must know its zone;
    `unsubscribe_mailto` is a whole `mailto:` URL, `attachment` the name of a file and its content,
    which no mail program opens by itself. Raises UnfitHeader for an address, identifier or URL that
    cannot be written, ValueError for a naive instant.
    """
    if sent_at.tzinfo is None:
        raise ValueError("sent_at must be an aware instant")
    identifier = _identifier(message_id)
    boundary = "=_" + sha256(identifier.encode()).hexdigest()[:32]
    headers = [
        f"From: {_house_mailbox(sender, sender_name, 'From')}",
        f"To: {_mailbox(to, to_name, 'To')}",
        f"Subject: {header_words(subject)}",
        f"Date: {_date(sent_at)}",
        f"Message-ID: {identifier}",
        "MIME-Version: 1.0",
    ]
    if auto_submitted:
        headers.append(f"Auto-Submitted: {auto_submitted}")
    if reply_to:
        headers.append(f"Reply-To: {_house_mailbox(reply_to, '', 'Reply-To')}")
    headers += _thread(in_reply_to, references)
    if loop_mark:
        headers.append(f"X-Loop: {_mark(loop_mark)}")
    headers += _unsubscribing(unsubscribe_url, unsubscribe_mailto)
    kind = f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"'
    frame = boundary.encode()
    body = b"%b%b--%b--\r\n" % (_part(b"plain", text, frame), _part(b"html", html, frame), frame)
    if attachment is not None:
        outer = boundary.replace("=_", "=+", 1)
        enclosed = _enclosed(*attachment, outer)
        body = f"--{outer}\r\n{kind}\r\n\r\n".encode() + body + enclosed
        body += f"--{outer}--\r\n".encode()
        kind = f'Content-Type: multipart/mixed;\r\n boundary="{outer}"'
    return ("\r\n".join((*headers, kind)) + "\r\n\r\n").encode() + body


def mailto(address: str, subject: str) -> str:
    """The URL of a letter with nothing but a subject (RFC 6068)."""
    local, _at, domain = ascii_domain(address, "List-Unsubscribe").rpartition("@")
    return f"mailto:{quote(local, safe='+')}@{quote(domain)}?subject={quote(subject, safe='')}"


def thread_of(message_id: str, references: Sequence[str]) -> tuple[str, ...]:
    """The References of an answer (RFC 5322, section 3.6.4): where the thread began, and its last
    letters. Whatever cannot stand there is left out."""
    whole = tuple(dict.fromkeys(filter(_may_be_told, (*references, message_id))))
    return whole if len(whole) <= _MOST_REFERENCES else whole[:1] + whole[1 - _MOST_REFERENCES :]


def _thread(in_reply_to: str | None, references: Sequence[str]) -> list[str]:
    headers = []
    if in_reply_to and _may_be_told(in_reply_to):
        headers.append(f"In-Reply-To: {in_reply_to}")
    if fit := thread_of("", references):
        headers.append("References: " + "\r\n ".join(fit))
    return headers


def _may_be_told(message_id: str) -> bool:
    return _STRANGERS_ID.fullmatch(message_id) is not None and "=?" not in message_id


def _mark(loop_mark: str) -> str:
    if not _LOOP_MARK.fullmatch(loop_mark):
        raise UnfitHeader("X-Loop")
    return loop_mark


def _unsubscribing(url: str | None, by_mail: str | None) -> list[str]:
    """RFC 2369: the better way first; only the URL of https can be used in one click."""
    ways = [f"<{_url(url)}>"] if url else []
    if by_mail:
        if not _MAILTO.fullmatch(by_mail):
            raise UnfitHeader("List-Unsubscribe")
        ways.append(f"<{by_mail}>")
    headers = ["List-Unsubscribe: " + ",\r\n ".join(ways)] if ways else []
    return headers + (["List-Unsubscribe-Post: List-Unsubscribe=One-Click"] if url else [])


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


@lru_cache(maxsize=64)
def _house_mailbox(address: str, name: str, header: str) -> str:
    """Our own addresses, the same in every letter; those of customers are not kept."""
    return _mailbox(address, name, header)


def _date(sent_at: datetime) -> str:
    if sent_at.tzinfo is not UTC:
        return format_datetime(sent_at)
    at = sent_at  # what `format_datetime` makes of it, in a third of the time
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} "
        f"{at.hour:02}:{at.minute:02}:{at.second:02} +0000"
    )


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
    encoded = text.encode("utf-8", "replace")
    words: list[str] = []
    begin, length = 0, len(encoded)
    while length - begin > _WORD_BYTES:
        end = begin + _WORD_BYTES
        while encoded[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        words.append(_word(encoded[begin:end]))
        begin = end
    words.append(_word(encoded[begin:]))
    return words


def _word(chunk: bytes) -> str:
    return f"=?utf-8?b?{b2a_base64(chunk, newline=False).decode()}?="


def _identifier(message_id: str) -> str:
    identifier = message_id if message_id.startswith("<") else f"<{message_id}>"
    if len(identifier) > 250 or not _MESSAGE_ID.fullmatch(identifier):
        raise UnfitHeader("Message-ID")
    return identifier


def _url(url: str) -> str:
    if not _URL.fullmatch(url):
        raise UnfitHeader("List-Unsubscribe")
    return url


def _part(subtype: bytes, body: str, boundary: bytes) -> bytes:
    if "\r" in body:
        body = body.replace("\r\n", "\n").replace("\r", "\n")
    # RFC 2045 section 6.8: the canonical line end within base64 text is CRLF.
    canonical = body.encode("utf-8", "replace").replace(b"\n", b"\r\n")
    return (
        b"--%b\r\n"
        b"Content-Type: text/%b; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n%b\r\n"
    ) % (boundary, subtype, _lines(canonical))


def _enclosed(name: str, content: bytes, boundary: str) -> bytes:
    head = (
        f"--{boundary}\r\n"
        "Content-Type: application/octet-stream\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment;\r\n {_file_name(name)}\r\n\r\n"
    )
    return head.encode() + _lines(content) + b"\r\n"


def _file_name(name: str) -> str:
    """The parameter `filename`: plain, or in pieces of percent signs (RFC 2231, section 4.1)."""
    clean = one_line(re.sub(r"[/\\\\:]", "_", name))[-_LONGEST_FILE_NAME:].strip() or "letter"
    if _FILE_NAME.fullmatch(clean):
        return f'filename="{clean}"'
    pieces = ["utf-8''"]
    for character in clean:
        encoded = quote(character, safe="", errors="replace")
        if len(pieces[-1]) + len(encoded) > _WORD_BYTES:
            pieces.append("")
        pieces[-1] += encoded
    if len(pieces) == 1:
        return f"filename*={pieces[0]}"
    return ";\r\n ".join(f"filename*{number}*={piece}" for number, piece in enumerate(pieces))


def _lines(content: bytes) -> bytes:
    """Base64 in lines of 76 characters (RFC 2045, section 6.8)."""
    encoded = b2a_base64(content, newline=False)
    whole, rest = divmod(len(encoded), _BASE64_LINE)
    if whole > _MOST_LINES_AT_ONCE:
        starts = range(0, len(encoded), _BASE64_LINE)
        return b"\r\n".join([encoded[start : start + _BASE64_LINE] for start in starts])
    lines = _cutter(whole).unpack_from(encoded)  # twice as fast as so many slices
    if rest:
        lines = (*lines, encoded[-rest:])
    return b"\r\n".join(lines)


@lru_cache(maxsize=_MOST_LINES_AT_ONCE + 1)
def _cutter(lines: int) -> Struct:
    return Struct(f"{_BASE64_LINE}s" * lines)
