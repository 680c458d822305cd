"""What each column of an audience file holds, by its header.

The naming rule is in the docstring of `campaigns.audience`.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from campaigns.audience.consents import ConsentColumn, consent_column
from campaigns.audience.header_problems import (
    mistaken_mapping,
    no_account,
    same_field,
    too_many,
    twice,
)
from campaigns.audience.headers import (
    FIELD,
    KOPECKS,
    MONEY_STEMS,
    NAMED_FIELDS,
    NOT_MONEY,
    ROUBLES,
    SYNONYMS,
    Column,
    Role,
    normalised,
)
from campaigns.audience.targets import field_of
from templates.i18n import LANGUAGES, _, speaking
from templates.problem import Problem, Refused

SEVERAL = frozenset({Role.PHONE, Role.EMAIL, Role.CONSENT, Role.IGNORED})
"""Roles that more than one column may have."""


_NUMBERED = re.compile(r"\s*\d{1,2}$")


def resolve_columns(
    header: Sequence[str],
    mapping: Mapping[str, str],
    *,
    limit: int,
    file: str | None = None,
    row: int = 1,
) -> tuple[Column, ...]:
    """Every column of the file with its meaning.

    Raises `Refused` with all problems: too many columns, the same header or field twice, a mapping
    that names no column or no field, no column for the account number.
    """
    last = max((i for i, text in enumerate(header) if text.strip()), default=-1)
    if last >= limit:
        raise Refused([too_many(last + 1, limit, file, row)])
    wanted = {normalised(name): field_of(target) for name, target in mapping.items()}
    problems = mistaken_mapping(header, mapping, file)
    columns = [
        _column(index, text.strip(), wanted.get(normalised(text)))
        for index, text in enumerate(header[: last + 1])
    ]
    problems += _clashes(columns, file, row)
    if not any(column.role is Role.ACCOUNT for column in columns):
        problems.append(no_account(header, file, row))
    if problems:
        raise Refused(problems)
    return tuple(columns)


def guessed_columns(header: Sequence[str]) -> tuple[Column, ...]:
    """What each header is taken for by itself, whether or not a file with them can be used."""
    last = max((i for i, text in enumerate(header) if text.strip()), default=-1)
    return tuple(
        _column(index, text.strip(), None) for index, text in enumerate(header[: last + 1])
    )


def names_account(header: Sequence[str], mapping: Mapping[str, str]) -> bool:
    """Whether a row looks like the header: one of its cells stands for the account number."""
    wanted = {
        normalised(name)
        for name, target in mapping.items()
        if field_of(target) == Role.ACCOUNT.value
    }
    if wanted:
        return any(normalised(text) in wanted for text in header)
    return any(_by_synonym().get(normalised(text[:200])) is Role.ACCOUNT for text in header)


def _column(index: int, header: str, wanted: str | None) -> Column:
    if wanted is not None:
        return _mapped(index, header, wanted)
    key = normalised(header)
    if not key or key in finding_headers():
        return Column(index, header, Role.IGNORED)
    role = _by_synonym().get(key) or _by_synonym().get(_NUMBERED.sub("", key))
    if role:
        return Column(index, header, role)
    consent = consent_column(key, header)
    if consent:
        return Column(index, header, Role.CONSENT, consent=consent)
    return _further(index, header, key)


def _further(index: int, header: str, key: str) -> Column:
    if header.endswith("_kopecks") and FIELD.fullmatch(header):
        return Column(index, header, Role.KOPECKS, header)
    if header.endswith(("_on", "_at")) and FIELD.fullmatch(header):
        return Column(index, header, _kind(header), header)
    words = key.split()
    plain = " ".join(w for w in words if w not in ROUBLES and w not in KOPECKS and w != "в")
    name = NAMED_FIELDS.get(key) or NAMED_FIELDS.get(plain)
    if name is None:
        name = _new_field(plain or key, words)
    if name.endswith("_kopecks"):
        in_kopecks = bool(KOPECKS & set(words)) and not ROUBLES & set(words)
        return Column(index, header, Role.KOPECKS if in_kopecks else Role.MONEY, name)
    return Column(index, header, _kind(name), name)


def _new_field(plain: str, words: Sequence[str]) -> str:
    name = plain.replace(" ", "_")[:50]
    name = name if FIELD.fullmatch(name) else f"column_{name}"
    if words[0] in ("дата", "date") or words[-1] in ("дата", "date"):
        return name + "_on"
    if any(word in plain for word in NOT_MONEY):
        return name
    unit = bool(ROUBLES & set(words[1:])) or bool(KOPECKS & set(words[1:]))
    if unit or any(word.startswith(MONEY_STEMS) for word in words):
        return name + "_kopecks"
    return name


def _mapped(index: int, header: str, wanted: str) -> Column:
    if wanted == "-":
        return Column(index, header, Role.IGNORED)
    if wanted == Role.CONSENT.value:
        meaning = consent_column(normalised(header), header)
        return Column(
            index, header, Role.CONSENT, consent=meaning or ConsentColumn(False, None, None, header)
        )
    if wanted in SYNONYMS:
        return Column(index, header, Role(wanted))
    if wanted.endswith("_kopecks"):
        in_kopecks = header == wanted or bool(KOPECKS & set(normalised(header).split()))
        return Column(index, header, Role.KOPECKS if in_kopecks else Role.MONEY, wanted)
    return Column(index, header, _kind(wanted), wanted)


def _kind(field: str) -> Role:
    """What a field that is no money holds, by the ending of its name."""
    if field.endswith("_on"):
        return Role.DATE
    return Role.MOMENT if field.endswith("_at") else Role.TEXT


@lru_cache(maxsize=1)
def _by_synonym() -> dict[str, Role]:
    return {
        normalised(spelling): role
        for role, spellings in SYNONYMS.items()
        for spelling in (*spellings.split(", "), role.value)
    }


def finding_columns() -> tuple[str, ...]:
    """The headers that a file of errors has beside the customer's own columns."""
    return (
        _("error: row"),
        _("error: column"),
        _("error: code"),
        _("error: what is wrong"),
        _("error: what to do"),
    )


@lru_cache(maxsize=1)
def finding_headers() -> frozenset[str]:
    """Those headers in every language, so that a mended file of errors can be imported again."""
    found: set[str] = set()
    for language in LANGUAGES:
        with speaking(language):
            found.update(normalised(header) for header in finding_columns())
    return frozenset(found)


@lru_cache(maxsize=1)
def row_headers() -> frozenset[str]:
    """The header of the column, in every language, that says which row a mended row was."""
    found: set[str] = set()
    for language in LANGUAGES:
        with speaking(language):
            found.add(normalised(finding_columns()[0]))
    return frozenset(found)


def _clashes(columns: Sequence[Column], file: str | None, row: int) -> list[Problem]:
    problems = []
    headers: dict[str, Column] = {}
    fields: dict[str, Column] = {}
    for column in columns:
        key = normalised(column.header)
        if key and key not in finding_headers() and headers.setdefault(key, column) is not column:
            problems.append(twice(column, headers[key], file, row))
            continue
        name = column.field or column.role.value
        if column.role not in SEVERAL and fields.setdefault(name, column) is not column:
            problems.append(same_field(column, fields[name], name, file, row))
    return problems
