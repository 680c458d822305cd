"""The parts of a letter: where each begins and ends in its bytes (RFC 2046).

One pass over the lines that begin with two hyphens, with a list of the boundaries that are open:
linear in the size of the letter however deep it is nested and however many boundaries it has. The
standard library's parser asks every open boundary about every line, and calls itself for each
level.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from campaigns.inquiry.letter import Flaw
from channels.mailbox.header_block import HeaderBlock, read_header_block
from channels.mailbox.header_words import Parameter, parameters_of
from channels.mailbox.limits import Deadline, Limits

_LONGEST_BOUNDARY = 1000
_MOST_HYPHENED_LINES = 100_000
_LIKE_A_BOUNDARY = re.compile(rb"(?:^|\n)--([^\s-][!-~]{0,200})\r?\n")
_MESSAGES = frozenset({"message/rfc822", "message/global", "message/news"})
_UNENCODED = frozenset({"", "7bit", "8bit", "binary"})


@dataclass(slots=True)
class Part:
    """A leaf, a multipart or a whole message within the letter; `parts` are within it."""

    headers: HeaderBlock
    media_type: str
    parameters: dict[str, Parameter]
    start: int  # of its body
    end: int
    parts: list["Part"] = field(default_factory=list)

    @property
    def is_multipart(self) -> bool:
        return self.media_type.startswith("multipart/")

    @property
    def is_message(self) -> bool:
        return self.media_type in _MESSAGES

    @property
    def encoding(self) -> str:
        words = self.headers.first("content-transfer-encoding").decode("latin-1").lower().split()
        return words[0].strip("\"';") if words else ""

    def walk(self) -> Iterator["Part"]:
        """This part and all within it, in the order of the letter."""
        yield self
        for part in self.parts:
            yield from part.walk()


def read_structure(
    raw: bytes, limits: Limits, deadline: Deadline, flaws: set[Flaw], *, is_whole: bool = True
) -> Part:
    """The letter as parts. What is beyond the limits is left out and named in `flaws`."""
    block = read_header_block(raw, 0, most_bytes=limits.header_bytes, most_fields=limits.headers)
    if not block.is_sound:
        flaws.add(Flaw.HEADERS)
    reader = _Reader(raw, limits, flaws)
    root = reader.begin(block, default="text/plain")
    is_read = reader.read(block.body_at, deadline)
    if is_read and reader.has_open and is_whole:
        flaws.add(Flaw.STRUCTURE)
    return root


class _Reader:
    def __init__(self, raw: bytes, limits: Limits, flaws: set[Flaw]) -> None:
        self._raw = raw
        self._limits = limits
        self._flaws = flaws
        self._open: list[Part] = []
        self._boundaries: dict[bytes, int] = {}  # to their places in _open
        self._count = 0

    @property
    def has_open(self) -> bool:
        """Whether a multipart has not come to its end."""
        return bool(self._boundaries)

    def begin(self, block: HeaderBlock, default: str) -> Part:
        """Open a part, the message in it if it is one, and the parts of that if it has any."""
        first = part = self._part(block, default)
        self._push(part)
        while part.is_message and part.encoding in _UNENCODED:
            if len(self._open) >= self._limits.depth:
                self._flaws.add(Flaw.TOO_DEEP)
                break
            inner = self._part(self._header_block(part.start), "text/plain")
            part.parts.append(inner)
            part = inner
            self._push(part)
        return first

    def read(self, at: int, deadline: Deadline) -> bool:
        """Find the parts from here on; False when there was no end to them."""
        for count, (start, line, after) in enumerate(self._hyphened(at)):
            if count % 256 == 255 and deadline.is_over:
                self._flaws.add(Flaw.TOO_SLOW)
                return False
            if count >= _MOST_HYPHENED_LINES:
                self._flaws.add(Flaw.STRUCTURE)
                return False
            is_last = False
            place = self._boundaries.get(line)
            if place is None and line.endswith(b"--"):
                is_last = True
                place = self._boundaries.get(line[:-2])
            if place is None:
                continue
            self._close_above(place, start)
            if is_last:
                self._forget(place)
            elif not self._next_part(place, after):
                return False
        return True

    def _next_part(self, place: int, start: int) -> bool:
        """Open the part that begins here; False when it is one too many."""
        if self._count >= self._limits.parts:
            self._flaws.add(Flaw.TOO_MANY_PARTS)
            return False
        around = self._open[place]
        default = "message/rfc822" if around.media_type == "multipart/digest" else "text/plain"
        if start >= len(self._raw):
            return True
        around.parts.append(self.begin(self._header_block(start), default))
        return True

    def _part(self, block: HeaderBlock, default: str) -> Part:
        self._count += 1
        media_type, parameters = parameters_of(block.first("content-type"))
        if media_type.count("/") != 1 or len(media_type) > 100:
            # Bare words, as very old programs write them: text, html, multipart.
            media_type = {"multipart": "multipart/mixed", "html": "text/html"}.get(
                media_type, default
            )
        return Part(block, media_type, parameters, block.body_at, len(self._raw))

    def _header_block(self, start: int) -> HeaderBlock:
        block = read_header_block(
            self._raw,
            start,
            most_bytes=self._limits.part_header_bytes,
            most_fields=self._limits.headers,
            is_of_part=True,
        )
        if not block.is_sound:
            self._flaws.add(Flaw.STRUCTURE)
        return block

    def _push(self, part: Part) -> None:
        place = len(self._open)
        self._open.append(part)
        if not part.is_multipart:
            return
        if place >= self._limits.depth:
            self._flaws.add(Flaw.TOO_DEEP)
            return
        boundary = self._boundary(part)
        if boundary and boundary not in self._boundaries:
            self._boundaries[boundary] = place
        else:
            self._flaws.add(Flaw.STRUCTURE)

    def _boundary(self, part: Part) -> bytes:
        """The one it declares, or else the first line that looks like one."""
        declared = part.parameters["boundary"].raw if "boundary" in part.parameters else b""
        if declared.strip():
            return declared.rstrip()[:_LONGEST_BOUNDARY]
        found = _LIKE_A_BOUNDARY.search(self._raw, part.start, part.start + 4096)
        return found.group(1) if found else b""

    def _close_above(self, place: int, end: int) -> None:
        """End whatever is open within the multipart at this place, before the line end."""
        if self._raw[end - 1 : end] == b"\n":
            end -= 1
        if self._raw[end - 1 : end] == b"\r":
            end -= 1
        while len(self._open) > place + 1:
            part = self._open.pop()
            part.end = max(part.start, end)
            if self._forget(len(self._open)):
                self._flaws.add(Flaw.STRUCTURE)

    def _forget(self, place: int) -> bool:
        """Close the boundary that was opened at this place, if there is one."""
        for boundary, opened in reversed(self._boundaries.items()):
            if opened < place:
                break
            if opened == place:
                del self._boundaries[boundary]
                return True
        return False

    def _hyphened(self, at: int) -> Iterator[tuple[int, bytes, int]]:
        """Lines that begin with two hyphens: where, what follows these, where the next begins."""
        raw = self._raw
        while True:
            if not raw.startswith(b"--", at) or (at and raw[at - 1 : at] not in b"\r\n"):
                found = raw.find(b"\n--", max(0, at - 1))
                if found < 0:
                    return
                at = found + 1
            end = raw.find(b"\n", at, at + _LONGEST_BOUNDARY + 100)
            after = end + 1 if end >= 0 else len(raw)
            if end >= 0 or len(raw) - at <= _LONGEST_BOUNDARY + 100:
                yield at, raw[at + 2 : after].rstrip(), after
                at = after
            else:
                at += 2
            if at >= len(raw):
                return
