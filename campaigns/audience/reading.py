"""An audience file as a stream of recipients and findings; memory stays flat for a million rows."""

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from campaigns.audience.columns import resolve_columns
from campaigns.audience.csv_rows import RawRow
from campaigns.audience.findings import RowError
from campaigns.audience.headers import Role
from campaigns.audience.limits import Limits
from campaigns.audience.raw_file import RawFile
from campaigns.audience.rows import RowReader
from campaigns.recipient import Recipient
from campaigns.regions import Regions, built_in_regions
from templates.i18n import _
from templates.problem import Problem, Refused

SAMPLE_ROWS = 30
"""So many rows tell how many cells a row usually has: some programs end each with a delimiter."""

_NOTHING: Mapping[str, str] = MappingProxyType({})
DEFAULT_LIMITS = Limits()


class AudienceFile:
    """A file of recipients. Iterating reads it from the start; each row is given as its recipient,
    if it goes in, followed by its findings.

    `columns` say what each header was taken for, `unmapped` are the headers that became further
    fields, `header_row` is the row they stand in. `encoding` and `delimiter` are None for a
    workbook, `sheet` is None for CSV.
    """

    def __init__(
        self,
        raw: RawFile,
        mapping: Mapping[str, str],
        limits: Limits,
        regions: Regions,
        branches: Mapping[str, str],
    ) -> None:
        self.path = raw.path
        self.encoding, self.delimiter, self.sheet = raw.encoding, raw.delimiter, raw.sheet
        self.header_row = raw.header.row
        self._raw = raw
        self.columns = resolve_columns(
            raw.header.cells,
            mapping,
            limit=limits.columns,
            file=raw.path.name,
            row=raw.header.row,
        )
        widths = Counter(len(row.cells) for row in islice(self._rows_below_header(), SAMPLE_ROWS))
        if not widths:
            raise Refused([_header_only(raw.path)])
        [(usual, _times)] = widths.most_common(1)
        self._reader = RowReader(
            self.columns,
            regions,
            branches,
            limits,
            width=None if raw.is_workbook else max(usual, len(self.columns)),
        )

    @property
    def header(self) -> tuple[str, ...]:
        """The headers as the file writes them."""
        return tuple(column.header for column in self.columns)

    @property
    def account_header(self) -> str:
        """The header of the account numbers."""
        return next(c.header for c in self.columns if c.role is Role.ACCOUNT)

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Headers without a meaning of their own: their cells became text fields for templates."""
        return tuple(c.header for c in self.columns if c.role is Role.TEXT)

    @property
    def returned_rows(self) -> Set[int]:
        """The rows read so far that come from a file of errors, by the numbers they had."""
        return self._reader.returned

    def __iter__(self) -> Iterator[Recipient | RowError]:
        for raw in self._rows_below_header():
            recipient, findings = self._reader.read(raw)
            if recipient is not None:
                yield recipient
            yield from findings

    def _rows_below_header(self) -> Iterator[RawRow]:
        return self._raw.below_header(len(self.columns))


def read_audience(
    path: Path,
    *,
    mapping: Mapping[str, str] = _NOTHING,
    limits: Limits = DEFAULT_LIMITS,
    regions: Regions | None = None,
    branches: Mapping[str, str] = _NOTHING,
) -> AudienceFile:
    """Open an audience file for reading.

    `mapping` says what a column is in spite of its header (`{"Долг на 01.12": "debt_kopecks"}`, `-`
    leaves a column out); `branches` gives the zone of each branch by its name. Raises `Refused` for
    a file that cannot be used at all; whatever is wrong with single rows comes as `RowError` while
    iterating.
    """
    raw = RawFile(path, mapping, limits)
    return AudienceFile(raw, mapping, limits, regions or built_in_regions(), branches)


def _header_only(path: Path) -> Problem:
    return Problem(
        "header_only",
        _("The file has a header but no rows."),
        _("Check the selection in the billing system and export the list again."),
        file=path.name,
    )
