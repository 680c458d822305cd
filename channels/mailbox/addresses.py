"""Addresses in headers, as tolerantly as people's programs write them (RFC 5322, section 3.4).

Comments, groups, quoted names, routes, encoded words around the whole, semicolons between: one pass
over the characters, whatever they are.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from campaigns.inquiry.letter import Mailbox
from channels.mailbox.header_words import decoded_words
from channels.mailbox.plain import plain_line
from templates.mail import UnfitHeader, ascii_domain

# An encoded word is one token whatever signs are in it: programs leave them as they are.
_TOKEN = re.compile(r'=\?[^?\s]{1,70}\?[bBqQ]\?[^?\s]*\?=|(?:(?!=\?)[^"(),;:<>])+|.', re.DOTALL)
_UNFIT = re.compile(r"[\s<>\x00-\x20\x7f-\x9f]")
_LONGEST_ADDRESS = 320
_LONGEST_DOMAIN = 253
_LONGEST_NAME = 200


def mailboxes(values: Iterable[str], most: int, likely: str = "") -> tuple[Mailbox, ...]:
    """The usable addresses in headers of one name, each once. Encoded words in `values` must still
    be encoded: what they hide are names, and no commas between addresses."""
    found: dict[str, Mailbox] = {}
    for value in values:
        one = list(_mailboxes(value, most, likely))
        if not one and "=?" in value:
            # Programs that encode name and address together.
            one = list(_mailboxes(decoded_words(value, likely)[0], most, likely))
        for mailbox in one:
            found.setdefault(mailbox.address, mailbox)
    return tuple(found.values())[:most]


def usable_address(text: str) -> str:
    """The address with its domain as the wire wants it, in lower case (all of it where that does
    not change whose it is); empty for what cannot be one. A wrong domain stays as it is written."""
    plain = "".join(text.split()).strip("'\"")
    if plain.startswith("@") and ":" in plain:
        plain = plain.rpartition(":")[2]  # a route: <@relay.example:ivan@example.com>
    plain = plain.removeprefix("mailto:").rstrip(".,")
    local, _, domain = plain.rpartition("@")
    if not local or not domain or len(plain) > _LONGEST_ADDRESS or _UNFIT.search(plain):
        return ""
    if len(domain) <= _LONGEST_DOMAIN and not domain.isascii():
        with suppress(UnfitHeader, ValueError):
            domain = ascii_domain(f"a@{domain}").rpartition("@")[2]
    if local.isascii():
        local = local.lower()
    return f"{local}@{domain.lower()}"


def _mailboxes(value: str, most: int, likely: str) -> Iterator[Mailbox]:
    count = 0
    for one in _pieces(value):
        mailbox = one.mailbox(likely)
        if mailbox is not None:
            yield mailbox
            count += 1
        if count >= most:
            return


class _Piece:
    """What stands between two commas."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.comment: list[str] = []
        self.address = ""

    def mailbox(self, likely: str) -> Mailbox | None:
        words = "".join(self.words)
        address = usable_address(self.address)
        if not address:
            # No brackets, or nothing in them that anybody could be reached at.
            found = _bare(words)
            if found is None:
                return None
            address, words = found
        name = words if words.strip() else "".join(self.comment)
        return Mailbox(address, plain_line(decoded_words(name, likely)[0], _LONGEST_NAME))


def _bare(words: str) -> tuple[str, str] | None:
    """An address without brackets, and the words beside it; also one with spaces around its signs,
    as RFC 822 had it: `ivan @ example . com`."""
    line = " ".join(words.split()).replace(" . ", ".")
    tight = line.replace(" @", "@").replace("@ ", "@").replace(" .", ".")
    for text in (line, tight) if tight != line else (line,):
        for bare in text.split():
            if "@" in bare and "=?" not in bare and (address := usable_address(bare)):
                return address, text.replace(bare, " ", 1)
    return None


def _pieces(value: str) -> Iterator[_Piece]:
    """One for each address, group names left out."""
    piece = _Piece()
    at = depth = 0
    may_quote = may_bracket = True
    while at < len(value):
        found = _TOKEN.match(value, at)
        if found is None:
            break
        sign = found.group()
        at = found.end()
        if sign == "(" or (sign == ")" and depth):
            depth += 1 if sign == "(" else -1
        elif depth:
            piece.comment.append(sign)
        elif sign == '"' and may_quote:
            text, after = _quoted(value, at)
            # One that does not end: then none that follows does, and it is a letter like others.
            may_quote = after > 0
            piece.words.append(text)
            at = after or at
        elif sign == "<" and may_bracket:
            end = value.find(">", at)
            may_bracket = end >= 0
            inside = value[at:end] if may_bracket else ""
            piece.address = piece.address or inside.rpartition("<")[2]
            at = end + 1 or at
        elif sign in ",;":
            yield piece
            piece = _Piece()
        elif sign == ":" and not "".join(piece.words).strip().lower().endswith("mailto"):
            piece = _Piece()  # what came before is the name of a group
        else:
            piece.words.append(sign if sign not in "<>:" else " ")
    yield piece


def _quoted(value: str, at: int) -> tuple[str, int]:
    """What stands in quotation marks, and where they have ended; 0 where they do not."""
    start = at
    while (end := value.find('"', at)) >= 0:
        backslashes = 0
        while (
            value[end - 1 - backslashes : end - backslashes] == "\\" and end - backslashes > start
        ):
            backslashes += 1
        if backslashes % 2 == 0:
            return re.sub(r"\\(.)", r"\1", value[start:end]), end + 1
        at = end + 1
    return "", 0
