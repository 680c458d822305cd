"""Inquiries as a person in front of a terminal reads them, and as JSON.

What strangers wrote goes through `screen.printable`, always.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date
from rich import box
from rich.console import OverflowMethod
from rich.markup import escape
from rich.table import Table

from campaigns.inquiry.verdict import Verdict
from dispatcher.cli import screen
from dispatcher.cli.screen import printable
from dispatcher.inquiries import words as inquiry_words
from dispatcher.inquiries.letters import shown
from dispatcher.inquiries.totals import Change, Totals
from dispatcher.inquiries.whole import Whole, about, act_words, is_overdue
from dispatcher.ledger import inquiry_lists
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.ledger.inquiry_lists import Written
from dispatcher.ledger.letters import StoredLetter
from dispatcher.logs import mask
from dispatcher.mailrobot.reasons import reason_words
from dispatcher.report.words import word
from templates.answers import missing_words
from templates.i18n import _, current_language, ngettext


@dataclass(frozen=True, slots=True)
class Shown:
    """How inquiries are shown: in which zone, on which day, masked or not."""

    zone: str
    today: date
    full: bool

    def point(self, address: str) -> str:
        if not address:
            return "—"
        return printable(address) if self.full else mask(printable(address))

    def moment(self, at: datetime) -> str:
        return screen.moment(at, self.zone)

    def short_day(self, day: date | None) -> str:
        """12 дек., and the year where it is another one."""
        if day is None:
            return "—"
        form = "d MMM" if day.year == self.today.year else "dd.MM.yyyy"
        return str(format_date(day, form, locale=current_language()))

    def is_overdue(self, inquiry: Inquiry) -> bool:
        return is_overdue(inquiry, self.today)

    def owed(self, inquiry: Inquiry) -> str:
        mark = "! " if self.is_overdue(inquiry) else ""
        return mark + self.short_day(inquiry_lists.owed_on(inquiry))


def tell_list(found: Sequence[Inquiry], count: int, told: Shown, *, is_all: bool) -> None:
    """A line each within 80 columns; what is past its day stands first and bears a mark."""
    last = _("status") if is_all else _("answer by")
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for name in (_("number"), _("received"), _("how"), _("topic")):
        grid.add_column(escape(name), no_wrap=True)
    grid.add_column(escape(last), overflow="fold", no_wrap=not is_all, max_width=13)
    # Whole addresses are asked for to be copied; masked ones only to be recognised.
    overflow: OverflowMethod = "fold" if told.full else "ellipsis"
    grid.add_column(escape(_("from")), overflow=overflow)
    grid.add_column(escape(_("in charge")), overflow=overflow)
    for one in found:
        received_on = one.received_at.astimezone(ZoneInfo(told.zone)).date()
        cells = (
            one.number,
            told.short_day(received_on),
            word(inquiry_words.channels, one.channel),
            about(one),
            word(inquiry_words.statuses, one.status) if is_all else told.owed(one),
            told.point(one.contact_point),
            one.person.partition("@")[0] or "—",
        )
        style = "red" if told.is_overdue(one) else ""
        grid.add_row(*(escape(cell) for cell in cells), style=style)
    screen.console.print(grid)
    overdue = sum(told.is_overdue(one) for one in found)
    if overdue:
        line = ngettext("{count} is past its day.", "{count} are past their day.", overdue)
        screen.say_badly(line.format(count=overdue))
    if count > len(found):
        more = count - len(found)
        line = ngettext("… and {count} more: --limit", "… and {count} more: --limit", more)
        screen.say(line.format(count=screen.number(more)))


def tell_whole(whole: Whole, told: Shown) -> None:
    one = whole.inquiry
    channel = word(inquiry_words.channels, one.channel)
    status = word(inquiry_words.statuses, one.status)
    screen.say(f"{one.number} · {channel} · {about(one)} · {status}")
    screen.table("", ["", ""], [(name, value) for name, value in _rows(whole, told) if value])
    if whole.letters:
        screen.table(
            _("What came"),
            [_("received"), _("from"), _("what the robot did"), _("attachments, flaws")],
            [_letter_row(letter, told) for letter in whole.letters],
        )
    if whole.written:
        screen.table(
            _("What we wrote"),
            [_("letter"), _("to"), _("status"), _("when")],
            [_written_row(letter, told) for letter in whole.written],
        )
    if whole.acts:
        screen.table(
            _("What was done"),
            [_("when"), _("who"), _("what")],
            [(told.moment(act.at), printable(act.actor), act_words(act)) for act in whole.acts],
        )
    screen.say("")
    screen.say(printable(one.text))
    for letter in whole.letters[1:]:
        screen.say("")
        screen.say(_("Letter of {at}:").format(at=told.moment(letter.arrived_at)))
        screen.say(printable(letter.words))


def _rows(whole: Whole, told: Shown) -> Iterator[tuple[str, str]]:
    one = whole.inquiry
    yield _("Received"), told.moment(one.received_at)
    yield _("From"), told.point(one.contact_point)
    yield _("Answer goes to"), told.point(whole.answer_to) if whole.answer_to else ""
    yield _("Customer"), printable(one.customer)
    yield _("Account"), one.account_number or _("unknown account")
    yield _("Subject"), printable(one.subject)
    yield (
        _("Topic"),
        _("{topic}, {share} % certain").format(
            topic=word(inquiry_words.topics, one.topic), share=round(100 * one.confidence)
        ),
    )
    yield _("Branch"), one.branch
    yield _("Segment"), word(inquiry_words.segments, one.segment) if one.segment else ""
    yield _("Readings"), "; ".join(map(printable, one.readings))
    yield _("Missing"), ", ".join(map(missing_words, one.missing))
    yield _("In charge"), one.person or _("nobody yet")
    yield _("Head"), one.head
    yield _("First answer by"), shown(one.respond_on) if one.respond_on else ""
    yield _("Answer by"), shown(one.answer_on) if one.answer_on else ""
    owed_on = inquiry_lists.owed_on(one)
    if owed_on is not None and told.is_overdue(one):
        days = (told.today - owed_on).days
        line = ngettext("for {count} day", "for {count} days", days)
        yield _("Overdue"), line.format(count=days)
    yield _("Follows"), whole.follows
    if one.done_at is not None:
        yield _("Done"), f"{told.moment(one.done_at)}, {printable(one.done_by or '—')}"
    if one.close_reason is not None:
        yield _("Closed because"), word(inquiry_words.close_reasons, one.close_reason)
    yield _("Confirmation by SMS"), whole.confirmation


def _letter_row(letter: StoredLetter, told: Shown) -> tuple[str, ...]:
    verdict = _("answered at once") if letter.verdict is Verdict.ANSWER else _("silent")
    beside = [f"{printable(a.name)} ({_size(a.size_bytes)})" for a in letter.attachments]
    beside += [word(inquiry_words.flaws, flaw) for flaw in letter.flaws]
    return (
        told.moment(letter.arrived_at),
        told.point(letter.sender),
        f"{verdict}: {reason_words(letter.reason)}",
        "; ".join(beside) or "—",
    )


def _written_row(letter: Written, told: Shown) -> tuple[str, ...]:
    status = word(inquiry_words.mail_statuses, letter.status)
    return (
        word(inquiry_words.mail_kinds, letter.kind),
        told.point(letter.recipient),
        f"{status}: {printable(letter.reason)}" if letter.reason else status,
        told.moment(letter.sent_at) if letter.sent_at else "—",
    )


def _size(size_bytes: int) -> str:
    if size_bytes < 1024 * 1024:
        return _("{size} KB").format(size=screen.number(max(1, size_bytes // 1024)))
    return _("{size} MB").format(size=screen.number(round(size_bytes / 1024 / 1024, 1)))


def tell_totals(found: Totals) -> None:
    """Each count beside that of the period before."""
    period, compared = found.period, found.compared
    columns = [_span(period.first, period.last), _span(compared.first, compared.last)]
    rows: list[tuple[object, ...]] = [(_("Inquiries"), *_pair(found.all))]
    if found.stops.now or found.stops.before:
        rows.append((_("Stops obeyed besides"), *_pair(found.stops)))
    screen.table("", ["", *columns], rows)
    for title, table, changes in (
        (_("By topic"), inquiry_words.topics, found.by_topic),
        (_("By channel"), inquiry_words.channels, found.by_channel),
        (_("By segment"), inquiry_words.segments, found.by_segment),
    ):
        if changes:
            rows = [(table().get(name, name), *_pair(change)) for name, change in changes.items()]
            screen.table(title, ["", *columns], rows)
    if found.complaints:
        rows = [
            (
                f"{word(inquiry_words.channels, channel)}, "
                f"{inquiry_words.segments().get(segment, segment)}",
                *_pair(change),
            )
            for (channel, segment), change in found.complaints.items()
        ]
        screen.table(_("Complaints"), ["", *columns], rows)


def _pair(change: Change) -> tuple[int, int]:
    return change.now, change.before


def _span(first: date, last: date) -> str:
    return f"{first:%d.%m.%Y}–{last:%d.%m.%Y}"
