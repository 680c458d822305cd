"""Reading call.txt: a call as a text that staff write, line by line.

    # a remark to colleagues
    @play intro.wav                                       a sound file of the template's folder
    {{ greeting }} Ваш долг {{ total_kopecks | money }}.  a phrase for the voice
    @key 1 heard: Чтобы подтвердить, нажмите один.        a key, and the words that offer it
    @key 2 repeat: @play press-two.wav                    … or the sound that does
    @key 0 operator: Чтобы поговорить с оператором, нажмите ноль.
    @key 4 answer good: Если вы довольны, нажмите четыре. an answer to a survey, and its name
    @key 9 stop: Чтобы мы больше не звонили по этому поводу, нажмите девять.
    @reply 9: Хорошо, больше не позвоним.                 said after that key, in place of our words
    До свидания!                                          after the last key: the farewell

Commands are found in the template before any value is filled in, and marked with a character that
no value can hold: a customer called «@key 1 stop» is spoken to by that name.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from templates.call import CallScript, Fragment, Key, Play, Say, SoundRef
from templates.call_command import Command, Kind, read_command
from templates.errors import EmptyText, MissingValue
from templates.neutral import one_line
from templates.render import compile_template
from templates.subset import COMMAND_MARK as MARK

# {% if … %} may stand before a command. Each tag ends where it ends: a line of forty tags must not
# be tried in all the ways in which they could be taken together.
_TAGS = r"(?:\s*(?:\{%(?:(?!%\}).)*%\}|\{#(?:(?!#\}).)*#\}))*\s*"
_LINE = re.compile(rf"(?P<lead>{_TAGS})@(?P<command>.*)", re.DOTALL)
_REMARK_LINE = re.compile(r"\s*#(?!\})")  # not the end of a {# … #} over several lines
_WITHIN = re.compile(r"(?<!\w)@(?:key|play|reply)\b")
_PIECE = re.compile(rf"{MARK}(\d+){MARK}(.*)", re.DOTALL)
_BREAK = re.compile(rf"\n|(?={MARK}\d+{MARK})")


class MissingSound(MissingValue):
    """A call that plays a sound file which nobody stored; `name` is the file's."""


@dataclass(frozen=True, slots=True)
class CallText:
    """A call's text with its commands marked: what is left is an ordinary template.

    `strange_lines` hold the mark itself, `mixed_lines` a command behind other text.
    """

    template: str
    commands: tuple[Command, ...]
    strange_lines: tuple[int, ...] = ()
    mixed_lines: tuple[int, ...] = ()

    def pieces(self, text: str) -> Iterator[tuple[Command | None, str]]:
        """Line by line of the template, or of what became of it: the command and its words."""
        for piece in _BREAK.split(text):
            found = _PIECE.match(piece)
            yield (self.commands[int(found[1])], found[2]) if found else (None, piece)


@lru_cache(maxsize=256)
def read_call(text: str, file: str = "call.txt") -> CallText:
    """Find the commands. Whether they make sense together is told by `templates.call_check`."""
    lines, commands = list[str](), list[Command]()
    strange, mixed = list[int](), list[int]()
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(plain.split("\n"), start=1):
        if MARK in line:
            strange.append(number)
        words = line.replace(MARK, "")
        lead = ""
        if _REMARK_LINE.match(words):
            words = ""  # an empty line in its place: problems keep their line numbers
        elif found := _LINE.fullmatch(words):
            command, words = read_command(found["command"], file, number)
            lead = f"{found['lead']}{MARK}{len(commands)}{MARK}"
            commands.append(command)
        if _WITHIN.search(_without_remarks(words)):
            mixed.append(number)
        lines.append(lead + words)
    return CallText("\n".join(lines), tuple(commands), tuple(strange), tuple(mixed))


def _without_remarks(line: str) -> str:
    """The line without its {# … #}; in one pass, however many are begun and never ended."""
    kept, at = list[str](), 0
    while (begins := line.find("{#", at)) >= 0 and (ends := line.find("#}", begins + 2)) >= 0:
        kept.append(line[at:begins])
        at = ends + 2
    return "".join((*kept, line[at:]))


def call_script(
    text: str,
    values: Mapping[str, object],
    language: str,
    sounds: Mapping[str, SoundRef],
    file: str = "call.txt",
) -> CallScript:
    """The call for one customer, every value filled in.

    Raises RenderError (EmptyText where there is no message, MissingSound, MissingValue,
    UnfitValue), and Refused for a text that cannot be read at all.
    """
    source = read_call(text, file)
    rendered = compile_template(source.template, file=file, spoken=True).render(values, language)
    message, farewell = list[Fragment](), list[Fragment]()
    keys, replies = dict[str, Key](), dict[str, tuple[Fragment, ...]]()
    for command, words in source.pieces(rendered):
        fragments = _fragments(command, words, sounds)
        if command is None or command.kind is Kind.PLAY:
            (farewell if keys else message).extend(fragments)
        elif command.kind is Kind.REPLY:
            replies.setdefault(command.digit, fragments)
        else:
            key = Key(command.digit, command.action, fragments, answer=command.answer)
            keys.setdefault(command.digit, key)
    if not message:
        raise EmptyText(file)
    menu = (replace(key, reply=replies.get(digit, ())) for digit, key in keys.items())
    return CallScript(tuple(message), tuple(menu), tuple(farewell), language)


def _fragments(
    command: Command | None, words: str, sounds: Mapping[str, SoundRef]
) -> tuple[Fragment, ...]:
    found: list[Fragment] = []
    if command and command.sound:
        if command.sound not in sounds:
            raise MissingSound(command.sound)
        found.append(Play(command.sound, sounds[command.sound]))
    if phrase := one_line(words):
        found.append(Say(phrase))
    return tuple(found)
