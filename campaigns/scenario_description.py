"""A scenario in the words of the people who run it."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from campaigns.channel import ChannelName, Purpose
from campaigns.outcome import Outcome
from campaigns.scenario import (
    WEEKDAYS,
    OrderKind,
    Policy,
    SameContact,
    Scenario,
    StopOn,
    TooLongSms,
    Window,
)
from templates.i18n import _, ngettext

Pair = tuple[str, str]


def describe(scenario: Scenario, column: Callable[[str], str] = str) -> list[Pair]:
    """Label and value, line by line, in the current language; channels in their order. `column`
    tells how a column is called."""
    pairs = [
        (_("Scenario"), scenario.name),
        (_("Title"), scenario.title),
        (_("Purpose"), purpose_title(scenario.purpose)),
        (_("Urgent"), _("yes, at any hour and on holidays") if scenario.urgent else _("no")),
        (_("Ends"), _stops()[scenario.stop_on]),
        (_("Shared contact"), _joins()[scenario.joins]),
        (_("Required columns"), ", ".join(map(column, scenario.fields)) or _("none")),
        (_("Order of channels"), _order(scenario)),
    ]
    pairs += [(f"[values] {name}", value) for name, value in scenario.values.items()]
    for channel in scenario.sequence():
        label = channel_title(channel)
        pairs += [(f"{label}: {name}", value) for name, value in _rules(scenario.policy(channel))]
        if channel is ChannelName.SMS:
            pairs.append((f"{label}: " + _("when longer than 160 characters"), _too_long(scenario)))
    return pairs


def channel_title(channel: ChannelName) -> str:
    return {
        ChannelName.PHONE: _("Phone"),
        ChannelName.SMS: _("SMS"),
        ChannelName.EMAIL: _("E-mail"),
    }[channel]


def purpose_title(purpose: Purpose) -> str:
    return _purposes()[purpose]


def spoken_duration(duration: timedelta) -> str:
    """«2 часа», «1 день 12 часов»."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = []
    if days:
        parts.append(ngettext("{n} day", "{n} days", days).format(n=days))
    if hours:
        parts.append(ngettext("{n} hour", "{n} hours", hours).format(n=hours))
    if minutes:
        parts.append(ngettext("{n} minute", "{n} minutes", minutes).format(n=minutes))
    if seconds:
        parts.append(ngettext("{n} second", "{n} seconds", seconds).format(n=seconds))
    return " ".join(parts) or _("at once")


def _rules(policy: Policy) -> Iterator[Pair]:
    yield _("template"), policy.template
    if policy.sender:
        yield _("sender"), policy.sender
    yield _("hours"), _hours(policy.window)
    yield _("next attempt after"), spoken_duration(policy.retry)
    if policy.channel is ChannelName.PHONE:
        yield _("call back when no operator was free"), spoken_duration(policy.call_back)
    yield _("attempts at most"), str(policy.max_attempts)
    if policy.quiet_after_positive:
        yield _("peace after a positive outcome"), spoken_duration(policy.quiet_after_positive)
    yield _("outcome known after"), spoken_duration(policy.settle_after)
    positive = sorted(_outcomes()[outcome] for outcome in policy.positive)
    yield _("counts as positive"), ", ".join(positive)


def _too_long(scenario: Scenario) -> str:
    rules = scenario.channels[ChannelName.SMS]
    if rules.too_long is TooLongSms.SHORTEN:
        return _("the field {name} loses its last words").format(name=rules.shorten)
    if rules.too_long is TooLongSms.TRANSLITERATE:
        return _("in Latin letters, also in place of several parts")
    return _("the launch is refused and names who")


def _hours(window: Window) -> str:
    if window.opens_at == window.closes_at:
        hours = _("at any hour")
    else:
        closes = "24:00" if f"{window.closes_at:%H:%M}" == "00:00" else f"{window.closes_at:%H:%M}"
        hours = _("from {opens} to {closes} local time").format(
            opens=f"{window.opens_at:%H:%M}", closes=closes
        )
    named = _weekdays()
    days = [named[day] for day in WEEKDAYS if day in window.days]
    on = _("every day") if len(days) == len(WEEKDAYS) else ", ".join(days)
    holidays = _("also on public holidays") if window.holidays else _("not on public holidays")
    return f"{hours}, {on}, {holidays}"


def _order(scenario: Scenario) -> str:
    if scenario.order.kind is OrderKind.TOGETHER:
        return _("all at once")
    chain = " → ".join(channel_title(channel) for channel in scenario.sequence())
    return _("{chain}, each {delay} after the former").format(
        chain=chain, delay=spoken_duration(scenario.order.delay)
    )


def _purposes() -> dict[Purpose, str]:
    return {
        Purpose.SERVICE: _("service notice"),
        Purpose.MARKETING: _("marketing, with consent only"),
        Purpose.EMERGENCY: _("emergency"),
        Purpose.SURVEY: _("survey, with consent only"),
    }


def _stops() -> dict[StopOn, str]:
    return {
        StopOn.CHANNEL: _("each channel at its own positive outcome"),
        StopOn.ANY: _("all channels at the first positive outcome"),
    }


def _joins() -> dict[SameContact, str]:
    return {
        SameContact.MERGE: _("one message about all its accounts"),
        SameContact.ONCE: _("one message"),
        SameContact.SEPARATE: _("a message for each account"),
    }


def _weekdays() -> dict[str, str]:
    words = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
    return dict(zip(WEEKDAYS, words, strict=True))


def _outcomes() -> dict[Outcome, str]:
    return {
        Outcome.HEARD: _("call heard"),
        Outcome.KEY_PRESSED: _("key pressed"),
        Outcome.CONNECTED: _("talked to an operator"),
        Outcome.NOBODY_FREE: _("no operator was free"),
        Outcome.HUNG_UP: _("hung up early"),
        Outcome.MACHINE: _("answering machine"),
        Outcome.BUSY: _("busy"),
        Outcome.NO_ANSWER: _("no answer"),
        Outcome.DECLINED: _("call declined"),
        Outcome.DELIVERED: _("SMS delivered"),
        Outcome.UNDELIVERED: _("SMS not delivered"),
        Outcome.NO_RECEIPT: _("no delivery receipt"),
        Outcome.ACCEPTED: _("letter accepted"),
        Outcome.READ: _("letter read"),
        Outcome.LINK_FOLLOWED: _("link followed"),
        Outcome.ANSWERED: _("answered"),
        Outcome.BOUNCED: _("letter bounced"),
        Outcome.DEFERRED: _("letter deferred"),
        Outcome.BAD_ADDRESS: _("no such address"),
        Outcome.REJECTED: _("refused by the provider"),
        Outcome.FAILED: _("failed"),
        Outcome.NOT_TAKEN: _("never reached the provider"),
        Outcome.UNCERTAIN: _("uncertain"),
    }
