"""On which line of a TOML file a key stands: what `tomllib` does not tell.

Meant for text that `tomllib` has already accepted, so only what can hide a key is understood:
comments, strings, arrays over several lines, table headers and dotted keys.
"""

import re
from collections.abc import Mapping, Sequence

_HEADER = re.compile(r"^\s*\[\[?([^\[\]]+)\]\]?\s*(#.*)?$")
_KEY = re.compile(
    r"^\s*((?:\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+))*)\s*="
)
_PART = re.compile(r"\"([^\"]*)\"|'([^']*)'|([A-Za-z0-9_-]+)")
_TOKEN = re.compile(r"\"{3}|'{3}|\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'|#[^\n]*|[\[\]{}]")

Lines = Mapping[tuple[str, ...], int]


def key_lines(text: str) -> Lines:
    """The line (from 1) of every key and table header, by its full path.

    What stands under one of several `[[headers]]` of a name has two paths: with its number (from
    0), and the first of them also without.
    """
    lines: dict[tuple[str, ...], int] = {}
    counts: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    row: tuple[str, ...] = ()
    state = _State()
    for number, line in enumerate(text.splitlines(), start=1):
        if not state.inside_value:
            header = _HEADER.match(line)
            if header:
                table = row = _path(header[1])
                if line.lstrip().startswith("[["):
                    row = (*table, str(counts.get(table, 0)))
                    counts[table] = counts.get(table, 0) + 1
                _remember(lines, table, number)
                _remember(lines, row, number)
                continue
            key = _KEY.match(line)
            if key:
                for above in (table, row):
                    _remember(lines, above + _path(key[1]), number)
                state.read(line[key.end() :])
        else:
            state.read(line)
    return lines


def line_of(lines: Lines, path: Sequence[object]) -> int | None:
    """The line of the path, or of the nearest thing around it that has one."""
    names = tuple(str(part) for part in path)
    for length in range(len(names), 0, -1):
        if names[:length] in lines:
            return lines[names[:length]]
    return None


class _State:
    """Whether the next line still belongs to a value that began earlier."""

    __slots__ = ("_depth", "_quote")

    def __init__(self) -> None:
        self._depth = 0
        self._quote = ""

    @property
    def inside_value(self) -> bool:
        return bool(self._quote) or self._depth > 0

    def read(self, text: str) -> None:
        position = 0
        while position < len(text):
            if self._quote:
                end = text.find(self._quote, position)
                if end < 0:
                    return
                position, self._quote = end + 3, ""
                continue
            token = _TOKEN.search(text, position)
            if not token:
                return
            position = token.end()
            if token[0] in ('"""', "'''"):
                self._quote = token[0]
            elif token[0] in ("[", "{"):
                self._depth += 1
            elif token[0] in ("]", "}"):
                self._depth -= 1


def _remember(lines: dict[tuple[str, ...], int], path: tuple[str, ...], number: int) -> None:
    for length in range(1, len(path) + 1):
        lines.setdefault(path[:length], number)


def _path(key: str) -> tuple[str, ...]:
    return tuple(double or single or bare for double, single, bare in _PART.findall(key))
