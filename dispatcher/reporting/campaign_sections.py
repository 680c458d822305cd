"""A campaign's report as sections of tables and charts: what the page, the CSV file and the
workbook show alike.

What counters tell is there at once; the rest when it has been counted.
"""

from collections.abc import Iterator, Mapping, Sequence

from markupsafe import Markup

from campaigns.channel import ChannelName
from dispatcher.inquiries import words as inquiry_words
from dispatcher.report import charts, words
from dispatcher.report.calls import CallFigures
from dispatcher.report.charts import Bar
from dispatcher.report.figures import CampaignReport, ChannelFigures
from dispatcher.report.html import (
    customers_of,
    fates,
    funnel,
    hours_chart,
    number,
    percent,
    skips_by_reason,
)
from dispatcher.report.standing import ChannelStanding, Standing
from dispatcher.report.tables import Cell, Panel, Section, Share, Table, counts
from dispatcher.reporting.campaign import CampaignCounts, GroupFigure
from dispatcher.reporting.conversion import conversion, steps
from dispatcher.reporting.costs import cost_panel
from templates.i18n import _

CHARTED = 12  # groups of which a chart is drawn


def sections(
    standing: Standing, found: CampaignCounts | None, column: str, prices: Mapping[str, int]
) -> Sequence[Section]:
    """All in the order of reading. `prices`: of a part of an SMS, in kopecks, by provider."""
    if found is None:
        return [*_channels(standing), _conversion(standing), _skips(standing)]
    report = found.report
    return [
        _customers(report),
        *_channels(report),
        *_hours(report),
        _conversion(report),
        *([_groups(found.groups[column], column)] if column in found.groups else []),
        _skips(report),
        Section(
            "cost",
            _("Cost"),
            _("Parts of SMS at the prices of today; minutes of calls as the provider told them."),
            (cost_panel(found.carried, prices),),
        ),
        *_calls(report.calls),
    ]


def column_title(column: str) -> str:
    """What the customers are told apart by."""
    known = {
        "branch": _("Branch"),
        "segment": _("Segment"),
        "region": _("Region"),
        "zone": _("Time zone"),
    }
    return known.get(column, column.replace("_", " ").capitalize())


def _channel(channel: str) -> str:
    return words.word(words.channels, channel)


def _customers(report: CampaignReport) -> Section:
    rows = customers_of(report)
    return Section(
        "customers",
        _("Customers"),
        _("Each customer counts once: reached means a positive outcome on at least one channel."),
        (
            Panel(
                "",
                counts(_("Customers"), [(row.label, row.value) for row in rows], report.recipients),
                charts.bars(
                    [
                        Bar(
                            row.label,
                            row.value,
                            f"{row.shown} · {percent(row.value, report.recipients)}",
                            row.colour,
                        )
                        for row in rows
                    ],
                    _("Customers"),
                    report.recipients,
                ),
            ),
        ),
    )


def _channels(standing: Standing) -> Iterator[Section]:
    for c in standing.channels:
        yield Section(
            f"channel-{c.channel}",
            _channel(c.channel),
            _("Shares are of all recipients; those of outcomes are of all attempts."),
            (
                Panel(_("What became of the recipients"), _fates(c), funnel(c)),
                Panel(_("What came of the attempts"), _outcomes(c), _outcome_chart(c)),
            ),
        )


def _fates(c: ChannelStanding) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (f"— {name}" if is_part else name, count, Share(count, c.recipients))
        for name, count, is_part in fates(c)
        if count or not is_part
    ]
    rows.append((_("Total"), c.recipients, Share(c.recipients, c.recipients)))
    return Table((_("Recipients"), _("Count"), _("Share")), tuple(rows), total=True)


def _outcomes(c: ChannelStanding) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for one in c.outcomes:
        if one.positive:
            counts_as = _("positive")
        else:
            counts_as = _("unknown") if one.outcome == "uncertain" else _("negative")
        name = words.word(words.outcomes, one.outcome)
        rows.append((name, counts_as, one.attempts, Share(one.attempts, c.attempts)))
    if c.open_attempts:
        rows.append((_("Still open"), "", c.open_attempts, Share(c.open_attempts, c.attempts)))
    rows.append((_("Total"), "", c.attempts, Share(c.attempts, c.attempts)))
    heads = (_("Outcome"), _("Counts as"), _("Count"), _("Share"))
    return Table(heads, tuple(rows), total=True)


def _outcome_chart(c: ChannelStanding) -> Markup | None:
    rows = [
        Bar(
            words.word(words.outcomes, one.outcome),
            one.attempts,
            f"{number(one.attempts)} · {percent(one.attempts, c.attempts)}",
            "good" if one.positive else "warn",
        )
        for one in c.outcomes
    ]
    return charts.bars(rows, _("What came of the attempts")) if rows else None


def _hours(report: CampaignReport) -> Iterator[Section]:
    panels = tuple(_hours_of(c) for c in report.channels if c.attempts)
    if panels:
        yield Section(
            "hours",
            _("Local hours"),
            _(
                "Attempts by the clock on the customer's own wall, over all time zones. The band "
                "marks the allowed hours; a column outside them would be red."
            ),
            panels,
        )


