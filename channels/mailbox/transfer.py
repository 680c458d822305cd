"""What a part's bytes were before they were made fit for the wire (RFC 2045, section 6)."""

import re
from binascii import Error, a2b_base64, a2b_qp

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=\s]")
_OUTSIDE_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))  # fmt: skip  # noqa: E501
_WRONG_QUOTED = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]{0,80}\r{0,3}(?:\n|\Z))")
AS_THEY_ARE = frozenset({"", "7bit", "8bit", "binary"})


def decoded(raw: bytes, encoding: str) -> tuple[bytes, bool]:
    """The bytes behind an encoding, and whether nothing in it was wrong. What cannot be decoded is
    left out, what is in no known encoding is left as it is."""
    if encoding in AS_THEY_ARE:
        return raw, True
    if encoding == "base64":
        return from_base64(raw)
    if encoding == "quoted-printable":
        return a2b_qp(raw), _WRONG_QUOTED.search(raw) is None
    return raw, False


def from_base64(raw: bytes) -> tuple[bytes, bool]:
    """Up to the padding, or to the end; strange characters are passed over (RFC 2045, 6.8)."""
    is_right = _NOT_BASE64.search(raw) is None
    # Several encoded pieces put together are padded in the middle: then each ends by itself.
    pieces = [piece.translate(None, _OUTSIDE_BASE64) for piece in _pieces(raw)]
    found = []
    for piece in pieces:
        excess = len(piece) % 4
        if excess == 1:
            piece, is_right = piece[:-1], False  # noqa: PLW2901
        try:
            found.append(a2b_base64(piece + b"=" * (-len(piece) % 4)))
        except Error:
            is_right = False
    return b"".join(found), is_right


def _pieces(raw: bytes) -> list[bytes]:
    return [piece for piece in raw.split(b"=", 1000) if piece.strip()]


def size_of(raw: bytes, start: int, end: int, encoding: str) -> int:
    """Bytes that a part will have once it is decoded, without decoding it."""
    size = end - start
    if encoding != "base64":
        return size
    size -= raw.count(b"\n", start, end) + raw.count(b"\r", start, end)
    return max(0, size - raw.count(b"=", max(start, end - 8), end)) * 3 // 4
