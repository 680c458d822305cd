"""How much of a letter is read, and for how long: whoever wrote it decides nothing of the kind."""

from dataclasses import dataclass
from time import monotonic


@dataclass(frozen=True, slots=True)
class Limits:
    """Far above what people send, far below what would hold the mailbox up."""

    seconds: float = 5.0
    parts: int = 200  # that are looked at; the rest is left alone
    depth: int = 50  # of parts within parts
    header_bytes: int = 256 * 1024
    part_header_bytes: int = 64 * 1024
    headers: int = 1000
    html_characters: int = 1_000_000  # of source, in one part
    text_characters: int = 200_000
    word_characters: int = 20_000
    addresses: int = 200  # in all headers of one kind
    references: int = 50


class Deadline:
    """The instant after which reading takes what it has and ends."""

    def __init__(self, seconds: float) -> None:
        self._at = monotonic() + seconds

    @property
    def is_over(self) -> bool:
        return monotonic() > self._at
