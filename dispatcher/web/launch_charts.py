"""The charts of a rehearsal: expected attempts hour by hour, and the same zone by zone."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from campaigns.channel import ChannelName
from dispatcher.forecast import Outlook
from dispatcher.web import formats
from templates.i18n import _

COLOURS = {ChannelName.PHONE: "accent", ChannelName.SMS: "busy", ChannelName.EMAIL: "warn"}
_WIDTH, _TOP, _BELOW, _LANE = 960, 8, 22, 84
_ROW = 20
# A letter of a label is about so wide; an M is wider, an «i» much less.
_LETTER, _GAP = 7.4, 10
# A longer name of a zone is cut, and told in full to whoever points at it.
_LONGEST_NAME = 38
_HOUR = timedelta(hours=1)
_MOST_HOURS = 24 * 31


def by_day(outlook: Outlook, zone: str) -> Sequence[tuple[date, Mapping[ChannelName, float]]]:
    """Expected attempts by day of the house's calendar: the table beside the chart."""
    found: defaultdict[date, defaultdict[ChannelName, float]]
    found = defaultdict(lambda: defaultdict(float))
    for hour in outlook.hours:
        found[hour.at.astimezone(ZoneInfo(zone)).date()][hour.channel] += hour.attempts
    return sorted(found.items())


def hours_chart(
    outlook: Outlook, titles: Mapping[ChannelName, str], title: str, zone: str
) -> Markup:
    """A column for every hour from the first attempt to the last: a row for each channel, on a
    scale of its own, for letters go all at once and calls one by one."""
    if not outlook.hours:
        return Markup()
    first_at, count = _span(outlook)
    rows = [one.channel for one in outlook.channels if one.planned]
    step, bottom = _WIDTH / count, _TOP + _LANE * len(rows)
    parts = _days(first_at, count, step, 0, bottom, zone)
    for index, channel in enumerate(rows):
        base = _TOP + _LANE * (index + 1) - 6
        columns = {hour.at: hour.attempts for hour in outlook.hours if hour.channel is channel}
        largest = max(columns.values(), default=0.0) or 1.0
        told = _("{channel}: up to {count} an hour").format(
            channel=titles[channel], count=formats.number(round(largest))
        )
        for at, attempts in columns.items():
            x, height = (at - first_at) / _HOUR * step, attempts / largest * (_LANE - 26)
            if x < _WIDTH and height >= 0.1:
                shown = f"{formats.moment(at, zone)}: {formats.number(round(attempts))}"
                parts.append(
                    f'<rect class="{COLOURS[channel]}" x="{x:.1f}" y="{base - height:.1f}" '
                    f'width="{max(step - 0.6, 0.8):.1f}" height="{max(height, 0.8):.1f}">'
                    f"<title>{escape(shown)}</title></rect>"
                )
        parts.append(f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{base}" y2="{base}"/>')
        parts.append(f'<text class="lane" x="0" y="{base - _LANE + 20}">{escape(told)}</text>')
    return _svg(bottom + _BELOW, title, parts)


def zones_chart(outlook: Outlook, titles: Mapping[str, str], title: str, zone: str) -> Markup:
    """A row for every zone: the darker an hour, the more goes there then."""
    if not outlook.hours:
        return Markup()
    first_at, count = _span(outlook)
    offset = int((first_at - _hour_of(outlook.begins_at)) / _HOUR)
    largest = max((n for row in outlook.zones for _hour, n in row.hours), default=0.0) or 1.0
    names = {row.zone: titles[row.zone] for row in outlook.zones}
    left = _room(min(max(map(len, names.values())), _LONGEST_NAME))
    step = (_WIDTH - left) / count
    bottom = _TOP + _ROW * len(outlook.zones)
    parts = _days(first_at, count, step, left, bottom, zone)
    for index, row in enumerate(outlook.zones):
        y = _TOP + index * _ROW
        parts.append(f'<text class="lane" x="0" y="{y + 14}">{_name(names[row.zone])}</text>')
        for hour, attempts in row.hours:
            place = hour - offset
            if not 0 <= place < count:
                continue
            shade = 0.15 + 0.85 * (attempts / largest) ** 0.5
            parts.append(
                f'<rect class="accent" fill-opacity="{shade:.2f}" '
                f'x="{left + place * step:.1f}" y="{y + 2}" '
                f'width="{max(step - 0.4, 0.8):.1f}" height="{_ROW - 4}"/>'
            )
    return _svg(bottom + _BELOW, title, parts)


def _span(outlook: Outlook) -> tuple[datetime, int]:
    """The first hour with an attempt, and how many hours to the last; a month at most."""
    first_at, last_at = outlook.hours[0].at, outlook.hours[-1].at
    return first_at, min(int((last_at - first_at) / _HOUR) + 1, _MOST_HOURS)


def _hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _days(
    first_at: datetime, count: int, step: float, left: float, bottom: int, zone: str
) -> list[str]:
    """Midnights of the house as lines, with the days; of a short chart its hours. A label that
    would lie on the one before it is left out."""
    parts: list[str] = []
    labels: list[tuple[float, str]] = []
    for index in range(count):
        local = (first_at + index * _HOUR).astimezone(ZoneInfo(zone))
        x = left + index * step
        if local.hour == 0:
            parts.append(
                f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}"/>'
            )
        if count <= 30:
            labels.append((x, f"{local:%H:%M}"))
        elif local.hour == 0 or index == 0:
            labels.append((x + 2, formats.short_day(local.date())))
    room = _room(max(len(shown) for _x, shown in labels))
    if len(labels) > 1 and labels[1][0] - labels[0][0] < room and count > 30:
        del labels[0]  # what is left of the first day is narrow: whole days are worth more
    free_from = left
    for x, shown in labels:
        if x >= free_from and x + room - _GAP <= _WIDTH:
            parts.append(f'<text x="{x:.1f}" y="{bottom + 15}">{escape(shown)}</text>')
            free_from = x + room
    return parts


def _room(letters: int) -> float:
    """What a label of so many letters takes."""
    return letters * _LETTER + _GAP


def _name(title: str) -> Markup:
    if len(title) <= _LONGEST_NAME:
        return escape(title)
    short = f"{title[: _LONGEST_NAME - 1]}…"
    return Markup("{}<title>{}</title>").format(short, title)


def _svg(height: float, title: str, parts: Sequence[str]) -> Markup:
    return Markup(  # noqa: S704 - every text in it is escaped
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {height:g}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )
