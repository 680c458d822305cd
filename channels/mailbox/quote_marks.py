"""Lines by which mail programs set off what they quote, and what they sign with."""

import re
from collections.abc import Sequence

LONGEST_MARK = 400
_QUOTED = re.compile(r"[ \t]{0,4}[A-ZА-ЯЁ]{0,3}[>›]")
_QUOTED_LEVELS = re.compile(r"(?:[ \t]{0,4}[A-ZА-ЯЁ]{0,3}[>›]){1,50}[ ]?")
_ORIGINAL = re.compile(
    r"(?:original (?:message|appointment)|исходное сообщение|оригинальное сообщение"
    r"|(?:for(?:warded|warding)) (?:message|letter)|начало пере\w{1,20} сообщения"
    r"|пересылаемое (?:сообщение|письмо)|пере(?:сланное|направленное|адресованное)"
    r" (?:сообщение|письмо)|reply message)(?: (?:follows|from|от)\b.{0,100})?"
)
_FORWARDED = ("forward", "перес", "перенаправ", "переадрес")
_END_OF_FORWARDED = re.compile(r"(?:end (?:of )?forwarded|(?:конец|завершение) пере\w{1,20}) ")
_NO_DASHES = ("begin forwarded message:", "начало переадресованного сообщения:")
_WROTE = re.compile(
    r"(?:wrote|writes|пишет|пишете|писал|писала|писал\(а\)|писали|написал|написала|написал\(а\)"
    r"|написали|сообщил|сообщила)\b\)?"
)
_TIME = re.compile(r"\d{1,2}[:.]\d{2}|\b20\d\d\b")
_FIELD = re.compile(
    r"[\s*_>]{0,6}(от кого|от|from|отправитель|кому|to|получатель|копия|cc|дата|date|sent"
    r"|отправлено|отправлен|тема|subject)[*_]{0,3}\s{0,2}:"
)
_FIRST_FIELDS = frozenset({"от", "от кого", "from", "отправитель", "дата", "date"})
_SENDERS = frozenset({"от", "от кого", "from", "отправитель"})
_DATES = frozenset({"дата", "date", "sent", "отправлено", "отправлен"})
_FAREWELL = re.compile(
    r"(?:с\s{1,3}(?:уважением|наилучшими пожеланиями|благодарностью)|(?:заранее )?всего доброго"
    r"|(?:best|kind|warm) regards|regards|(?:yours |)sincerely(?: yours)?|yours faithfully)\b"
)
_DEVICE = re.compile(
    r"(?:отправлено (?:с|из|через)|sent from (?:my|the|mail|yandex|outlook)|get outlook for)\b"
)


def is_quoted(line: str) -> bool:
    """`> words`, and `IP> words` as some programs put initials before the mark."""
    return _QUOTED.match(line) is not None


def unquoted(line: str) -> str:
    found = _QUOTED_LEVELS.match(line)
    return line[found.end() :] if found else line


def original_mark(line: str) -> str:
    """`forward`, `reply` or nothing: what a line such as `--- Original message ---` begins."""
    if len(line) > LONGEST_MARK:
        return ""
    low = line.strip().lower()
    if low in _NO_DASHES:
        return "forward"
    plain = low.strip("-–—_*= ")
    if low[:2].strip("-–—_*=") or not _ORIGINAL.match(plain.rstrip(":")):
        return ""
    return "forward" if any(word in plain for word in _FORWARDED) else "reply"


def is_end_of_forward(line: str) -> bool:
    plain = line[:LONGEST_MARK].strip().lower()
    return plain.startswith("--") and bool(_END_OF_FORWARDED.match(plain.strip("-–— ") + " "))


def attribution_length(lines: Sequence[str]) -> int:
    """How many of the first lines say who wrote what follows, and when; 0: they do not. Programs
    fold such a line, into three at most."""
    joined = ""
    for count, line in enumerate(lines[:3], 1):
        if not line.strip() or len(line) > LONGEST_MARK or is_quoted(line):
            return 0
        if count == 2 and not (_TIME.search(joined) or joined.lower().startswith("on ")):
            return 0  # words of the customer right above such a line
        joined = f"{joined} {line.strip()}".strip()
        if joined.endswith(":"):
            return count if _is_attribution(joined.lower()) else 0
    return 0


def tells_address(lines: Sequence[str]) -> bool:
    """Whether an attribution is so sure that all after it is quoted, though nothing marks that. «20
    ноября ваш оператор написал:» may be followed by the customer's own words."""
    joined = " ".join(lines)
    return "@" in joined or joined.lower().lstrip().startswith("on ")


def _is_attribution(line: str) -> bool:
    if len(line) > LONGEST_MARK or not (_TIME.search(line) or "@" in line):
        return False
    if line.endswith(">:") and "@" in line:
        return _TIME.search(line) is not None or _WROTE.search(line) is not None
    # The verb stands last, or before a date: «Иван писал 20.11.2026 12:30:».
    return any(
        found.start() >= len(line) - 60 or line.startswith("вы ") for found in _WROTE.finditer(line)
    )


def field_name(line: str) -> str:
    """`from`, `тема` …: the header that a quoted letter's head shows in this line."""
    found = _FIELD.match(line[:80].lower())
    return found.group(1) if found else ""


def head_length(lines: Sequence[str]) -> int:
    """How many of the first lines are the head of a quoted letter, as Outlook shows it; 0: none.

    It has a sender, a date and one more field: less could be how the customer's own letter begins
    («От: …, Кому: …»).
    """
    if field_name(lines[0]) not in _FIRST_FIELDS:
        return 0
    seen: set[str] = set()
    length = 0
    for count, line in enumerate(lines[:12], 1):
        name = field_name(line)
        if name:
            seen.add(name)
            length = count
        elif count - length > (2 if line.strip() else 3):
            break
    return length if len(seen) >= 3 and seen & _SENDERS and seen & _DATES else 0


def is_signature_mark(line: str) -> bool:
    return line.rstrip() in ("--", "—", "- --")


def is_farewell(line: str) -> bool:
    return len(line) <= 100 and _FAREWELL.match(line.strip().lower()) is not None


def is_device_mark(line: str) -> bool:
    return len(line) <= 120 and _DEVICE.match(line.strip().lower()) is not None
