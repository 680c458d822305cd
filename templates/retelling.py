"""What was written down in words of one language, told again in that of whoever reads it now.

Findings about a list are kept as they were told to the person who brought it in; the one who opens
the list next may read another language. The words are found in the catalogue of their subject, with
whatever was filled in; what no catalogue knows any more stays as it was written.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from re import Pattern

from babel.messages.pofile import read_po

from templates.i18n import LANGUAGES, LOCALES, _

_FILLED_IN = re.compile(r"\{(\w+)\}")


def retold(text: str, subject: str) -> str:
    """A message of the catalogue `subject` in the current language."""
    exact, patterns = _catalogue(subject)
    if text in exact:
        return _(exact[text])
    for pattern, message in patterns:
        found = pattern.fullmatch(text)
        if found:
            return _(message).format(**found.groupdict())
    return text


@cache
def _catalogue(subject: str) -> tuple[Mapping[str, str], Sequence[tuple[Pattern[str], str]]]:
    """Every message of a subject as each language says it: word for word, or with a gap where
    something is filled in."""
    exact: dict[str, str] = {}
    patterns: list[tuple[Pattern[str], str]] = []
    for language in LANGUAGES:
        path = LOCALES / language / f"{subject}.po"
        if not path.exists():
            continue
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if not isinstance(message.id, str) or not isinstance(message.string, str):
                    continue
                for said in filter(None, (message.string, message.id)):
                    if _FILLED_IN.search(said):
                        patterns.append((_pattern(said), message.id))
                    else:
                        exact.setdefault(said, message.id)
    return exact, patterns


def _pattern(said: str) -> Pattern[str]:
    parts: list[str] = []
    seen: set[str] = set()
    at = 0
    for gap in _FILLED_IN.finditer(said):
        name = gap[1]
        parts.append(re.escape(said[at : gap.start()]))
        parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>.+?)")
        seen.add(name)
        at = gap.end()
    return re.compile("".join(parts) + re.escape(said[at:]), re.DOTALL)
