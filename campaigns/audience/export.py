"""Bad rows as a file that a clerk can mend in a spreadsheet and import again as it is."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from campaigns.audience.cells import shielded
from campaigns.audience.columns import finding_columns, finding_headers, names_account
from campaigns.audience.findings import RowError
from campaigns.audience.headers import normalised
from campaigns.audience.joining import DUPLICATE_ACCOUNT

ENCODING = "utf-8-sig"  # the mark at the beginning makes Excel read it as UTF-8
DELIMITER = ";"


def export_errors(errors: Iterable[RowError], path: Path, header: Sequence[str]) -> int:
    """Write one line per bad row: its own cells, then row, columns, codes, what is wrong, advice.

    `header` are the file's own headers (`AudienceFile.header`). Errors of one row must come one
    after another, as reading gives them. Cells that a spreadsheet would run as formulas are
    shielded by an apostrophe, which the import takes away again. An amount on which two rows
    differ is left empty. Columns of an earlier file of errors are not repeated. The file appears
    whole or not at all. Returns the number of rows.
    """
    own = [i for i, text in enumerate(header) if normalised(text) not in finding_headers()]
    part = path.with_name(path.name + ".part")
    count = 0
    with part.open("w", encoding=ENCODING, newline="") as file:
        writer = csv.writer(file, delimiter=DELIMITER, lineterminator="\r\n")
        writer.writerow(map(shielded, [*(header[i] for i in own), *finding_columns()]))
        for _row, group in groupby(errors, key=_of_one_row):
            writer.writerow(map(shielded, _line(list(group), header, own)))
            count += 1
    part.replace(path)
    return count


def _of_one_row(error: RowError) -> tuple[int, str | tuple[str, ...]]:
    """Rows of two files may have the same number: the account, or the cells, tell them apart."""
    return error.row, error.account_number or error.cells


def _line(errors: Sequence[RowError], header: Sequence[str], own: Sequence[int]) -> Iterator[str]:
    first = errors[0]
    # Whether the clerk has decided between two amounts shows by what was written into this cell.
    disputed = {error.column for error in errors if error.code == DUPLICATE_ACCOUNT}
    for index in own:
        if header[index] in disputed:
            yield ""
        elif first.cells:
            yield first.cells[index] if index < len(first.cells) else ""
        else:  # a finding about two rows, made when their cells were gone
            yield first.account_number if names_account([header[index]], {}) else ""
    yield str(first.row)
    yield " | ".join(error.column for error in errors)
    yield " | ".join(error.code for error in errors)
    yield " | ".join(error.message for error in errors)
    yield " | ".join(dict.fromkeys(error.advice for error in errors))
