"""Inquiries as a list for spreadsheets and other programs: whose, about what, answered in time?

One line each in the order of registration. CSV holds codes and ISO days, the workbook words; both
stream. Whom it came from and what they wrote is in it only where that is asked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from campaigns.inquiry.status import OVER
from dispatcher.inquiries import words as inquiry_words
from dispatcher.ledger import Transaction, inquiry_lists
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.ledger.inquiry_lists import Wanted
from dispatcher.logs import mask
from dispatcher.report.export import Cell, write_csv
from dispatcher.report.sheets import ROW_LIMIT, Column, Value, listing, new_book
from dispatcher.report.words import Words
from templates.i18n import _

Line = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Span:
    """In whose days an export counts: the house's zone, and the day it is there."""

    zone: str
    today: date

    def day(self, at: datetime) -> date:
        return at.astimezone(ZoneInfo(self.zone)).date()


def lines(tx: Transaction, wanted: Wanted, span: Span, *, full: bool) -> Iterator[Line]:
    """One inquiry each. A deadline was kept, or not, or nobody can tell yet."""
    for one, first_sent_at in inquiry_lists.in_order(tx, wanted):
        done_on = span.day(one.done_at) if one.status in OVER and one.done_at else None
        first_on = span.day(first_sent_at) if first_sent_at else None
        responded_on = min((day for day in (first_on, done_on) if day), default=None)
        received_on = span.day(one.received_at)
        yield {
            "number": one.number,
            "received_on": received_on,
            "channel": one.channel.value,
            "kind": one.kind.value,
            "topic": one.topic.value,
            "branch": one.branch,
            "segment": one.segment,
            "person": one.person,
            "head": one.head,
            "status": one.status.value,
            "close_reason": one.close_reason.value if one.close_reason else None,
            "respond_on": one.respond_on,
            "responded_on": responded_on,
            "respond_kept": _kept(one.respond_on, responded_on, span.today),
            "answer_on": one.answer_on,
            "done_on": done_on,
            "answer_kept": _kept(one.answer_on, done_on, span.today),
            "days": (done_on - received_on).days if done_on else None,
            "done_by": one.done_by,
            "account_number": one.account_number,
            **_personal(one, full=full),
        }


def _personal(one: Inquiry, *, full: bool) -> Line:
    if not full:
        return {"contact_point": mask(one.contact_point) if one.contact_point else None}
    return {
        "contact_point": one.contact_point,
        "customer": one.customer,
        "subject": one.subject,
        "text": one.text,
    }


def _kept(owed_on: date | None, done_on: date | None, today: date) -> bool | None:
    if owed_on is None or (done_on is None and today <= owed_on):
        return None
    return done_on is not None and done_on <= owed_on


def write_lines(path: Path, tx: Transaction, wanted: Wanted, span: Span, *, full: bool) -> int:
    """A CSV file of codes; how many inquiries."""
    columns = list(_columns(full=full))
    with path.open("w", encoding="utf-8", newline="") as file:
        return write_csv(_plain(lines(tx, wanted, span, full=full)), file, columns)


def _plain(found: Iterator[Line]) -> Iterator[Mapping[str, Cell]]:
    for line in found:
        yield {
            name: value.isoformat() if isinstance(value, date) else _cell(value)
            for name, value in line.items()
        }


def _cell(value: Value) -> Cell:
    return str(value) if isinstance(value, float | Decimal | date) else value


def write_book(
    path: Path,
    tx: Transaction,
    wanted: Wanted,
    span: Span,
    *,
    full: bool,
    now: datetime,
    row_limit: int = ROW_LIMIT,
) -> int:
    """A workbook as people read it; how many inquiries."""
    columns, tables = _columns(full=full), _tables()
    count = 0

    def counted() -> Iterator[Sequence[Value]]:
        nonlocal count
        for line in lines(tx, wanted, span, full=full):
            count += 1
            yield _in_words(line, tables)

    title = _("Inquiries")
    with new_book(path, title, now) as (book, formats):
        listing(book, formats, title, list(columns.values()), counted(), row_limit)
    return count


def _tables() -> Mapping[str, Words]:
    return {
        "channel": inquiry_words.channels(),
        "kind": inquiry_words.kinds(),
        "topic": inquiry_words.topics(),
        "segment": inquiry_words.segments(),
        "status": inquiry_words.statuses(),
        "close_reason": inquiry_words.close_reasons(),
    }


def _in_words(line: Line, tables: Mapping[str, Words]) -> Sequence[Value]:
    yes_no = {True: _("yes"), False: _("no")}
    cells: list[Value] = []
    for name, value in line.items():
        if isinstance(value, bool):
            cells.append(yes_no[value])
        elif isinstance(value, str) and name in tables:
            cells.append(tables[name].get(value, value))
        else:
            cells.append(value)
    return cells


def _columns(*, full: bool) -> Mapping[str, Column]:
    known = {
        "number": Column(_("Number"), 14),
        "received_on": Column(_("Received"), 12),
        "channel": Column(_("Channel"), 10),
        "kind": Column(_("Kind"), 12),
        "topic": Column(_("Topic"), 18),
        "branch": Column(_("Branch"), 18),
        "segment": Column(_("Segment"), 14),
        "person": Column(_("In charge"), 26),
        "head": Column(_("Head"), 26),
        "status": Column(_("Status"), 20),
        "close_reason": Column(_("Closed because"), 26),
        "respond_on": Column(_("First answer by"), 12),
        "responded_on": Column(_("First answered"), 12),
        "respond_kept": Column(_("In time"), 10),
        "answer_on": Column(_("Answer by"), 12),
        "done_on": Column(_("Answered or closed"), 12),
        "answer_kept": Column(_("In time"), 10),
        "days": Column(_("Days"), 8),
        "done_by": Column(_("By whom"), 18),
        "account_number": Column(_("Account"), 16),
        "contact_point": Column(_("Contact"), 26),
    }
    if full:
        known |= {
            "customer": Column(_("Customer"), 28),
            "subject": Column(_("Subject"), 34),
            "text": Column(_("Text"), 80),
        }
    return known
