"""What the sender wrote this time: without the letters quoted above, below and between.

Line by line and once over: what is quoted line by line is left out, what is quoted as a whole ends
the words, and then the signature goes. Whatever this takes away from the words is still in the
text.
"""

from channels.mailbox.quote_marks import (
    attribution_length,
    head_length,
    is_device_mark,
    is_end_of_forward,
    is_farewell,
    is_quoted,
    is_signature_mark,
    original_mark,
    tells_address,
    unquoted,
)

_MOST_LINES = 20_000
_MOST_LEVELS = 5  # of letters within letters
_LONGEST_SIGNATURE = 15  # lines
_LONGEST_FAREWELL = 8
_MOST_FAREWELL_CHARACTERS = 300


def own_words(text: str, most: int) -> str:
    """At most so many characters. A letter that only forwards another has that one's words; one in
    which everything is quoted has what it quotes: somebody has to read something."""
    lines = [line.rstrip() for line in text.split("\n", _MOST_LINES)[:_MOST_LINES]]
    own, rest = _parted(lines)
    words = _trimmed(own)
    for _ in range(_MOST_LEVELS):
        if any(words) or not rest:
            break
        own, rest = _parted([unquoted(line) for line in rest])
        words = _trimmed(own)
    if not any(words):
        words = [unquoted(line) for line in lines if not _is_mark(line)]
    if not any(words):
        words = lines
    return "\n".join(_without_gaps(words)).strip()[:most].rstrip()


def _parted(lines: list[str]) -> tuple[list[str], list[str]]:
    """The lines of the writer, and those of the letter that is quoted or forwarded."""
    own: list[str] = []
    quoted: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if is_quoted(line):
            quoted.append(line)
            at += 1
            continue
        following = lines[at : at + 12]
        if original_mark(line) or is_end_of_forward(line):
            head = head_length(_without_blank_top(lines[at + 1 : at + 14]) or [""])
            begins = _skip(lines, at + 1, head)
            if is_end_of_forward(line):
                at = begins
                continue
            return own, quoted + lines[begins:]
        if head := head_length(following):
            _drop_rule(own)
            return own, quoted + lines[at + head :]
        length = attribution_length(following)
        if length and _quotes_line_by_line(lines, at + length):
            at += length
            continue
        if length and tells_address(lines[at : at + length]):
            return own, quoted + lines[at + length :]
        own.append(line)
        at += 1
    return own, quoted


def _skip(lines: list[str], at: int, head: int) -> int:
    """After the blank lines and the head that follow a mark."""
    while at < len(lines) and not lines[at]:
        at += 1
    return at + head


def _quotes_line_by_line(lines: list[str], at: int) -> bool:
    """Whether the next line with anything in it is marked as quoted (or there is none)."""
    first = next((line for line in lines[at : at + 5] if line), ">")
    return is_quoted(first)


def _without_blank_top(lines: list[str]) -> list[str]:
    while lines and not lines[0]:
        lines = lines[1:]
    return lines


def _drop_rule(own: list[str]) -> None:
    """The line of dashes or underscores that Outlook draws above a head."""
    while own and not own[-1].strip("-_–— "):
        own.pop()


def _trimmed(lines: list[str]) -> list[str]:
    """Without the signature, the farewell with the name below it, and the mark of a telephone."""
    lines = _without_signature(_without_end(lines))
    return _without_farewell(_without_end(lines))


def _without_end(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and (not lines[end - 1] or is_device_mark(lines[end - 1])):
        end -= 1
    return lines[:end]


def _without_signature(lines: list[str]) -> list[str]:
    for at in range(max(0, len(lines) - _LONGEST_SIGNATURE - 1), len(lines)):
        if is_signature_mark(lines[at]) and any(lines[:at]):
            return lines[:at]
    return lines


def _without_farewell(lines: list[str]) -> list[str]:
    for at in range(max(0, len(lines) - _LONGEST_FAREWELL), len(lines)):
        if is_farewell(lines[at]) and any(lines[:at]):
            is_short = sum(map(len, lines[at:])) <= _MOST_FAREWELL_CHARACTERS
            return lines[:at] if is_short else lines
    return lines


def _is_mark(line: str) -> bool:
    return bool(original_mark(line)) or is_end_of_forward(line) or bool(attribution_length([line]))


def _without_gaps(lines: list[str]) -> list[str]:
    """No two blank lines one after another: what was between them was somebody else's."""
    return [line for before, line in zip(["", *lines], lines, strict=False) if line or before]
