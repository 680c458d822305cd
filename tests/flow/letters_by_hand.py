"""Letters as customers, mail systems and programs write them, to the byte."""

import base64
import hashlib
from collections.abc import Mapping

INFO = "info@example.com"
ANNA = "anna@example.org"
WORDS = "Здравствуйте! Третий день нет света в доме. Когда его дадут?"


def letter(
    words: str = WORDS,
    *,
    sender: str = f"Анна <{ANNA}>",
    to: str = INFO,
    subject: str = "Нет света",
    message_id: str | None = None,
    in_reply_to: str = "",
    headers: Mapping[str, str] | None = None,
    above: str = "",
) -> bytes:
    """A letter of a person. The same arguments make the same letter, others another; `above` are
    lines that servers on its way put before it."""
    told = "\n".join((words, sender, subject, in_reply_to, *(headers or {}).values()))
    lines = {
        "From": sender,
        "To": to,
        "Subject": subject,
        "Date": "Mon, 07 Sep 2026 10:00:00 +0300",
        "Message-ID": named(told) if message_id is None else message_id,
        "In-Reply-To": in_reply_to,
        **(headers or {}),
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return (above + head + "\r\n" + words.replace("\n", "\r\n") + "\r\n").encode()


def named(told: str) -> str:
    """A Message-ID of a customer's program."""
    return f"<{hashlib.sha256(told.encode()).hexdigest()[:16]}@example.org>"


def bounce(message_id: str, recipient: str, *, status: str = "5.1.1") -> bytes:
    """A mail system says that a letter of ours came back (RFC 3464)."""
    return _report(
        "delivery-status",
        "MAILER-DAEMON@mx.example.org",
        "Your letter could not be delivered.",
        "Reporting-MTA: dns; mx.example.org\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\n"
        "Action: failed\r\n"
        f"Status: {status}\r\n",
        message_id,
    )


def read_receipt(message_id: str, recipient: str) -> bytes:
    """A mail program says that a letter of ours was shown (RFC 8098)."""
    return _report(
        "disposition-notification",
        recipient,
        "Your letter was displayed.",
        f"Final-Recipient: rfc822; {recipient}\r\n"
        f"Original-Message-ID: {message_id}\r\n"
        "Disposition: manual-action/MDN-sent-manually; displayed\r\n",
        message_id,
    )


def _report(kind: str, sender: str, words: str, fields: str, message_id: str) -> bytes:
    return (
        "Return-Path: <>\r\n"
        f"From: {sender}\r\n"
        f"To: {INFO}\r\n"
        f"Subject: {kind}\r\n"
        f"Message-ID: {named(kind + message_id)}\r\n"
        "MIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="=_b"\r\n\r\n'
        f"--=_b\r\nContent-Type: text/plain\r\n\r\n{words}\r\n"
        f"--=_b\r\nContent-Type: message/{kind}\r\n\r\n{fields}\r\n"
        f"--=_b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {message_id}\r\n"
        "--=_b--\r\n"
    ).encode()


def with_attachment(size_bytes: int) -> bytes:
    """A letter with words and a file of about this size as it travels."""
    line = base64.b64encode(b"scan of a meter " * 3) + b"\r\n"
    head = (
        f"From: {ANNA}\r\nTo: {INFO}\r\nSubject: Scan\r\nMessage-ID: {named('scan')}\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=_b"\r\n\r\n'
        f"--=_b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{WORDS}\r\n"
        "--=_b\r\nContent-Type: image/tiff\r\n"
        "Content-Disposition: attachment; filename=scan.tif\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
    ).encode()
    return head + line * (size_bytes // len(line)) + b"--=_b--\r\n"
