"""One row of an audience file to one recipient, and what was wrong with it on the way.

The row does not go in at all (a fatal finding) when it cannot be trusted: no account number, an
amount, a date, a time zone or a consent that cannot be read, cells moved by a stray delimiter. It
goes in with a warning when something is merely missing: one bad number among good ones, a region
the table does not know, nobody to reach at all (the plan will skip and count that one). Once a row
is refused, all its findings are fatal: nothing of it was taken.

A row of a file of errors keeps the number that it had in the file it came from.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

from campaigns.audience.amounts import parse_kopecks, parse_whole_kopecks, plain_kopecks
from campaigns.audience.cells import one_line, unshielded
from campaigns.audience.columns import row_headers
from campaigns.audience.complaints import (
    cell_too_long,
    no_account,
    no_result,
    nobody,
    too_many_cells,
    trouble,
    unknown_language,
    unknown_region,
    unknown_segment,
    unknown_zone,
)
from campaigns.audience.consents import ConsentColumn, read_consent
from campaigns.audience.csv_rows import RawRow
from campaigns.audience.dates import parse_date, parse_moment
from campaigns.audience.findings import CellError, RowError, shown
from campaigns.audience.headers import Column, Role, normalised
from campaigns.audience.identity import read_account, read_segment
from campaigns.audience.limits import Limits
from campaigns.audience.names import is_organisation, readable, split_full_name
from campaigns.contact import (
    BadContact,
    is_absent,
    read_emails,
    read_phones,
)
from campaigns.recipient import Consent, ContactPoint, Recipient, Segment, ZoneSource
from campaigns.regions import Regions, read_zone
from templates.i18n import LANGUAGES

_ROW_NUMBER = re.compile(r"[1-9]\d{0,8}", re.ASCII)

_LANGUAGES = {"рус": "ru", "русский": "ru", "russian": "ru", "англ": "en", "английский": "en",
              "english": "en"} | {code: code for code in LANGUAGES}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where a recipient lives: the zone and how it was found."""

    zone: str | None
    source: ZoneSource
    unknown_region: bool = False


@dataclass(slots=True)
class _Draft:
    """A recipient in the making."""

    account: str = ""
    surname: str = ""
    name: str = ""
    patronymic: str = ""
    segment: Segment | None = None
    branch: str = ""
    region: str = ""
    zone: str = ""
    language: str = "ru"
    organisation: bool = False
    points: dict[ContactPoint, None] = field(default_factory=dict)
    consents: list[Consent] = field(default_factory=list)
    fields: dict[str, str | int] = field(default_factory=dict)


_Take = Callable[[_Draft, str, RawRow, list[RowError]], None]


