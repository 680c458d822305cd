"""Advice for a misspelt word."""

import difflib
from collections.abc import Iterable

from templates.i18n import _


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """“Did you mean “debt_kopecks”?”, or nothing when no known word is near."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return _("Did you mean “{word}”?").format(word=near[0]) if near else ""
