"""The report as an XLSX workbook: the figures, and every attempt, skip and bad row behind them.

Rows are written one by one and flushed, so that a million attempts need no more memory than ten.
What customers or files say goes in as text and is never taken for a formula or a link.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from campaigns.delivery import Status
from dispatcher.ledger import Transaction, audiences
from dispatcher.report import export, words
from dispatcher.report.export import Row
from dispatcher.report.figures import CampaignReport
from dispatcher.report.html import local
from dispatcher.report.sheets import (
    ROW_LIMIT,
    Column,
    Formats,
    Value,
    header,
    listing,
    new_book,
    write_cell,
)
from templates.i18n import _

_INSTANTS = frozenset(
    {"started_at", "ended_at", "local_started_at", "next_due_at", "last_started_at"}
)
_TRANSLATED = {
    "channel": words.channels,
    "outcome": words.outcomes,
    "last_outcome": words.outcomes,
    "status": words.statuses,
    "operator": words.operators,
}


def write(
    path: Path,
    tx: Transaction,
    report: CampaignReport,
    *,
    full: bool = False,
    row_limit: int = ROW_LIMIT,
) -> None:
    """Write the workbook; it appears whole or not at all. Contact points are masked unless `full`.

    A list longer than a sheet can hold is cut, and both its last line and the summary say so.
    """
    campaign_id = report.campaign.id
    with new_book(path, report.campaign.title, report.made_at) as (book, formats):
        _summary(book, formats, report, cut=report.attempts > row_limit - 2)
        _by_channel(book, formats, report)
        _by_calls(book, formats, report)
        attempts = export.attempts(tx, campaign_id, full=full)
        listing(book, formats, _("Attempts"), attempt_columns(), cells(attempts), row_limit)
        unreached = export.unreached(tx, campaign_id, full=full)
        listing(
            book, formats, _("Without a result"), unreached_columns(), cells(unreached), row_limit
        )
        skips = export.skips(tx, campaign_id)
        listing(book, formats, _("Skips"), skip_columns(), skip_cells(skips), row_limit)
        listing(
            book, formats, _("Row errors"), _error_columns(), _error_cells(tx, report), row_limit
        )


def _summary(book: Any, formats: Formats, report: CampaignReport, *, cut: bool) -> None:
    sheet = book.add_worksheet(_("Summary"))
    sheet.set_column(0, 0, 46)
    sheet.set_column(1, 1, 34)
    campaign, reach = report.campaign, report.reach
    verdict = _("The books add up.") if report.adds_up else _("The books do not add up.")
    lines: list[tuple[str, Value]] = [
        (_("Campaign"), campaign.id),
        (_("Status"), words.word(words.campaign_statuses, campaign.status)),
        (_("Scenario"), f"{campaign.scenario_name}, {campaign.scenario_version}"),
        (_("Audience"), campaign.audience_name),
        (_("Start"), local(campaign.start_at, campaign.zone)),
        (_("End"), local(campaign.end_at, campaign.zone)),
        (_("Zone of these times"), campaign.zone),
        (_("Made"), local(report.made_at, campaign.zone)),
        ("", None),
        (_("Customers"), report.recipients),
        (_("Reached"), reach.reached),
        (_("Still at work"), reach.at_work),
        (_("Not reached"), reach.unreached),
        (_("Skipped on every channel"), reach.left_out),
        (_("Customers without a time zone of their own"), report.without_own_zone),
        (_("Attempts"), report.attempts),
        (_("Uncertain"), report.total(Status.UNCERTAIN)),
        ("", None),
        (verdict, None),
    ]
    lines += [
        (
            " ".join(
                [
                    f"{words.word(words.channels, b.channel)}:" if b.channel else "",
                    words.word(words.balances, b.name),
                ]
            ).strip(),
            f"{b.expected} = {b.found}" if b.holds else f"{b.expected} ≠ {b.found}",
        )
        for b in report.balances
    ]
    if cut:
        lines.append((_("The sheet cannot hold all attempts; attempts.csv has every one."), None))
    sheet.write_string(0, 0, campaign.title, formats.strong)
    for row, (name, value) in enumerate(lines, start=2):
        sheet.write_string(row, 0, name)
        write_cell(sheet, formats, row, 1, value)


def _by_channel(book: Any, formats: Formats, report: CampaignReport) -> None:
    """One column a channel, one line a figure, grouped under headings."""
    sheet = book.add_worksheet(_("By channel"))
    titles = [_("Figure"), *(words.word(words.channels, c.channel) for c in report.channels)]
    header(sheet, formats, [Column(title, 16 if i else 46) for i, title in enumerate(titles)])
    for row, (name, values) in enumerate(_figures(report), start=1):
        sheet.write_string(row, 0, name, None if values else formats.head)
        for column, value in enumerate(values, start=1):
            write_cell(sheet, formats, row, column, value)


def _figures(report: CampaignReport) -> Iterator[tuple[str, Sequence[Value]]]:
    cs = report.channels
    yield _("Recipients"), [c.recipients for c in cs]
    yield _("Planned"), [c.planned for c in cs]
    yield _("With at least one attempt"), [c.attempted for c in cs]
    yield _("Attempts"), [c.attempts for c in cs]
    yield _("First attempt, local time"), [_clock(c.hours.earliest) for c in cs]
    yield _("Last attempt, local time"), [_clock(c.hours.latest) for c in cs]
    yield _("What became of the recipients"), []
    for status in Status:
        yield words.word(words.statuses, status), [c.ended_as(status) for c in cs]
    yield _("Why given up"), []
    for reason in dict.fromkeys(reason for c in cs for reason in c.given_up):
        yield words.ending(reason), [c.given_up.get(reason, 0) for c in cs]
    yield _("Why skipped"), []
    for reason in dict.fromkeys(reason for c in cs for reason in c.skipped):
        name = words.word(words.skip_reasons, reason)
        yield name, [c.skipped.get(reason, 0) for c in cs]
    yield _("What came of the attempts"), []
    for outcome in dict.fromkeys(o.outcome for c in cs for o in c.outcomes):
        yield (
            words.word(words.outcomes, outcome),
            [sum(o.attempts for o in c.outcomes if o.outcome is outcome) for c in cs],
        )
    yield _("Still open"), [c.open_attempts for c in cs]
    yield _("Attempts by local hour"), []
    for hour in range(24):
        yield f"{hour:02}:00–{hour + 1:02}:00", [c.hours.counts[hour] for c in cs]
    yield _("Share of positive by attempt"), []
    for number in range(1, max((t.number for c in cs for t in c.tries), default=0) + 1):
        made = [next((t for t in c.tries if t.number == number), None) for c in cs]
        yield str(number), [t.positives / t.attempts if t else None for t in made]
    yield _("One contact for several accounts"), []
    yield _("Messages about several accounts"), [c.merged_messages for c in cs]
    yield _("Accounts told in them besides"), [c.spoken_of for c in cs]
    yield _("Accounts left out as duplicates"), [c.duplicates for c in cs]


def _by_calls(book: Any, formats: Formats, report: CampaignReport) -> None:
    """What customers said in calls, and who carried what."""
    sheet = book.add_worksheet(_("Calls and providers"))
    titles = (_("Figure"), _("Count"), _("Share"))
    header(sheet, formats, [Column(title, 14 if i else 46) for i, title in enumerate(titles)])
    for row, (name, count, whole) in enumerate(_said(report), start=1):
        sheet.write_string(row, 0, name, formats.head if count is None else None)
        write_cell(sheet, formats, row, 1, count)
        write_cell(sheet, formats, row, 2, count / whole if whole and count is not None else None)


def _said(report: CampaignReport) -> Iterator[tuple[str, int | None, int]]:
    """(name, count, of how many); without a count it is a heading."""
    calls = report.calls
    if calls.pressed:
        yield _("Keys pressed"), None, 0
        for key in calls.keys:
            yield f"{key.digit}: {words.key_name(key.action, key.answer)}", key.calls, calls.pressed
    if calls.requests.asked:
        asked = calls.requests.asked
        yield _("Asked for an operator"), None, 0
        yield _("Requests in all"), asked, asked
        for fate, count in calls.fates:
            yield words.word(words.operators, fate), count, asked
    yield _("Stopped further calls by key"), calls.stops, 0
    if calls.answered:
        yield _("Answers to the survey"), None, 0
        for answer, count in calls.answers:
            yield answer, count, calls.answered
    yield _("Attempts by provider, positive share"), None, 0
    for one in report.providers:
        channel = words.word(words.channels, one.channel)
        yield f"{channel}, {one.provider}", one.attempts, 0
        yield f"{channel}, {one.provider}: {_('positive')}", one.positives, one.attempts


def _clock(at: Any) -> str:
    return words.clock(at) if at is not None else "—"


def cells(rows: Iterable[Row]) -> Iterator[list[Value]]:
    """Exported rows as a clerk reads them: words for codes, dates for ISO texts."""
    tables = {name: table() for name, table in _TRANSLATED.items()}
    yes_no = {True: _("yes"), False: _("no")}
    for row in rows:
        found: list[Value] = []
        for name, value in row.items():
            if isinstance(value, bool):
                found.append(yes_no[value])
            elif isinstance(value, str) and name in _INSTANTS:
                found.append(datetime.fromisoformat(value).replace(tzinfo=None))
            elif isinstance(value, str) and name in tables:
                found.append(tables[name].get(value, value))
            elif isinstance(value, str) and name == "reason":
                found.append(words.ending(value) if value else None)
            else:
                found.append(value)
        yield found


def skip_cells(rows: Iterable[Row]) -> Iterator[list[Value]]:
    channels, reasons = words.channels(), words.skip_reasons()
    for row in rows:
        channel, reason = str(row["channel"]), str(row["reason"])
        yield [
            row["account_number"],
            channels.get(channel, channel),
            reasons.get(reason, reason),
            row["explanation"],
            row["joined_to"],
        ]


def _error_cells(tx: Transaction, report: CampaignReport) -> Iterator[list[Value]]:
    fatal = {True: _("row left out"), False: _("taken with a remark")}
    for error in audiences.errors_of(tx, report.audience.id):
        yield [
            error.row,
            error.column,
            error.value,
            error.message,
            error.advice,
            fatal[error.fatal],
            error.code,
        ]


def attempt_columns() -> list[Column]:
    return [
        Column(_("Account"), 16),
        Column(_("Channel"), 10),
        Column(_("Contact"), 24),
        Column(_("Attempt"), 9),
        Column(_("Started (UTC)"), 19),
        Column(_("Ended (UTC)"), 19),
        Column(_("Started, local time"), 19),
        Column(_("Zone"), 20),
        Column(_("Outcome"), 28),
        Column(_("Positive"), 13),
        Column(_("Provider"), 12),
        Column(_("Reference"), 36),
        Column(_("Next due (UTC)"), 19),
        Column(_("Remark"), 28),
        Column(_("Key"), 8),
        Column(_("Survey answer"), 18),
        Column(_("Operator"), 28),
    ]


def unreached_columns() -> list[Column]:
    return [
        Column(_("Account"), 16),
        Column(_("Channel"), 10),
        Column(_("Contact"), 24),
        Column(_("Status"), 24),
        Column(_("Reason"), 34),
        Column(_("Attempts"), 9),
        Column(_("Last outcome"), 28),
        Column(_("Last started (UTC)"), 19),
        Column(_("Zone"), 20),
    ]


def skip_columns() -> list[Column]:
    return [
        Column(_("Account"), 16),
        Column(_("Channel"), 10),
        Column(_("Reason"), 34),
        Column(_("What it means and what to do"), 90),
        Column(_("Told in the message of"), 22),
    ]


def _error_columns() -> list[Column]:
    return [
        Column(_("Row"), 8),
        Column(_("Column"), 22),
        Column(_("Value"), 26),
        Column(_("Finding"), 60),
        Column(_("What to do"), 60),
        Column(_("What followed"), 22),
        Column(_("Code"), 24),
    ]
