"""The report as one self-contained page: no script, no image, nothing fetched from anywhere.

It can be mailed, printed and read on a telephone. Every value is escaped by the template engine.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from campaigns.calendar import zone_named
from campaigns.channel import ChannelName
from campaigns.delivery import Status
from dispatcher.logs import mask
from dispatcher.report import charts, words
from dispatcher.report.charts import Bar
from dispatcher.report.figures import CampaignReport, ChannelFigures
from dispatcher.report.standing import ChannelStanding, Standing
from templates.i18n import _, current_language, ngettext

_FOLDER = Path(__file__).parent
_NARROW = "\u202f"


def render(report: CampaignReport) -> str:
    """The page in the current language."""
    campaign = report.campaign
    customers = customers_of(report)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            language=current_language(),
            style=Markup(_style()),  # noqa: S704 - our own file
            report=report,
            calls=report.calls,
            campaign=campaign,
            words=words,
            word=words.word,
            number=number,
            percent=percent,
            mask=mask,
            meter=charts.meter,
            instant=lambda at: local(at, campaign.zone),
            local=local,
            customers=customers,
            customers_chart=charts.stack(customers, _("Customers")),
            funnels={c.channel: funnel(c) for c in report.channels},
            fates={c.channel: fates(c) for c in report.channels},
            columns={c.channel: hours_chart(c) for c in report.channels},
            skips=skips_by_reason(report),
            joined=[c for c in report.channels if c.merged_messages or c.duplicates],
            uncertain_total=report.total(Status.UNCERTAIN),
            _=_,
            ngettext=ngettext,
        )
    )


def number(value: int) -> str:
    """12345 as «12 345»: a narrow space that does not break at a line's end."""
    text = format_decimal(value, locale=current_language())
    return text.replace("\u00a0", _NARROW)


def percent(part: int, whole: int) -> str:
    """A share with one decimal; never 0 or 100 for what is not nothing or not all."""
    if not whole:
        return "—"
    share = part / whole * 100
    if part and share < 0.1:
        return f"<{format_decimal(0.1, locale=current_language())}{_NARROW}%"
    if part < whole:
        share = min(share, 99.9)
    return f"{format_decimal(round(share, 1), locale=current_language())}{_NARROW}%"


def local(at: datetime | None, zone: str) -> str:
    """An instant as a clock in that zone showed it, to the minute."""
    if at is None:
        return "—"
    shown = at.astimezone(zone_named(zone)).replace(tzinfo=None)
    return format_datetime(
        shown, "d MMM y, HH:mm", tzinfo=ZoneInfo("UTC"), locale=current_language()
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> str:
    return (_FOLDER / "style.css").read_text(encoding="utf-8")


def customers_of(report: CampaignReport) -> list[Bar]:
    reach = report.reach
    rows = [
        (_("Reached"), reach.reached, "good"),
        (_("Still at work"), reach.at_work, "work"),
        (_("Not reached"), reach.unreached, "warn"),
        (_("Skipped on every channel"), reach.left_out, "rest"),
    ]
    return [Bar(label, value, number(value), colour) for label, value, colour in rows if value]


def funnel(c: ChannelStanding) -> Markup:
    rows = [
        (_("Recipients"), c.recipients, "rest"),
        (_("Planned"), c.planned, "work"),
        (_("With at least one attempt"), c.attempted, "work"),
        (_("Positive"), c.positive, "good"),
    ]
    shown = [
        Bar(label, value, f"{number(value)} · {percent(value, c.recipients)}", colour)
        for label, value, colour in rows
    ]
    return charts.bars(shown, _("From recipients to positive outcomes"))


def hours_chart(c: ChannelFigures) -> Markup:
    return charts.hours(c.hours.counts, c.window, _("Attempts by local hour"))


def fates(c: ChannelStanding) -> list[tuple[str, int, bool]]:
    """(name, count, whether it is a part of the line above): sums to the recipients."""
    rows: list[tuple[str, int, bool]] = [
        (words.word(words.statuses, Status.POSITIVE), c.positive, False),
        (words.word(words.statuses, Status.GIVEN_UP), c.ended_as(Status.GIVEN_UP), False),
        *((words.ending(reason), count, True) for reason, count in c.given_up.items()),
        (words.word(words.statuses, Status.EXPIRED), c.ended_as(Status.EXPIRED), False),
    ]
    for status in (Status.SETTLED, Status.SUPERSEDED, Status.WITHDRAWN):
        if c.ended_as(status):
            rows.append((words.word(words.statuses, status), c.ended_as(status), False))
        if status is Status.WITHDRAWN:
            rows += [(words.ending(reason), count, True) for reason, count in c.withdrawn.items()]
    for status in (Status.CANCELLED, Status.UNCERTAIN):
        if c.ended_as(status) or status is Status.UNCERTAIN:
            rows.append((words.word(words.statuses, status), c.ended_as(status), False))
    if c.at_work:
        rows.append((_("Still at work"), c.at_work, False))
    rows.append((words.word(words.statuses, Status.SKIPPED), c.skipped_total, False))
    return rows


def skips_by_reason(report: Standing) -> list[tuple[str, Mapping[ChannelName, int]]]:
    """Reasons with their count on each channel, the commonest first."""
    reasons = {reason for channel in report.channels for reason in channel.skipped}
    rows = [
        (reason, {c.channel: c.skipped.get(reason, 0) for c in report.channels})
        for reason in reasons
    ]
    return sorted(rows, key=lambda row: (-sum(row[1].values()), row[0]))
