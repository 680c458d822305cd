"""Twenty letters to rehearse the mail-robot with: invented people, and every kind of mail that a
supplier's mailbox gets.

Each lies in a file of its own, to be read, and to be tried out (`dispatcher mailrobot test`). What
speaks of a letter of ours has places for what only a campaign that ran can tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).with_name("letters")


@dataclass(frozen=True, slots=True)
class Ours:
    """A letter of a campaign that somebody answers, reports on, or unsubscribes by."""

    address: str  # that it went to
    message_id: str  # with its angle brackets
    token: str  # of its List-Unsubscribe


@dataclass(frozen=True, slots=True)
class DemoLetter:
    """`raw` is as it travels: with the line ends of RFC 5322."""

    name: str
    raw: bytes = field(repr=False)


def demo_letters(ours: Sequence[Ours]) -> Sequence[DemoLetter]:
    """All of them, in their order; each that speaks of a letter of ours of another one, as far as
    there are several. Where there are none, those are left out."""
    letters = []
    spoken_of = 0
    for path in sorted(FOLDER.glob("*.eml")):
        raw = path.read_bytes()
        if b"%ADDRESS%" in raw:
            if not ours:
                continue
            raw = _filled(raw, ours[spoken_of % len(ours)])
            spoken_of += 1
        letters.append(DemoLetter(path.stem, raw.replace(b"\n", b"\r\n")))
    return letters


def _filled(raw: bytes, one: Ours) -> bytes:
    for place, value in (
        (b"%ADDRESS%", one.address),
        (b"%MESSAGE_ID%", one.message_id),
        (b"%TOKEN%", one.token),
    ):
        raw = raw.replace(place, value.encode())
    return raw
