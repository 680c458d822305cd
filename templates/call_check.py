"""What is wrong with a call's text, or hardly meant: found in the text, before any customer.

The walk over the syntax tree knows which lines can be said in one and the same call: those in
different branches of one {% if %} cannot, so each branch may have a key 1 of its own.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from jinja2 import nodes

from templates.call import Action
from templates.call_command import Command, Kind
from templates.call_file import CallText, read_call
from templates.filters import says_in_words
from templates.i18n import _
from templates.problem import Problem
from templates.render import examine_template, parse_template
from templates.subset import Findings

_NUMBERS = ("_kopecks", "_on", "_at", "_from", "_until", "_time", "_count", "_phone")
_PRESSED = {
    word: str(digit)
    for words in (
        ("ноль", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять"),
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    )
    for digit, word in enumerate(words)
}
_PRESS = re.compile(r"(?:нажмите|press)\s+(?:на\s+)?(?:клавишу\s+)?(\w+)", re.IGNORECASE)

Branch = tuple[tuple[int, int], ...]  # the {% if %}s around something, and which branch of each


@dataclass(slots=True)
class CallFindings:
    """`names` and grammar as of every template; the call's own problems are among them.

    `sounds` are the files it plays, each with the line on which it first stands.
    """

    template: Findings
    sounds: dict[str, int] = field(default_factory=dict)
    warnings: list[Problem] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    raw_names: dict[str, int] = field(default_factory=dict)  # said without a filter that speaks


@dataclass(frozen=True, slots=True)
class _Item:
    """A command, or words that belong to none."""

    line: int
    command: Command | None
    branch: Branch
    in_loop: bool

    @property
    def is_message(self) -> bool:
        """Said by itself, not by a key."""
        return self.command is None or self.command.kind is Kind.PLAY

    def may_stand_with(self, other: "_Item") -> bool:
        mine = dict(self.branch)
        return all(mine.get(fork, way) == way for fork, way in other.branch)


def examine_call(text: str, file: str) -> CallFindings:
    """Everything about one call.txt that can be told without a recipient."""
    source = read_call(text, file)
    found = CallFindings(examine_template(source.template, file=file, spoken=True))
    problems = found.template.problems
    problems += [_problem("call_strange_character", file, line) for line in source.strange_lines]
    problems += [_problem("call_command_within", file, line) for line in source.mixed_lines]
    tree = parse_template(source.template, file=file, spoken=True)
    if isinstance(tree, Problem):
        return found
    walk = _Walk(source, file, found)
    walk.visit(tree.body, (), in_loop=False)
    wrong = [item.command.problem for item in walk.items if item.command and item.command.problem]
    problems += wrong
    if not wrong:
        problems += _order_problems(walk.items, file)
    for item in walk.items:
        command = item.command
        if command and not command.problem:
            if command.sound:
                found.sounds.setdefault(command.sound, item.line)
            if command.kind is Kind.KEY and command.action is Action.ANSWER:
                found.answers.setdefault(command.answer, item.line)
    return found


@dataclass(slots=True)
class _Walk:
    """Through the tree in the order of the text; a command's words go on to the line's end."""

    source: CallText
    file: str
    found: CallFindings
    items: list[_Item] = field(default_factory=list)
    inside: Command | None = None

    def visit(self, body: Iterable[nodes.Node], branch: Branch, *, in_loop: bool) -> None:
        for node in body:
            if isinstance(node, nodes.Output):
                self._output(node, branch, in_loop=in_loop)
            elif isinstance(node, nodes.If):
                for way, inner in enumerate((node.body, *_elifs(node), node.else_)):
                    self.visit(inner, (*branch, (id(node), way)), in_loop=in_loop)
            elif isinstance(node, nodes.For):
                self.visit(node.body, branch, in_loop=True)
                self.visit(node.else_, branch, in_loop=in_loop)

    def _output(self, node: nodes.Output, branch: Branch, *, in_loop: bool) -> None:
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                self._data(part, branch, in_loop=in_loop)
                continue
            self._raw(part)
            if self.inside is None:
                self.items.append(_Item(part.lineno, None, branch, in_loop))

    def _data(self, node: nodes.TemplateData, branch: Branch, *, in_loop: bool) -> None:
        line = node.lineno
        for number, written in enumerate(node.data.split("\n")):
            if number:
                self.inside = None
                line += 1
            for command, words in self.source.pieces(written):
                if command is not None:
                    self.inside = command
                    self.items.append(_Item(command.line, command, branch, in_loop))
                elif words.strip() and self.inside is None:
                    self.items.append(_Item(line, None, branch, in_loop))
                self._words(words, self.inside.line if self.inside else line)

    def _words(self, words: str, line: int) -> None:
        if re.search(r"\d", words):
            self.found.warnings.append(_problem("call_raw_number", self.file, line))
        command = self.inside
        pressed = {_PRESSED[w.lower()] for w in _PRESS.findall(words) if w.lower() in _PRESSED}
        if command and command.kind is Kind.KEY and pressed and command.digit not in pressed:
            self.found.warnings.append(_problem("call_key_words", self.file, line))

    def _raw(self, node: nodes.Node) -> None:
        """Names whose value is said as it is written, by no filter that speaks."""
        if isinstance(node, nodes.Filter):
            if not says_in_words(node.name) and node.node is not None:
                self._raw(node.node)
        elif isinstance(node, nodes.CondExpr):
            for inner in (node.expr1, node.expr2):
                if inner is not None:
                    self._raw(inner)
        elif isinstance(node, nodes.Name | nodes.Getattr):
            name = node.name if isinstance(node, nodes.Name) else node.attr
            if name.endswith(_NUMBERS) or name == "account_number":
                self.found.warnings.append(_problem("call_raw_number", self.file, node.lineno))
            self.found.raw_names.setdefault(name, node.lineno)
        elif isinstance(node, nodes.Const) and re.search(r"\d", str(node.value)):
            self.found.warnings.append(_problem("call_raw_number", self.file, node.lineno))


def _elifs(node: nodes.If) -> Iterator[list[nodes.Node]]:
    for inner in node.elif_:
        yield inner.body


def _order_problems(items: list[_Item], file: str) -> Iterator[Problem]:
    keys = [item for item in items if item.command and item.command.kind is Kind.KEY]
    replies = [item for item in items if item.command and item.command.kind is Kind.REPLY]
    for item in (*keys, *replies):
        if item.in_loop:
            yield _problem("call_key_in_loop", file, item.line)
    yield from _twice(keys, "call_key_twice", lambda command: command.digit, file)
    yield from _twice(replies, "call_reply_twice", lambda command: command.digit, file)
    yield from _twice(keys, "call_answer_twice", lambda command: command.answer, file)
    digits = {item.command.digit for item in keys if item.command}
    for item in replies:
        if item.command and item.command.digit not in digits:
            yield _problem("call_reply_without_key", file, item.line)
    for number, item in enumerate(items):
        between = _among(keys, items[:number], item) and _among(keys, items[number + 1 :], item)
        if item.is_message and between:
            yield _problem("call_between_keys", file, item.line)
    before = items[: items.index(keys[0])] if keys else items
    if not any(item.is_message for item in before):
        yield _problem("call_without_message", file, keys[0].line if keys else 1)


def _twice(
    items: list[_Item], code: str, named: Callable[[Command], str], file: str
) -> Iterator[Problem]:
    for number, item in enumerate(items):
        for earlier in items[:number]:
            if item.command is None or earlier.command is None:
                continue
            name = named(item.command)
            if name and name == named(earlier.command) and item.may_stand_with(earlier):
                yield _problem(code, file, item.line, name)
                break


def _among(keys: list[_Item], items: list[_Item], one: _Item) -> bool:
    return any(item in keys and item.may_stand_with(one) for item in items)


def _problem(code: str, file: str, line: int, value: str = "") -> Problem:
    message, advice = _words()[code]
    return Problem(
        code, message.format(value=value), advice, file=file, line=line, value=value or None
    )


def _words() -> dict[str, tuple[str, str]]:
    return {
        "call_strange_character": (
            _("There is a character here that means something to the program itself."),
            _("Write the text anew by hand; it was probably copied from elsewhere."),
        ),
        "call_command_within": (
            _("A command stands behind other text."),
            _("A line with @play, @key or @reply begins with it; only {% if %} may stand before."),
        ),
        "call_key_in_loop": (
            _("A key inside the loop over accounts would come several times."),
            _("Write @key and @reply outside {% for %}."),
        ),
        "call_key_twice": (
            _("The key {value} stands there twice."),
            _("Give every key one line, or put the two into {% if %} and {% else %}."),
        ),
        "call_reply_twice": (
            _("The key {value} has two replies."),
            _("Leave one of them."),
        ),
        "call_answer_twice": (
            _("Two keys give the same answer “{value}”."),
            _("Name the answers differently, or the results would be mixed up."),
        ),
        "call_reply_without_key": (
            _("This reply belongs to no key."),
            _("Write the @key line for it, or remove the reply."),
        ),
        "call_between_keys": (
            _("There is text between two keys."),
            _("Write it before the first @key, after the last one, or on the @key line itself."),
        ),
        "call_without_message": (
            _("The call has no message before its keys."),
            _("Write first what the customer should hear."),
        ),
        "call_raw_number": (
            _("There is a number here that a voice would read in its own way."),
            _(
                "Use a filter, such as {{ total_kopecks | money }}, {{ due_on | date }},"
                " {{ account_number | account }}, or write the number in words."
            ),
        ),
        "call_key_words": (
            _("The words offer another key than the one that is meant."),
            _("Compare the digit after @key with the one that is spoken."),
        ),
    }
