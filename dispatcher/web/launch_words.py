"""What a rehearsal says in words: what holds a launch up, and what is wrong with a message."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_location

from campaigns.calendar import UnknownZone, zone_named
from campaigns.channel import ChannelName
from campaigns.scenario import Policy
from dispatcher.examination import Unfit
from dispatcher.forecast import Bears, Bound, Example, Outlook
from dispatcher.ledger.campaign_limits import Limits
from dispatcher.report.unfit_words import why
from dispatcher.web import formats
from dispatcher.web.field_words import field_title
from templates.i18n import _, current_language, ngettext


def zone_title(name: str, at: datetime) -> str:
    """«Омск, UTC+6»: a place rather than a code, and its clock at that instant."""
    try:
        offset = at.astimezone(zone_named(name)).utcoffset() or timedelta()
    except UnknownZone:
        return name
    minutes = int(offset.total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    clock = f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")
    if "/" not in name:
        return clock
    place = get_timezone_location(name, locale=current_language(), return_city=True)
    return f"{place}, {clock}"


def example_why(one: Example) -> str:
    """What is wrong with a message that cannot go, with its fields named in words."""
    name = field_title(one.name) if one.code == "missing_value" else one.name
    fields = tuple((field_title(field), length) for field, length in one.fields)
    return why(Unfit(one.channel, 0, "", one.code, one.measured, name, fields))


def bottleneck(outlook: Outlook) -> Bound | None:
    """The way out that is the last to have tried everybody, if that takes more than an hour."""
    slow = [
        bound
        for bound in outlook.bounds
        if bound.first_round_at and bound.deliveries > bound.per_hour
    ]
    return max(slow, key=lambda bound: bound.first_round_at or outlook.begins_at, default=None)


def bottleneck_words(outlook: Outlook, policy: Policy | None, zone: str) -> Iterator[str]:
    """Why the first round takes as long as it takes, in sentences."""
    bound = bottleneck(outlook)
    if bound is None or bound.first_round_at is None:
        return
    yield _bears(bound)
    yield _("The first round of {count} takes {lasting} of allowed time.").format(
        count=_messages(bound.channel, int(bound.deliveries)),
        lasting=formats.lasting(bound.deliveries / bound.per_hour * 3600),
    )
    local = ZoneInfo(zone)
    first_on = outlook.begins_at.astimezone(local).date()
    last_on = bound.first_round_at.astimezone(local).date()
    if (
        last_on > first_on
        and policy is not None
        and policy.window.opens_at != policy.window.closes_at
    ):
        yield _(
            "The window closes at {closes} of the customer's time, so the rest goes on the next "
            "days, until {last_on}."
        ).format(
            closes=f"{policy.window.closes_at:%H:%M}",
            last_on=formats.moment(bound.first_round_at, zone),
        )


def _bears(bound: Bound) -> str:
    size, per_hour = int(bound.size), formats.number(int(bound.per_hour))
    if bound.kind is Bears.LIMIT:
        return _("The launch's own limit holds it up: {count} an hour.").format(
            count=_messages(bound.channel, size)
        )
    if bound.kind is Bears.LINES:
        text = ngettext(
            "{size} line bears about {per_hour} calls an hour.",
            "{size} lines bear about {per_hour} calls an hour.",
            size,
        )
    elif bound.kind is Bears.OPERATORS:
        text = ngettext(
            "{size} operator bears about {per_hour} calls an hour.",
            "{size} operators bear about {per_hour} calls an hour.",
            size,
        )
    else:
        text = _("The provider's limit bears about {per_hour} messages an hour.")
    told = text.format(size=formats.number(size), per_hour=per_hour)
    return f"{told[:-1]} ({bound.desk})." if bound.desk else told


def limits_words(limits: Limits) -> str:
    """A campaign's own limits: «300 звонков, 100 SMS»; empty where there are none."""
    return ", ".join(_messages(channel, count) for channel, count in limits.items())


def _messages(channel: ChannelName, count: int) -> str:
    if channel is ChannelName.PHONE:
        text = ngettext("{count} call", "{count} calls", count)
    elif channel is ChannelName.SMS:
        text = ngettext("{count} SMS", "{count} SMS", count)
    else:
        text = ngettext("{count} letter", "{count} letters", count)
    return text.format(count=formats.number(count))
