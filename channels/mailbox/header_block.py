"""The lines at the head of a letter or of a part, as they stand there.

Read by hand and line by line: the standard library raises on some of what strangers send, and takes
quadratic time over more of it. Bare line feeds and carriage returns, NUL bytes, a missing blank
line and lines that are no header are put up with (RFC 5322, sections 2.2 and 4).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_LINE = re.compile(rb"([^\r\n]*)(\r{0,3}\n|\r|\Z)")
_FIELD = re.compile(rb"([!-9;-~]{1,100})[ \t]{0,20}:")
_BLANK_LINE = re.compile(rb"\n\r{0,3}\n")
_LONGEST_VALUE = 64 * 1024


@dataclass(slots=True)
class HeaderBlock:
    """Lower-case names and unfolded values, in order; `body_at` is where the body begins."""

    fields: list[tuple[str, bytes]] = field(default_factory=list)
    body_at: int = 0
    is_sound: bool = True

    def first(self, name: str) -> bytes:
        return next((value for known, value in self.fields if known == name), b"")

    def every(self, name: str) -> list[bytes]:
        return [value for known, value in self.fields if known == name]


def read_header_block(
    raw: bytes, start: int, *, most_bytes: int, most_fields: int, is_of_part: bool = False
) -> HeaderBlock:
    """The block that begins at `start`. Without a blank line it ends before the first line that is
    no header and has none after it; at a line that begins with two hyphens in any case, because
    that is where a part ends. A part may do without any header, a letter may not."""
    end = len(raw)
    stop = min(end, start + most_bytes)
    block = _Block(most_fields)
    lines = _lines(raw, start, stop)
    for at, line, after in lines:
        if not line:
            if block.is_begun or is_of_part:
                return block.ended(after)
            continue  # blank lines before the first header of a letter
        if after == stop < end:
            break  # cut in the middle
        if line[:1] in b" \t":
            if block.is_begun:
                block.carry_on(line)
                continue
        elif not line.startswith(b"--") and (found := _FIELD.match(line)):
            block.begin(found.group(1), line[found.end() :])
            continue
        if block.may_skip(line, raw[after : after + 120]):
            continue
        return block.ended(at if block.is_begun else start, is_sound=False)
    if not block.is_begun:
        return block.ended(start, is_sound=is_of_part or start == end)
    if stop == end:
        return block.ended(end)
    # Longer than anybody may make it: the body begins after the first blank line, all the same.
    beyond = _BLANK_LINE.search(raw, stop - 1)
    return block.ended(beyond.end() if beyond else stop, is_sound=False)


class _Block:
    """A block that is being read."""

    def __init__(self, most_fields: int) -> None:
        self._fields: list[tuple[str, list[bytes]]] = []
        self._most_fields = most_fields
        self._takes_more = False
        self._room = 0
        self._is_sound = True

    @property
    def is_begun(self) -> bool:
        return bool(self._fields)

    def begin(self, name: bytes, value: bytes) -> None:
        self._takes_more = len(self._fields) < self._most_fields
        if not self._takes_more:
            self._is_sound = False
            return
        self._room = _LONGEST_VALUE
        self._fields.append((name.decode("ascii").lower(), []))
        self.carry_on(value)

    def carry_on(self, line: bytes) -> None:
        if self._takes_more:
            self._fields[-1][1].append(line[: self._room])
            self._room -= min(self._room, len(line))

    def may_skip(self, line: bytes, following: bytes) -> bool:
        """A stray line among headers, but not the first line of a body that nothing parts off."""
        if not self.is_begun or line.startswith(b"--") or not _FIELD.match(following):
            # The first line of a mailbox file that somebody saved a letter from.
            return not self.is_begun and line.startswith((b"From ", b">From "))
        self._is_sound = False
        self._takes_more = False
        return True

    def ended(self, at: int, *, is_sound: bool = True) -> HeaderBlock:
        fields = [(name, b"".join(pieces).strip()) for name, pieces in self._fields]
        return HeaderBlock(fields, at, self._is_sound and is_sound)


def _lines(raw: bytes, start: int, stop: int) -> Iterator[tuple[int, bytes, int]]:
    """Where a line begins, the line without its end, where the next one begins."""
    at = start
    while at < stop:
        found = _LINE.match(raw, at, stop)
        if found is None:  # more carriage returns than anybody makes sense of
            return
        yield at, found.group(1), found.end()
        at = found.end()
