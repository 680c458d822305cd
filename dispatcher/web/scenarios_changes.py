"""What differs between two wordings, line by line, as a reader follows it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from dispatcher.ledger.scenarios import Templates
from dispatcher.rewording import SOURCE, Draft

CONTEXT_LINES = 3
# Beyond so many lines, or words in one, nobody compares; and comparing would take too long.
MOST_LINES, MOST_WORDS = 2_000, 400
_WORDS = re.compile(r"\s+|\w+|[^\w\s]+")

Piece = tuple[str, bool]  # some text, and whether it is what has changed


@dataclass(frozen=True, slots=True)
class Line:
    """kind: same, gone, new, or rest for lines left out between two places."""

    kind: str
    old: int | None
    new: int | None
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One text: `old` or `new` says that it is there on that side at all."""

    file: str
    old: bool
    new: bool
    lines: tuple[Line, ...]


def changes(old: Draft, new: Draft) -> list[Change]:
    """The texts that differ, the scenario's own first."""
    before, after = _texts(old), _texts(new)
    return [
        Change(
            file,
            file in before,
            file in after,
            tuple(_lines(before.get(file, ""), after.get(file, ""))),
        )
        for file in dict.fromkeys((*before, *after))
        if before.get(file) != after.get(file)
    ]


def _texts(draft: Draft) -> dict[str, str]:
    return {SOURCE: draft.source, **plain_texts(draft.templates)}


def plain_texts(templates: Templates) -> dict[str, str]:
    """The texts of all channels by file name; no two channels share one."""
    return {file: text for texts in templates.values() for file, text in texts.items()}


def _lines(old: str, new: str) -> Iterator[Line]:
    before, after = old.splitlines(), new.splitlines()
    if max(len(before), len(after)) > MOST_LINES:
        yield from _replaced(before, after, 0, 0)
        return
    groups = SequenceMatcher(None, before, after).get_grouped_opcodes(CONTEXT_LINES)
    for number, group in enumerate(groups):
        if number or group[0][1]:
            yield Line("rest", None, None, ())
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                for step, text in enumerate(before[old_from:old_to]):
                    yield Line("same", old_from + step + 1, new_from + step + 1, ((text, False),))
            else:
                yield from _replaced(
                    before[old_from:old_to], after[new_from:new_to], old_from, new_from
                )


def _replaced(
    old: Sequence[str], new: Sequence[str], old_from: int, new_from: int
) -> Iterator[Line]:
    """Lines in place of others; where as many came as went, with the words that differ."""
    paired = len(old) == len(new)
    told = [_words(*pair) for pair in zip(old, new, strict=False)] if paired else []
    for step, text in enumerate(old):
        pieces = told[step][0] if paired else ((text, False),)
        yield Line("gone", old_from + step + 1, None, pieces)
    for step, text in enumerate(new):
        pieces = told[step][1] if paired else ((text, False),)
        yield Line("new", None, new_from + step + 1, pieces)


def _words(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    if max(len(before), len(after)) > MOST_WORDS:
        return ((old, False),), ((new, False),)
    was, became = list[Piece](), list[Piece]()
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        differs = tag != "equal"
        if old_to > old_from:
            was.append(("".join(before[old_from:old_to]), differs))
        if new_to > new_from:
            became.append(("".join(after[new_from:new_to]), differs))
    return tuple(was), tuple(became)
