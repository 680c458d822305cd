"""A stranger's words said back to them, in one short line that advertises nothing.

Whoever writes to us may do so under somebody else's address; what we answer then goes to that
person. So a quote holds no link, no address, no telephone number and no markup, and what little is
left is not worth the sender's trouble.
"""

import re
import unicodedata

from templates.neutral import one_line

LONGEST_QUOTE = 160
_READ = 4_000  # characters that are looked at for those few
_LONGEST_WORD = 60
_TAG = re.compile(r"<[^<>]*>")
_MARKUP = dict.fromkeys(map(ord, "<>[]{}|*`"))
# What somebody could ring, however it is spaced; accounts of that length are better unsaid as well.
_NUMBER = re.compile(r"\+?\d(?:[ ()-]{0,3}\d){9,}")
# What readers make a link of: a Latin ending after a stop, or a Cyrillic one that exists.
_HOST = re.compile(
    r"[^\W_][.。](?:[a-z]{2,24}(?![^\W_])|(?:рф|рус|онлайн|сайт|дети|москва|орг|ком|бел|укр)\b)"
    r"|xn--|\d\.\d{1,3}\.\d{1,3}\.\d"
)
# How letters begin; it says nothing of what they are about.
_HELLO = re.compile(
    r"(?:здравствуйте|добрый (?:день|вечер)|доброе утро|доброго дня|hello|good (?:day|morning))"
    r"[!,. ]+(?=\S)",
    re.IGNORECASE,
)
_SCHEMES = ("://", "www.", "@", "mailto:", "tel:", "javascript:", "data:")


def quote(words: str, longest: int = LONGEST_QUOTE) -> str:
    """The beginning of what somebody wrote; empty where nothing is left that can be quoted."""
    line = _NUMBER.sub("…", _TAG.sub(" ", one_line(words[:_READ])))
    said: list[str] = []
    for word in line.split():
        kept = "…" if _leads_elsewhere(word) else word.translate(_MARKUP)
        if kept.startswith("…"):
            kept = "…"  # without the stop behind it
        if kept and (kept != "…" or said[-1:] != ["…"]):
            said.append(kept)
    if not any(character.isalnum() for word in said for character in word):
        return ""
    whole = " ".join(said)
    if hello := _HELLO.match(whole):
        whole = whole[hello.end() :]
    return whole if len(whole) <= longest else _cut(whole, longest)


def _leads_elsewhere(word: str) -> bool:
    """Whether a mail program may make a link of it. Full-width letters are read as plain ones."""
    if len(word) > _LONGEST_WORD:
        return True
    plain = unicodedata.normalize("NFKC", word).lower()
    return any(mark in plain for mark in _SCHEMES) or _HOST.search(plain) is not None


def _cut(said: str, longest: int) -> str:
    """At the end of a word, unless that word is most of it."""
    head = said[: longest - 1]
    space = head.rfind(" ")
    return (head[:space] if space > longest // 2 else head).rstrip(" ,.;:-–—") + "…"
