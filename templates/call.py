"""The script of a call: what is said and played, and what the keys of the telephone do.

    message    said first; who heard 80 % of it was told
    keys       one menu; each key with the words that offer it
    farewell   said when the menu is over

How `call.txt` is written and read is told by `templates.call_file`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from templates.speech import phrase_seconds

# Between two things that are said or played.
PAUSE_SECONDS = 1.0


class Action(StrEnum):
    """What a key does."""

    REPEAT = "repeat"  # the message once more
    OPERATOR = "operator"  # a person takes over
    HEARD = "heard"  # confirms, and the call ends
    STOP = "stop"  # never call this number for this purpose again
    ANSWER = "answer"  # one of a survey's answers


@dataclass(frozen=True, slots=True)
class SoundRef:
    """A sound file as a stored scenario knows it: by the SHA-256 of its content, and its length."""

    digest: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Say:
    """A phrase for a voice."""

    text: str


@dataclass(frozen=True, slots=True)
class Play:
    """A recorded sound file."""

    name: str
    sound: SoundRef


Fragment = Say | Play


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the menu.

    `prompt` offers it, `reply` is said after it was pressed (empty: the product's own words).
    `answer` is what a survey counts.
    """

    digit: str
    action: Action
    prompt: tuple[Fragment, ...] = ()
    reply: tuple[Fragment, ...] = ()
    answer: str = ""


@dataclass(frozen=True)
class CallScript:
    """A call for one customer, every value filled in."""

    message: tuple[Fragment, ...]
    keys: tuple[Key, ...] = ()
    farewell: tuple[Fragment, ...] = ()
    language: str = "ru"

    @cached_property
    def message_seconds(self) -> float:
        """How long the message itself lasts, by the estimate."""
        return seconds_of(self.message)

    @cached_property
    def total_seconds(self) -> float:
        """How long everything lasts that is said without a key pressed; the limit is on this."""
        return seconds_of(self.spoken)

    @property
    def spoken(self) -> tuple[Fragment, ...]:
        """Message, the menu's offers, farewell: what a silent listener hears."""
        offers = (fragment for key in self.keys for fragment in key.prompt)
        return (*self.message, *offers, *self.farewell)

    @property
    def phrases(self) -> tuple[str, ...]:
        """The texts among what is spoken."""
        return tuple(f.text for f in self.spoken if isinstance(f, Say))

    def longest(self, count: int) -> tuple[tuple[str, float], ...]:
        """The fragments that take the longest by the estimate, with their seconds."""
        timed = [
            (f.text, phrase_seconds(f.text)) if isinstance(f, Say) else (f.name, f.sound.seconds)
            for f in self.spoken
        ]
        return tuple(sorted(timed, key=lambda pair: -pair[1])[:count])

    def key(self, digit: str) -> Key | None:
        return next((key for key in self.keys if key.digit == digit), None)

    def offers(self, action: Action) -> bool:
        return any(key.action is action for key in self.keys)

    def without(self, action: Action) -> "CallScript":
        """The same call with that action not offered."""
        return replace(self, keys=tuple(key for key in self.keys if key.action is not action))


def seconds_of(
    fragments: Sequence[Fragment], voice: Callable[[str], float] = phrase_seconds
) -> float:
    """How long the fragments last with the pauses between them.

    `voice` measures a phrase in seconds: the estimate, or a real synthesis.
    """
    lengths = (voice(f.text) if isinstance(f, Say) else f.sound.seconds for f in fragments)
    return round(sum(lengths) + PAUSE_SECONDS * max(len(fragments) - 1, 0), 1)