class RowReader:
    """Reads the rows of one file; knows its columns, the regions and the branches."""

    def __init__(
        self,
        columns: Sequence[Column],
        regions: Regions,
        branches: Mapping[str, str],
        limits: Limits,
        *,
        width: int | None = None,
    ) -> None:
        """`width`: how many cells a row may have; in CSV more of them mean a stray delimiter."""
        self.returned: set[int] = set()  # numbers of the rows that came back in a file of errors
        self._columns = columns
        self._regions = regions
        self._branches = {_folded(name): zone for name, zone in branches.items()}
        self._limits = limits
        self._width = width
        self._account = next(c for c in columns if c.role is Role.ACCOUNT)
        self._read = tuple(c for c in columns if c.role is not Role.IGNORED)
        self._takers = tuple((c, c.index, self._taker(c)) for c in self._read)
        self._number = next(
            (c.index for c in columns if normalised(c.header) in row_headers()), None
        )
        self._find_place = lru_cache(maxsize=4096)(self._place)

    def read(self, raw: RawRow) -> tuple[Recipient | None, list[RowError]]:
        """The recipient, unless a finding is fatal, and the findings in order of the columns."""
        found: list[RowError] = []
        if raw.trouble:
            return None, [trouble(raw)]
        cells = raw.cells
        columns = len(self._columns)
        if (
            self._width is not None
            and len(cells) > columns
            and (len(cells) > self._width or any(cells[columns:]))
        ):
            return None, [too_many_cells(raw, columns)]
        raw = self._numbered(raw)
        draft = _Draft()
        width = len(cells)
        longest = self._limits.cell_characters
        no_value = raw.no_value
        for column, index, take in self._takers:
            if no_value and index in no_value:
                found.append(_finding(raw, column, no_result()))
                continue
            text = cells[index] if index < width else ""
            if not text:
                continue
            if len(text) > longest:
                found.append(_finding(raw, column, cell_too_long(longest), value=text[:1000]))
                continue
            if text[0] == "'":
                text = unshielded(text)
            try:
                take(draft, text, raw, found)
            except CellError as error:
                found.append(_finding(raw, column, error, value=text))
        if not draft.account and not any(f.column == self._account.header for f in found):
            found.append(_finding(raw, self._account, no_account()))
        place = self._settle_place(draft, raw, found)
        if found and any(finding.fatal for finding in found):
            return None, [_cleared(f, raw, draft.account, fatal=True) for f in found]
        if not draft.points:
            found.append(_finding(raw, self._contact_column(), nobody(), fatal=False))
        cleared = [_cleared(f, raw, draft.account, fatal=False) for f in found]
        return _recipient(draft, raw.row, place), cleared

    def _numbered(self, raw: RawRow) -> RawRow:
        """The row under the number that it had when it was found to be bad."""
        if self._number is None or self._number >= len(raw.cells):
            return raw
        text = raw.cells[self._number].strip()
        if not _ROW_NUMBER.fullmatch(text):
            return raw
        self.returned.add(int(text))
        return replace(raw, row=int(text))

    def _taker(self, column: Column) -> _Take:
        """What puts the cells of a column where they belong; it raises `CellError` for a cell that
        cannot be read. Chosen once for a file, not for each of a million rows."""
        match column.role:
            case Role.PHONE:
                return partial(_take_points, column, read_phones)
            case Role.EMAIL:
                return partial(_take_points, column, read_emails)
            case Role.ACCOUNT:
                return _take_account
            case Role.CONSENT if column.consent:
                return partial(_take_consent, column.consent)
            case Role.MONEY | Role.KOPECKS | Role.DATE | Role.MOMENT | Role.TEXT:
                return partial(_take_field, column.field, _FIELDS[column.role])
            case Role.FULL_NAME:
                return _take_full_name
            case _:
                return partial(self._take_person, column)

    def _take_person(
        self, column: Column, draft: _Draft, cell: str, raw: RawRow, found: list[RowError]
    ) -> None:
        text = one_line(cell)
        if not text:
            return
        match column.role:
            case Role.SURNAME:
                draft.surname = readable(text)
            case Role.NAME:
                draft.organisation = is_organisation(text)
                draft.name = text if draft.organisation else readable(text)
            case Role.PATRONYMIC:
                draft.patronymic = readable(text)
            case Role.SEGMENT:
                draft.segment = read_segment(text)
                if draft.segment is None:
                    found.append(_finding(raw, column, unknown_segment(), text, fatal=False))
            case Role.LANGUAGE:
                language = _LANGUAGES.get(text.casefold())
                if language is None:
                    found.append(_finding(raw, column, unknown_language(), text, fatal=False))
                draft.language = language or "ru"
            case Role.BRANCH:
                draft.branch = text
            case Role.REGION:
                draft.region = text
            case Role.ZONE:
                if read_zone(text, self._regions) is None:
                    raise unknown_zone()
                draft.zone = text

    def _place(self, zone: str, region: str, branch: str) -> Place:
        if zone:
            return Place(read_zone(zone, self._regions), ZoneSource.COLUMN)
        by_region = self._regions.zone_of(region) if region else None
        if by_region:
            return Place(by_region, ZoneSource.REGION)
        by_branch = self._branches.get(_folded(branch)) if branch else None
        if by_branch:
            return Place(by_branch, ZoneSource.BRANCH, unknown_region=bool(region))
        return Place(None, ZoneSource.DEFAULT, unknown_region=bool(region))

    def _settle_place(self, draft: _Draft, raw: RawRow, found: list[RowError]) -> Place:
        place = self._find_place(draft.zone, draft.region, draft.branch)
        if place.unknown_region:
            column = next(c for c in self._read if c.role is Role.REGION)
            found.append(_finding(raw, column, unknown_region(), draft.region, fatal=False))
        return place

    def _contact_column(self) -> Column:
        reaching = (c for c in self._read if c.role in (Role.PHONE, Role.EMAIL))
        return next(reaching, self._account)


