"""What a `--map "Header=target"` may name: a field we know, one of its spellings, or a new field.

A target that is merely misspelt must not become a column of its own: the telephones of a whole
town would be read as a remark, and nobody would be called.
"""

import re
from difflib import get_close_matches
from functools import lru_cache

from campaigns.audience.headers import NAMED_FIELDS, SYNONYMS, Role, normalised

LEFT_OUT = ("", "-", Role.IGNORED.value)
"""Targets that leave a column out."""

TYPED_ENDINGS = ("_kopecks", "_on", "_at", "_from", "_until")
"""Endings of field names that say what a column holds."""

NEAR = 0.8
"""So much alike (difflib's ratio) are two names of which one must be a slip of the pen."""

_NEW_FIELD = re.compile(r"(?=.{1,63}\Z)[a-z][a-z0-9]*(?:_[a-z0-9]+)*")


@lru_cache(maxsize=1)
def known_fields() -> tuple[str, ...]:
    """Every field with a meaning of its own, the recipient's first."""
    own = (*SYNONYMS, Role.CONSENT)
    return (*(role.value for role in own), *sorted(set(NAMED_FIELDS.values())))


def field_of(target: str) -> str | None:
    """The field that a target stands for; `-` for a column to leave out.

    None for what is neither a known name, nor a spelling of one (`телефон`, `e-mail`, `ФИО`), nor
    fit to be the name of a new field, or so near to a known name that it must be a mistake.
    """
    target = target.strip()
    if target in LEFT_OUT:
        return "-"
    known = _spellings().get(normalised(target))
    if known is not None:
        return known
    return target if _NEW_FIELD.fullmatch(target) and not near_fields(target) else None


def near_fields(target: str) -> list[str]:
    """The known names that a target resembles, the nearest first.

    Names that end alike (`penalty_kopecks`, `price_kopecks`) are compared by what differs.
    """
    name = target.strip().casefold()
    ending = next((end for end in TYPED_ENDINGS if name.endswith(end) and name != end), "")
    if not ending:
        spelling = get_close_matches(normalised(name), list(_spellings()), n=3, cutoff=NEAR)
        return list(dict.fromkeys(_spellings()[one] for one in spelling))
    stems = [known.removesuffix(ending) for known in known_fields() if known.endswith(ending)]
    near = get_close_matches(name.removesuffix(ending), stems, n=3, cutoff=NEAR)
    return [stem + ending for stem in near]


@lru_cache(maxsize=1)
def _spellings() -> dict[str, str]:
    named = {normalised(spelling): field for spelling, field in NAMED_FIELDS.items()}
    people = {
        normalised(spelling): role.value
        for role, spellings in SYNONYMS.items()
        for spelling in spellings.split(", ")
    }
    return named | people | {normalised(field): field for field in known_fields()}
