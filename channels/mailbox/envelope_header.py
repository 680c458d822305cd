"""The envelope of a letter that was handed over, written above its header as a mail server does on
final delivery (RFC 5321, section 4.4)."""

from collections.abc import Sequence

_LONGEST_NAME = len(b"return-path:")


def with_envelope(raw: bytes, sender: str, recipients: Sequence[str]) -> bytes:
    """The letter with `Return-Path` and `Delivered-To`. A Return-Path that came inside is a
    stranger's word, and is taken out."""
    lines = [b"Return-Path: <%s>\r\n" % _on_one_line(sender)]
    lines += [b"Delivered-To: %s\r\n" % _on_one_line(recipient) for recipient in recipients]
    return b"".join(lines) + without_return_path(raw)


def without_return_path(raw: bytes) -> bytes:
    """In one pass over the header, whatever ends its lines."""
    kept: list[bytes] = []
    start = kept_from = 0
    inside = False  # of a Return-Path, which may go on over several lines
    while start < len(raw):
        end = raw.find(b"\n", start) + 1 or len(raw)
        is_blank = raw[start:end] in (b"\r\n", b"\n")
        is_continued = raw[start : start + 1] in (b" ", b"\t") and not is_blank
        was_inside, inside = inside, _is_return_path(raw, start) or (inside and is_continued)
        if inside and not was_inside:
            kept.append(raw[kept_from:start])
        if was_inside and not inside:
            kept_from = start
        if is_blank:
            break
        start = end
    if not inside:
        kept.append(raw[kept_from:])
    return b"".join(kept)


def _is_return_path(raw: bytes, start: int) -> bool:
    name, colon, _rest = raw[start : start + _LONGEST_NAME + 20].partition(b":")
    return bool(colon) and name.rstrip(b" \t").lower() == b"return-path"


def _on_one_line(address: str) -> bytes:
    """Bytes of the envelope as they came, unless they would end the line."""
    return address.translate({13: None, 10: None, 0: None}).encode("utf-8", "surrogateescape")