def _recipient(draft: _Draft, row: int, place: Place) -> Recipient:
    by_name = Segment.BUSINESS if draft.organisation else Segment.PRIVATE
    return Recipient(
        row=row,
        account_number=draft.account,
        contact_points=tuple(draft.points),
        name=draft.name,
        patronymic=draft.patronymic,
        surname=draft.surname,
        segment=draft.segment or by_name,
        branch=draft.branch,
        region=draft.region,
        zone=place.zone,
        zone_source=place.source,
        language=draft.language,
        consents=tuple(draft.consents),
        fields=draft.fields,
    )


def _take_account(draft: _Draft, text: str, _raw: RawRow, _found: list[RowError]) -> None:
    draft.account = read_account(text)


def _take_full_name(draft: _Draft, text: str, _raw: RawRow, _found: list[RowError]) -> None:
    name = one_line(text)
    if name:
        draft.surname, draft.name, draft.patronymic = split_full_name(name)
        draft.organisation = is_organisation(name)


def _take_consent(
    column: ConsentColumn, draft: _Draft, text: str, _raw: RawRow, _found: list[RowError]
) -> None:
    consent = read_consent(column, text)
    if consent:
        draft.consents.append(consent)


def _take_field(
    name: str,
    read: Callable[[str], str | int | None],
    draft: _Draft,
    text: str,
    _raw: RawRow,
    _found: list[RowError],
) -> None:
    value = read(text)
    if value is not None:
        draft.fields[name] = value


def _money(text: str) -> int | None:
    plain = plain_kopecks(text)
    if plain is not None:
        return plain
    bare = text.strip()
    return None if is_absent(bare) and bare != "0" else parse_kopecks(text)


def _kopecks(text: str) -> int | None:
    bare = text.strip()
    return None if is_absent(bare) and bare != "0" else parse_whole_kopecks(text)


@lru_cache(maxsize=4096)
def _day(text: str) -> str | None:
    return None if is_absent(text.strip()) else parse_date(text).isoformat()


def _moment(text: str) -> str | None:
    return None if is_absent(text.strip()) else parse_moment(text).isoformat(timespec="minutes")


_FIELDS: Mapping[Role, Callable[[str], str | int | None]] = {
    Role.MONEY: _money,
    Role.KOPECKS: _kopecks,
    Role.DATE: _day,
    Role.MOMENT: _moment,
    Role.TEXT: lambda text: one_line(text) or None,
}


def _take_points(
    column: Column,
    read: Callable[[str], tuple[list[ContactPoint], list[BadContact]]],
    draft: _Draft,
    text: str,
    raw: RawRow,
    found: list[RowError],
) -> None:
    good, bad = read(text)
    for point in good:
        draft.points[point] = None
    for one in bad:
        error = CellError(one.code, one.message, one.advice)
        found.append(_finding(raw, column, error, one.value, fatal=False))


def _finding(
    raw: RawRow, column: Column, error: CellError, value: str = "", *, fatal: bool = True
) -> RowError:
    return RowError(
        raw.row, column.header, error.code, shown(value), error.message, error.advice, fatal=fatal
    )


def _cleared(finding: RowError, raw: RawRow, account: str, *, fatal: bool) -> RowError:
    """The finding with its account and the row's cells, none longer than is worth keeping."""
    cells = tuple(cell[:32_000] for cell in raw.cells)
    return replace(finding, cells=cells, account_number=account, fatal=fatal)


@lru_cache(maxsize=1024)
def _folded(branch: str) -> str:
    return " ".join(branch.casefold().replace("ё", "е").split())
