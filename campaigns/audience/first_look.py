"""The beginning of a file, read as an import would read it: for whoever is about to import it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path

from campaigns.audience.columns import guessed_columns
from campaigns.audience.csv_rows import RawRow
from campaigns.audience.findings import RowError
from campaigns.audience.headers import Column
from campaigns.audience.limits import Limits
from campaigns.audience.raw_file import RawFile
from campaigns.audience.reading import DEFAULT_LIMITS, AudienceFile
from campaigns.recipient import Recipient
from campaigns.regions import Regions
from templates.problem import Problem, Refused


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What a file is taken for.

    `guesses` say what each column is by its header alone, `columns` what it is with the mapping;
    these are the guesses where `problems` forbid to read on, and then nobody is in `read`.
    `rows` are the first rows as texts, `read` the same rows as recipients and findings.
    """

    encoding: str | None
    delimiter: str | None
    sheet: str | None
    header_row: int
    guesses: Sequence[Column]
    columns: Sequence[Column]
    rows: Sequence[RawRow]
    read: Sequence[Recipient | RowError]
    problems: Sequence[Problem]


def look_into(
    path: Path,
    mapping: Mapping[str, str],
    regions: Regions,
    branches: Mapping[str, str],
    rows: int,
    limits: Limits = DEFAULT_LIMITS,
) -> FirstLook:
    """The first `rows` of a file, with that mapping. Raises `Refused` for a file that cannot be
    used whatever its columns mean."""
    raw = RawFile(path, mapping, limits)
    guesses = guessed_columns(raw.header.cells[: limits.columns])
    first = list(islice(raw.below_header(len(guesses)), rows))
    columns: Sequence[Column] = guesses
    read: Sequence[Recipient | RowError] = ()
    problems: Sequence[Problem] = ()
    try:
        file = AudienceFile(raw, mapping, limits, regions, branches)
    except Refused as refused:
        problems = refused.problems
    else:
        columns = file.columns
        read = list(takewhile(lambda item: item.row <= first[-1].row, file)) if first else ()
    return FirstLook(
        encoding=raw.encoding,
        delimiter=raw.delimiter,
        sheet=raw.sheet,
        header_row=raw.header.row,
        guesses=guesses,
        columns=columns,
        rows=first,
        read=read,
        problems=problems,
    )
