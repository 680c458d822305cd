"""A campaign as plain files for other programs: every attempt, every skip, one line each.

Plain UTF-8 without a byte-order mark and with commas: a program reads these; for people there is
the workbook. Everything streams.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TextIO

from campaigns.audience.cells import FORMULA_STARTS
from campaigns.calendar import zone_named
from campaigns.delivery import Status
from campaigns.outcome import ABANDONED, Outcome
from dispatcher.ledger import Transaction, archive, reports
from dispatcher.ledger.attempts import Attempt
from dispatcher.logs import mask
from dispatcher.report import words

Cell = str | int | bool | None
Row = dict[str, Cell]

ATTEMPT_COLUMNS = (
    "account_number",
    "channel",
    "contact_point",
    "attempt",
    "started_at",
    "ended_at",
    "local_started_at",
    "zone",
    "outcome",
    "positive",
    "provider",
    "reference",
    "next_due_at",
    "reason",
    "key",
    "answer",
    "operator",
)
SKIP_COLUMNS = ("account_number", "channel", "reason", "explanation", "joined_to")
UNREACHED_COLUMNS = (
    "account_number",
    "channel",
    "contact_point",
    "status",
    "reason",
    "attempts",
    "last_outcome",
    "last_started_at",
    "zone",
)
UNREACHED = (Status.GIVEN_UP, Status.EXPIRED, Status.UNCERTAIN, Status.WITHDRAWN)


def attempts(tx: Transaction, campaign_id: int, *, full: bool) -> Iterator[Row]:
    """Every attempt in the order of their beginning; contact points masked unless `full`.

    Instants are ISO 8601 in UTC, `local_started_at` in the recipient's own offset. An attempt that
    is still open has neither an end nor an outcome.
    """
    for account, attempt in archive.attempts_of(tx, campaign_id):
        yield {
            "account_number": account,
            "channel": attempt.channel.value,
            "contact_point": attempt.contact_point if full else mask(attempt.contact_point),
            "attempt": attempt.number,
            "started_at": attempt.started_at.isoformat(),
            "ended_at": _iso(attempt.ended_at),
            "local_started_at": attempt.started_at.astimezone(zone_named(attempt.zone)).isoformat(),
            "zone": attempt.zone,
            "outcome": attempt.outcome.value if attempt.outcome else None,
            "positive": attempt.positive,
            "provider": attempt.provider,
            "reference": attempt.reference,
            "next_due_at": _iso(attempt.next_due_at),
            "reason": attempt.reason,
            "key": attempt.pressed,
            "answer": attempt.answer,
            "operator": _operator(attempt),
        }


def _operator(attempt: Attempt) -> str | None:
    """What came of asking for an operator: connected, nobody_free, abandoned; asked as long as the
    call goes on."""
    if attempt.operator_at is None:
        return None
    if attempt.outcome is Outcome.NOBODY_FREE:
        return ABANDONED if attempt.reason == ABANDONED else Outcome.NOBODY_FREE.value
    return Outcome.CONNECTED.value if attempt.outcome is Outcome.CONNECTED else "asked"


def skips(tx: Transaction, campaign_id: int) -> Iterator[Row]:
    """Every recipient that is not contacted on a channel, and why, in words and in code."""
    explanations = words.skip_advice()
    for skip in reports.skips(tx, campaign_id):
        yield {
            "account_number": skip.account_number,
            "channel": skip.channel.value,
            "reason": skip.reason,
            "explanation": explanations.get(skip.reason, skip.reason),
            "joined_to": skip.joined_to,
        }


def unreached(tx: Transaction, campaign_id: int, *, full: bool) -> Iterator[Row]:
    """Every delivery that ended without a positive outcome of its own or of nobody's decision."""
    for one in reports.unreached(tx, campaign_id, UNREACHED):
        yield {
            "account_number": one.account_number,
            "channel": one.channel.value,
            "contact_point": one.contact_point if full else mask(one.contact_point),
            "status": one.status.value,
            "reason": one.reason,
            "attempts": one.attempts,
            "last_outcome": one.outcome.value if one.outcome else None,
            "last_started_at": _iso(one.last_started_at),
            "zone": one.zone,
        }


def write_csv(
    rows: Iterable[Mapping[str, Cell]], file: TextIO, columns: Sequence[str] = ATTEMPT_COLUMNS
) -> int:
    """Write the header and one line per row; how many rows. Open `file` with `newline=""`."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow([_text(row[column]) for column in columns])
        count += 1
    return count


def write_jsonl(rows: Iterable[Mapping[str, Cell]], file: TextIO) -> int:
    """Write one JSON object per line, with real numbers, booleans and nulls; how many rows."""
    count = 0
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        count += 1
    return count


def shielded(text: str) -> str:
    """The text with an apostrophe before what a spreadsheet would run as a formula.

    A phone number is left as it is, masked or not: a plus followed by nothing but digits and
    stars is only a number (OWASP, "CSV Injection").
    """
    if not text or text[0] not in FORMULA_STARTS:
        return text
    digits = text[1:].replace("*", "")
    if text[0] == "+" and digits.isascii() and digits.isdigit():
        return text
    return "'" + text


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell) if isinstance(cell, int) else shielded(cell)


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
