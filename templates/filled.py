"""What placeholders put into a text: through which filters, and how many characters of it.

A variant of the template marks where each placeholder's text begins and ends with characters of the
private use area, which no value can hold (`templates.neutral` removes them).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from jinja2 import Environment, TemplateError, nodes

from templates.errors import RenderError
from templates.neutral import one_line
from templates.problem import Refused
from templates.render import compile_template

_BEGIN, _NAMED, _END = "\ue000", "\ue001", "\ue002"
_FILLED = re.compile(f"{_BEGIN}(\\d+){_NAMED}([^{_END}]*){_END}")
_MARKS = dict.fromkeys(map(ord, (_BEGIN, _NAMED, _END)))
_WORDS = frozenset({"if", "else", "and", "or", "not", "is", "in"})
_SYNTAX = Environment()  # noqa: S701 -- only its syntax is used; nothing is rendered by it

Token = tuple[str, str]


def filled_lengths(
    text: str,
    values: Mapping[str, object],
    language: str = "ru",
    *,
    as_sent: Callable[[str], str] = one_line,
) -> tuple[tuple[str, int], ...]:
    """Names of placeholders with the characters they put in, the longest first.

    In a loop a name counts for all its accounts. `as_sent` is what becomes of the text afterwards.
    Nothing for a template or values that cannot be rendered.
    """
    try:
        names, marked = _marked(text)
        rendered = compile_template(marked).render(values, language)
    except (TemplateError, Refused, RenderError):
        return ()
    lengths: Counter[str] = Counter()
    for index, filled in _FILLED.findall(rendered):
        lengths[names[int(index)]] += len(as_sent(filled))
    # Of equal length: in the order of the alphabet, so that the same text is told the same way.
    return tuple(sorted((+lengths).items(), key=lambda pair: (-pair[1], pair[0])))


def filters_on(text: str, name: str) -> frozenset[str]:
    """The filters a placeholder goes through anywhere in a template that can be read."""
    return frozenset(
        filtered.name
        for filtered in _SYNTAX.parse(text).find_all(nodes.Filter)
        if any(one.name == name for one in filtered.find_all(nodes.Name))
        or any(one.attr == name for one in filtered.find_all(nodes.Getattr))
    )


@lru_cache(maxsize=64)
def _marked(text: str) -> tuple[tuple[str, ...], str]:
    """The names of the placeholders in their order, and the template with them marked."""
    names: list[str] = []
    marked: list[str] = []
    inside: list[Token] = []
    for _line, kind, value in _SYNTAX.lex(text.translate(_MARKS)):
        if kind == "variable_begin":
            marked.append(f"{_BEGIN}{len(names)}{_NAMED}{value}")
            inside = []
        elif kind == "variable_end":
            names.append(_name_in(inside))
            marked.append(f"{value}{_END}")
        else:
            inside.append((kind, value))
            marked.append(value)
    return tuple(names), "".join(marked)


def _name_in(tokens: list[Token]) -> str:
    """The name that an expression prints: `offer`, of a row `account.offer` its field."""
    found = ""
    for (kind, value), (_next_kind, following) in _pairs(tokens):
        if kind != "name" or value in _WORDS:
            continue
        found = value
        if following != ".":
            break
    return found


def _pairs(tokens: list[Token]) -> Iterator[tuple[Token, Token]]:
    written = [token for token in tokens if token[0] != "whitespace"]
    return zip(written, [*written[1:], ("", "")], strict=False)
