"""A period's report as sections of tables and charts, as `campaign_sections` does it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from babel.dates import format_date

from campaigns.channel import ChannelName
from dispatcher.inquiries import words as inquiry_words
from dispatcher.report import charts, words
from dispatcher.report.charts import Bar, Pair
from dispatcher.report.html import number, percent
from dispatcher.report.tables import Cell, Link, Panel, Section, Share, Table
from dispatcher.reporting.costs import cost_panel
from dispatcher.reporting.inquiring import InquiryFigures, Kept, summed
from dispatcher.reporting.period import ChannelTries, DayFigure, PeriodCounts
from templates.i18n import _, current_language

# Longer periods are told by months.
MOST_DAYS = 62


def sections(found: PeriodCounts, prices: Mapping[str, int]) -> Sequence[Section]:
    """All in the order of reading. `prices`: of a part of an SMS, in kopecks, by provider."""
    return [
        *_sent(found, prices),
        _topics(found.inquiries),
        _complaints(found.inquiries),
        _deadlines(found.inquiries),
    ]


def _sent(found: PeriodCounts, prices: Mapping[str, int]) -> Iterator[Section]:
    if not found.channels:
        return
    yield Section(
        "channels",
        _("By channel"),
        _("Attempts that began within the period, by the clock of the house."),
        (_channels(found.channels),),
    )
    yield Section(
        "days",
        _("By day") if _is_short(found) else _("By month"),
        _("The lower part of a column are the attempts that reached the customer."),
        tuple(_days(found, one) for one in found.channels),
    )
    yield Section(
        "conversion",
        _("Which attempt reaches the customer"),
        _("Of all attempts of that number, how many were positive."),
        tuple(_tries(one) for one in found.channels),
    )
    yield Section("campaigns", _("Campaigns"), "", (_campaigns(found),))
    yield Section(
        "cost",
        _("Cost"),
        _("Parts of SMS at the prices of today; minutes of calls as the provider told them."),
        (cost_panel(found.carried, prices),),
    )


def _channel(channel: ChannelName) -> str:
    return words.word(words.channels, channel)


def _channels(channels: Sequence[ChannelTries]) -> Panel:
    rows: list[tuple[Cell, ...]] = [
        (
            _channel(one.channel),
            one.attempts,
            one.positives,
            Share(one.positives, one.attempts),
            one.open,
        )
        for one in channels
    ]
    made, reached, still_open = (
        sum(getattr(one, name) for one in channels) for name in ("attempts", "positives", "open")
    )
    rows.append((_("Total"), made, reached, Share(reached, made), still_open))
    heads = (_("Channel"), _("Attempts"), _("Of them reached"), _("Share"), _("Still open"))
    bars = [
        Bar(
            _channel(one.channel),
            one.positives,
            f"{number(one.positives)} · {percent(one.positives, one.attempts)}",
            "good",
        )
        for one in channels
    ]
    return Panel("", Table(heads, tuple(rows), total=True), charts.bars(bars, _("Reached")))


def _is_short(found: PeriodCounts) -> bool:
    return (found.period.last - found.period.first).days < MOST_DAYS


def _days(found: PeriodCounts, of: ChannelTries) -> Panel:
    sums = _by_step([one for one in found.days if one.channel is of.channel], _is_short(found))
    rows: list[tuple[Cell, ...]] = [
        (_day(day, short=_is_short(found)), made, reached, Share(reached, made))
        for day, (made, reached) in sums.items()
    ]
    rows.append((_("Total"), of.attempts, of.positives, Share(of.positives, of.attempts)))
    pairs = [
        Pair(
            _day(day, short=_is_short(found)),
            made,
            reached,
            f"{number(reached)} / {number(made)}",
            number(made),
        )
        for day, (made, reached) in sums.items()
    ]
    heads = (
        _("Day") if _is_short(found) else _("Month"),
        _("Attempts"),
        _("Of them reached"),
        _("Share"),
    )
    title = _("Attempts by day") if _is_short(found) else _("Attempts by month")
    return Panel(
        _channel(of.channel), Table(heads, tuple(rows), total=True), charts.columns(pairs, title)
    )


def _by_step(days: Sequence[DayFigure], is_short: bool) -> Mapping[date, tuple[int, int]]:
    """By the first day of each step, in order."""
    sums: dict[date, tuple[int, int]] = {}
    for one in days:
        step = one.day if is_short else one.day.replace(day=1)
        made, reached = sums.get(step, (0, 0))
        sums[step] = made + one.attempts, reached + one.positives
    return dict(sorted(sums.items()))


def _day(day: date, *, short: bool) -> str:
    pattern = "d MMM" if short else "LLLL y"
    return format_date(day, pattern, locale=current_language())


def _tries(one: ChannelTries) -> Panel:
    rows = tuple(
        (str(t.number), t.attempts, t.positives, Share(t.positives, t.attempts)) for t in one.tries
    )
    heads = (_("Attempt"), _("Made"), _("Of them reached"), _("Share"))
    bars = [
        Bar(
            _("Attempt {number}").format(number=t.number),
            t.positives,
            f"{number(t.positives)} · {percent(t.positives, t.attempts)}",
            "good",
        )
        for t in one.tries[:8]
    ]
    return Panel(
        _channel(one.channel), Table(heads, rows), charts.bars(bars, _("Reached by attempt"))
    )


def _campaigns(found: PeriodCounts) -> Panel:
    rows: list[tuple[Cell, ...]] = [
        (
            Link(f"{one.title} № {one.id}", f"/reports/campaigns/{one.id}"),
            one.audience,
            words.word(words.campaign_statuses, one.status),
            one.attempts,
            one.positives,
            Share(one.positives, one.attempts),
        )
        for one in found.campaigns
    ]
    rows.append(
        (
            _("Total"),
            "",
            "",
            found.attempts,
            found.positives,
            Share(found.positives, found.attempts),
        )
    )
    heads = (
        _("Campaign"),
        _("Audience"),
        _("Status"),
        _("Attempts"),
        _("Of them reached"),
        _("Share"),
    )
    return Panel("", Table(heads, tuple(rows), total=True))


def _topics(found: InquiryFigures) -> Section:
    channels = sorted({one.channel for one in found.topics if one.now})
    counts = {(one.topic, one.channel): one for one in found.topics}
    rows: list[tuple[Cell, ...]] = []
    bars = []
    for topic in sorted({one.topic for one in found.topics}):
        of_topic = [one for one in found.topics if one.topic is topic]
        now, before = sum(one.now for one in of_topic), sum(one.before for one in of_topic)
        name = words.word(inquiry_words.topics, topic)
        by_channel = (counts.get((topic, channel)) for channel in channels)
        rows.append((name, *(one.now if one else 0 for one in by_channel), now, before))
        bars.append(Bar(name, now, f"{number(now)} ({number(before)})", "work"))
    totals = [sum(one.now for one in found.topics if one.channel is c) for c in channels]
    rows.append((_("Total"), *totals, found.all, found.all_before))
    heads = (
        _("Topic"),
        *(words.word(inquiry_words.channels, channel) for channel in channels),
        _("In all"),
        _("The period before"),
    )
    remark = _("Requests to stop, obeyed at once and counted apart: {count} (before: {before}).")
    bars.sort(key=lambda bar: -bar.value)
    return Section(
        "inquiries",
        _("Inquiries by topic and channel"),
        _("What customers wrote to us; in brackets the period before."),
        (
            Panel(
                "",
                Table(heads, tuple(rows), total=True),
                charts.bars(bars, _("Inquiries by topic")) if bars else None,
                remark.format(count=number(found.stops), before=number(found.stops_before)),
            ),
        ),
    )


def _complaints(found: InquiryFigures) -> Section:
    return Section(
        "complaints",
        _("Complaints against the period before"),
        _("By the customers' segment and by branch; in brackets the period before."),
        (
            _compared(
                _("Segment"),
                [
                    (words.word(inquiry_words.segments, name), now, before)
                    for name, now, before in summed(found.complaints, lambda one: one.segment)
                ],
            ),
            _compared(
                _("Branch"),
                [
                    (name or _("not told"), now, before)
                    for name, now, before in summed(found.complaints, lambda one: one.branch)
                ],
            ),
        ),
    )


def _compared(title: str, found: Sequence[tuple[str, int, int]]) -> Panel:
    rows: list[tuple[Cell, ...]] = [(*one, one[1] - one[2]) for one in found]
    now, before = sum(one[1] for one in found), sum(one[2] for one in found)
    rows.append((_("Total"), now, before, now - before))
    heads = (title, _("Now"), _("The period before"), _("Difference"))
    bars = [
        Bar(name, count, f"{number(count)} ({number(former)})", "warn")
        for name, count, former in found[:8]
    ]
    return Panel(
        title,
        Table(heads, tuple(rows), total=True),
        charts.bars(bars, _("Complaints against the period before")) if bars else None,
    )


def _deadlines(found: InquiryFigures) -> Section:
    rows: list[tuple[Cell, ...]] = [
        _kept(_("First answer, final or interim"), found.first_answer),
        _kept(_("Answer in substance"), found.answer),
    ]
    heads = (_("Deadline"), _("Kept"), _("Missed"), _("Still ahead"), _("Share kept"))
    minute = found.minute
    letters: list[tuple[Cell, ...]] = [
        (_("Within a minute"), minute.within, Share(minute.within, minute.owed)),
        (_("Later"), minute.sent - minute.within, Share(minute.sent - minute.within, minute.owed)),
        (
            _("Not answered yet"),
            minute.owed - minute.sent,
            Share(minute.owed - minute.sent, minute.owed),
        ),
        (_("Total"), minute.owed, Share(minute.owed, minute.owed)),
    ]
    bars = [
        Bar(str(row[0]), count, f"{number(count)} · {percent(count, minute.owed)}", colour)
        for row, count, colour in zip(
            letters,
            (minute.within, minute.sent - minute.within, minute.owed - minute.sent),
            ("good", "warn", "bad"),
            strict=False,
        )
    ]
    remark = ""
    if minute.median_seconds is not None:
        remark = _("Half of them within {seconds} s.").format(
            seconds=number(round(minute.median_seconds))
        )
    return Section(
        "deadlines",
        _("Answered in time"),
        _("Letters that the mail-robot answers by itself, and deadlines of inquiries."),
        (
            Panel(
                _("Letters answered by the robot"),
                Table((_("Answered"), _("Count"), _("Share")), tuple(letters), total=True),
                charts.bars(bars, _("Letters answered by the robot")) if minute.owed else None,
                remark,
            ),
            Panel(_("Deadlines of inquiries"), Table(heads, tuple(rows))),
        ),
    )


def _kept(name: str, of: Kept) -> tuple[Cell, ...]:
    return name, of.kept, of.missed, of.ahead, Share(of.kept, of.kept + of.missed)
