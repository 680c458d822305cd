"""One command of a call's text: a line that begins with @."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from templates.call import Action
from templates.i18n import _
from templates.problem import Problem
from templates.similar import did_you_mean
from templates.sounds import is_sound_name

# The command's own part ends at a colon, or where a tag of the template begins.
_PARTS = re.compile(r"(?P<word>\w*)(?P<head>(?:(?!\{[%#])[^:])*)(?P<words>.*)", re.DOTALL)
_SOUND = re.compile(r"\s*@play\b(?P<name>(?:(?!\{[%#]).)*)(?P<tail>.*)", re.DOTALL)
_ANSWER = re.compile(r"\w[\w -]{0,39}")
_DIGITS = frozenset("0123456789")


class Kind(StrEnum):
    PLAY = "play"
    KEY = "key"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Command:
    """What the line asks for. With a `problem` the rest of it means nothing."""

    line: int
    kind: Kind = Kind.PLAY
    digit: str = ""
    action: Action = Action.HEARD
    answer: str = ""
    sound: str = ""  # what is played, where it is a file that speaks
    problem: Problem | None = None


def read_command(text: str, file: str, line: int) -> tuple[Command, str]:
    """The line after its @: the command, and the words that are left to the template."""
    try:
        return _read(text, Command(line))
    except _Wrong as wrong:
        return Command(line, problem=wrong.problem(file, line)), ""


def _read(text: str, empty: Command) -> tuple[Command, str]:
    found = _PARTS.fullmatch(text)
    word, head, words = found.groups() if found else ("", "", text)
    if word == Kind.PLAY:
        return _sound_of(replace(empty, kind=Kind.PLAY), head.strip(), words)
    words = words.removeprefix(":")
    if word == Kind.KEY:
        return _spoken_or_played(_key(empty, head.split()), words)
    if word == Kind.REPLY:
        reply = replace(empty, kind=Kind.REPLY, digit=_digit(head.strip()))
        return _spoken_or_played(reply, words)
    raise _Wrong("call_command", word, did_you_mean(word, list(Kind)))


class _Wrong(Exception):
    def __init__(self, code: str, value: str, guess: str = "") -> None:
        self.code = code
        self.value = value[:80]
        self.guess = guess
        super().__init__(code)

    def problem(self, file: str, line: int) -> Problem:
        message, advice = _refusals()[self.code]
        return Problem(
            self.code,
            message.format(value=self.value),
            f"{self.guess} {advice}".strip(),
            file=file,
            line=line,
            value=self.value or None,
        )


def _key(empty: Command, told: list[str]) -> Command:
    digit = _digit(told[0] if told else "")
    name = told[1] if len(told) > 1 else ""
    if name not in list(Action):
        raise _Wrong("call_action", name, did_you_mean(name, list(Action)))
    action, rest = Action(name), " ".join(told[2:])
    if action is Action.ANSWER and not _ANSWER.fullmatch(rest):
        raise _Wrong("call_answer_name", rest)
    if action is not Action.ANSWER and rest:
        raise _Wrong("call_colon", rest)
    return replace(empty, kind=Kind.KEY, digit=digit, action=action, answer=rest)


def _digit(text: str) -> str:
    if text not in _DIGITS:
        raise _Wrong("call_key", text)
    return text


def _spoken_or_played(command: Command, words: str) -> tuple[Command, str]:
    """A key or a reply: its words, or the sound file that says them."""
    found = _SOUND.fullmatch(words)
    if not found:
        return command, words
    return _sound_of(command, found["name"].strip(), found["tail"])


def _sound_of(command: Command, name: str, tail: str) -> tuple[Command, str]:
    if "{" in name:
        raise _Wrong("call_sound_blank", name)
    if not is_sound_name(name) or tail.startswith(":"):
        raise _Wrong("call_sound_name", name + tail[:20])
    return replace(command, sound=name), tail


def _refusals() -> dict[str, tuple[str, str]]:
    actions = ", ".join(Action)
    return {
        "call_command": (
            _("There is no command “@{value}” in a call."),
            _("A line may begin with @play, @key or @reply; see docs/scenarios.md."),
        ),
        "call_key": (
            _("“{value}” is no key of the menu."),
            _("Write one digit from 0 to 9, such as @key 1 heard: …; * and # cannot be used."),
        ),
        "call_action": (
            _("A key cannot do “{value}”."),
            _("Write one of: {words}.").format(words=actions),
        ),
        "call_answer_name": (
            _("The answer of a survey needs a short name of letters and digits."),
            _("Write for example @key 4 answer good: If you are content, press four."),
        ),
        "call_colon": (
            _("Between the key and its words there must be a colon."),
            _("Write for example @key 1 heard: To confirm, press one."),
        ),
        "call_sound_blank": (
            _("The name of a sound file cannot come from a placeholder."),
            _("Write the file's own name; choose between files with {% if %}."),
        ),
        "call_sound_name": (
            _("“{value}” is no name of a sound file."),
            _(
                "Write the name of a .wav file in the template's folder, without a path:"
                " letters, digits, hyphens."
            ),
        ),
    }