def _hours_of(c: ChannelFigures) -> Panel:
    rows: list[tuple[Cell, ...]] = [
        (f"{hour:02}:00–{(hour + 1) % 24:02}:00", count, Share(count, c.attempts))
        for hour, count in enumerate(c.hours.counts)
        if count
    ]
    rows.append((_("Total"), c.attempts, Share(c.attempts, c.attempts)))
    remark = _("Allowed {hours}").format(hours=words.hours_of(c.window))
    if c.hours.earliest is not None and c.hours.latest is not None:
        remark += "; " + _("First at {first}, last at {last}").format(
            first=words.clock(c.hours.earliest), last=words.clock(c.hours.latest)
        )
    heads = (_("Hour"), _("Attempts"), _("Share"))
    return Panel(_channel(c.channel), Table(heads, tuple(rows), total=True), hours_chart(c), remark)


def _conversion(standing: Standing) -> Section:
    return Section(
        "conversion",
        _("From negative to positive, attempt by attempt"),
        _("What each further attempt adds: of all attempts of that number, how many reached."),
        tuple(_steps(c) for c in standing.channels if c.attempts),
    )


def _steps(c: ChannelStanding) -> Panel:
    found = steps(c.tries)
    rows = tuple(
        (
            str(one.number),
            one.attempts,
            one.positives,
            Share(one.positives, one.attempts),
            Share(one.reached_so_far, c.attempted),
        )
        for one in found
    )
    heads = (
        _("Attempt"),
        _("Made"),
        _("Of them reached"),
        _("Share"),
        _("Reached by then, of all that were tried"),
    )
    later = conversion(c.tries)
    remark = _(
        "The first attempt did not reach {missed}; of them {later} were reached later: {share}."
    ).format(
        missed=number(later.missed),
        later=number(later.reached_later),
        share=percent(later.reached_later, later.missed),
    )
    chart = charts.bars(
        [
            Bar(
                _("Attempt {number}").format(number=one.number),
                one.reached_so_far,
                percent(one.reached_so_far, c.attempted),
                "good",
            )
            for one in found[:CHARTED]
        ],
        _("Reached by then, of all that were tried"),
        c.attempted,
    )
    return Panel(_channel(c.channel), Table(heads, rows), chart, remark if later.missed else "")


def _groups(figures: Sequence[GroupFigure], column: str) -> Section:
    title = column_title(column)
    channels = [one.channel for one in figures[0].channels] if figures else []
    return Section(
        "groups",
        _("By {column}").format(column=title[:1].lower() + title[1:]),
        _("Planned are the recipients who were not skipped on the channel."),
        tuple(_groups_on(channel, figures, column) for channel in channels),
    )


def _groups_on(channel: ChannelName, figures: Sequence[GroupFigure], column: str) -> Panel:
    found = [
        (value_title(figure.value, column), one)
        for figure in figures
        for one in figure.channels
        if one.channel is channel
    ]
    rows: list[tuple[Cell, ...]] = [
        (name, one.customers, one.planned, one.reached, Share(one.reached, one.planned))
        for name, one in found
    ]
    customers, planned, reached = (
        sum(getattr(one, name) for _title, one in found)
        for name in ("customers", "planned", "reached")
    )
    rows.append((_("Total"), customers, planned, reached, Share(reached, planned)))
    heads = (column_title(column), _("Customers"), _("Planned"), _("Reached"), _("Share"))
    bars = [
        Bar(
            name,
            round(one.reached / one.planned * 1000) if one.planned else 0,
            f"{number(one.reached)} · {percent(one.reached, one.planned)}",
            "good",
        )
        for name, one in found[:CHARTED]
    ]
    chart = charts.bars(bars, _("Share of the reached"), 1000)
    return Panel(_channel(channel), Table(heads, tuple(rows), total=True), chart)


def value_title(value: str | None, column: str) -> str:
    """A value as people read it."""
    if value is None:
        return _("rare values together")
    if column == "segment":
        return words.word(inquiry_words.segments, value)
    return value or _("not told")


def _skips(standing: Standing) -> Section:
    channels = [c.channel for c in standing.channels]
    rows: list[tuple[Cell, ...]] = [
        (
            words.word(words.skip_reasons, reason),
            *(found[channel] for channel in channels),
            words.word(words.skip_advice, reason),
        )
        for reason, found in skips_by_reason(standing)
    ]
    if rows:
        totals = [c.skipped_total for c in standing.channels]
        rows.append((_("Total"), *totals, None))
    heads = (
        _("Reason"),
        *(_channel(channel) for channel in channels),
        _("What it means and what to do"),
    )
    return Section(
        "skips",
        _("Who was skipped, and why"),
        _("A skip is decided when planning.") if rows else _("Nobody was skipped."),
        (Panel("", Table(heads, tuple(rows), total=bool(rows))),) if rows else (),
    )


def _calls(calls: CallFigures) -> Iterator[Section]:
    panels = []
    if calls.pressed:
        keys = [
            (f"{key.digit}: {words.key_name(key.action, key.answer)}", key.calls)
            for key in calls.keys
        ]
        panels.append(Panel(_("Keys pressed"), counts(_("Key"), keys, calls.pressed)))
    if calls.requests.asked:
        asked = [(words.word(words.operators, fate), count) for fate, count in calls.fates]
        panels.append(
            Panel(
                _("Asked for an operator"),
                counts(_("What came of it"), asked, calls.requests.asked),
            )
        )
    if calls.answered:
        answers = counts(_("Survey answer"), calls.answers, calls.answered)
        panels.append(Panel(_("Answers to the survey"), answers))
    if panels:
        yield Section("calls", _("What customers said in calls"), "", tuple(panels))
