"""What a header says, in letters (RFC 2047), and the parameters it carries (RFC 2045, RFC 2231)."""

import re
from binascii import a2b_qp
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from channels.mailbox.charsets import text_of
from channels.mailbox.transfer import from_base64

_WORD = re.compile(r"=\?([^?\s]{1,70})\?([bBqQ])\?")
_MAIN_END = re.compile(r"[;\s]")  # programs forget the semicolon
_PARAMETER = re.compile(r"[\s;]*([^\s=;]{1,100})\s{0,100}=\s{0,100}")
_SECTION = re.compile(r"(.+?)\*(\d{1,3})?(\*)?")
_MOST_PARAMETERS = 100


def header_text(raw: bytes, likely: str = "") -> tuple[str, bool]:
    """A value in letters, and whether nothing had to be guessed. `likely` is the codec of the
    letter, for values that declare none."""
    text, is_sure = undecoded(raw, likely)
    if "=?" not in text:
        return text, is_sure
    decoded, words_are_sure = decoded_words(text, likely)
    return decoded, is_sure and words_are_sure


def undecoded(raw: bytes, likely: str = "") -> tuple[str, bool]:
    """A value in letters with its encoded words as they are."""
    if raw.isascii():
        return raw.decode("ascii"), True
    return text_of(raw, "utf-8", likely)  # the only charset allowed undeclared: RFC 6532


def decoded_words(text: str, likely: str = "") -> tuple[str, bool]:
    """Encoded words decoded. Those that follow one another in the same charset are one: programs
    cut letters of several bytes in two, though they must not."""
    found: list[str] = []
    is_sure = True
    waiting = b""
    charset = ""
    at = after_word = 0

    def settle() -> None:
        nonlocal waiting, is_sure
        if waiting:
            decoded, was_sure = text_of(waiting, charset, likely)
            found.append(decoded)
            is_sure = is_sure and was_sure
            waiting = b""

    while (start := text.find("=?", at)) >= 0:
        word = _WORD.match(text, start)
        if word is None:
            at = start + 2
            continue
        end = text.find("?=", word.end())
        if end < 0:
            break
        between = text[after_word:start]
        if not (waiting and not between.strip() and word.group(1).lower() == charset):
            follows = bool(waiting) and not between.strip()
            settle()
            found.append("" if follows else between)
        charset = word.group(1).lower()
        content, was_right = _content(text[word.end() : end], word.group(2).lower())
        waiting += content
        is_sure = is_sure and was_right
        at = after_word = end + 2
    settle()
    found.append(text[after_word:])
    return "".join(found), is_sure


def _content(text: str, kind: str) -> tuple[bytes, bool]:
    raw = text.encode("utf-8", "replace")
    if kind == "b":
        return from_base64(raw)
    return a2b_qp(raw.replace(b"_", b" "), header=True), True


class Parameter(NamedTuple):
    raw: bytes
    charset: str = ""  # as it declares it


def parameters_of(raw: bytes) -> tuple[str, dict[str, Parameter]]:
    """The value before the parameters in lower case, and the parameters by lower-case name,
    continued ones joined and percent signs undone. The first of a name counts."""
    text = raw.decode("latin-1")
    main, *more = _MAIN_END.split(text.lstrip(), maxsplit=1)
    rest = more[0] if more else ""
    plain: dict[str, Parameter] = {}
    sections: dict[str, dict[int, Parameter]] = {}
    at = 0
    for _ in range(_MOST_PARAMETERS):
        found = _PARAMETER.match(rest, at)
        if found is None:
            # Something that is no parameter, up to the next semicolon.
            at = rest.find(";", at) + 1
            if not at:
                break
            continue
        value, at = _parameter_value(rest, found.end())
        name = found.group(1).lower()
        section = _SECTION.fullmatch(name)
        if section is None:
            plain.setdefault(name, Parameter(value.encode("latin-1")))
            continue
        number = int(section.group(2) or 0)
        is_percented = section.group(3) is not None or section.group(2) is None
        pieces = sections.setdefault(section.group(1), {})
        pieces.setdefault(number, _section(value.encode("latin-1"), number, is_percented))
    for name, pieces in sections.items():
        joined = b"".join(pieces[number].raw for number in sorted(pieces))
        plain[name] = Parameter(joined, pieces[min(pieces)].charset)
    return main.lower(), plain


def _section(value: bytes, number: int, is_percented: bool) -> Parameter:
    """One piece of a parameter; the charset stands before the first."""
    if not is_percented:
        return Parameter(value)
    charset = b""
    if number == 0 and value.count(b"'") >= 2:
        charset, _, value = value.split(b"'", 2)
    return Parameter(unquote_to_bytes(value), charset.decode("latin-1"))


def _parameter_value(text: str, at: int) -> tuple[str, int]:
    """A value and where the next parameter may begin."""
    if text[at : at + 1] != '"':
        end = text.find(";", at)
        end = len(text) if end < 0 else end
        return text[at:end].strip(), end
    pieces: list[str] = []
    at += 1
    while at < len(text) and text[at] != '"':
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
        pieces.append(text[at])
        at += 1
    return "".join(pieces), at + 1
