"""The service standard's numbers that no scenario may go below (chapter 5, section 1, §6, §12).

An urgent scenario, which only an emergency can be, is free of them.
"""

import re
from collections.abc import Iterator
from datetime import time, timedelta

from campaigns.channel import ChannelName
from campaigns.content import RESERVED_NAMES
from campaigns.scenario import (
    QUIET_AFTER_POSITIVE,
    RETRY,
    STANDARD_WINDOW,
    OrderKind,
    Scenario,
    Window,
)
from campaigns.sms_rules import too_long_problems
from campaigns.toml_lines import Lines, line_of
from templates.i18n import _
from templates.problem import Problem

URGENT_RETRY = timedelta(minutes=5)  # even an emergency does not ring without a pause
_NAME = re.compile(r"[^\W\d]\w*")
_HOURS = (ChannelName.PHONE, ChannelName.SMS)


def standard_problems(scenario: Scenario, file: str, lines: Lines) -> list[Problem]:
    """Everything in the scenario that the standard forbids, or that cannot work."""
    problems = [
        *_names(scenario),
        *_rhythm(scenario),
        *_windows(scenario),
        *too_long_problems(scenario),
    ]
    return [_placed(problem, file, lines) for problem in problems]


def standard_warnings(scenario: Scenario, file: str, lines: Lines) -> list[Problem]:
    """What is allowed, but hardly what was meant."""
    problems = (*_cascade(scenario), *_urgency(scenario))
    return [_placed(problem, file, lines) for problem in problems]


def short_duration(duration: timedelta) -> str:
    """A length of time as scenarios write it: `2h`, `1d 12h`."""
    seconds = int(duration.total_seconds())
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"


def _names(scenario: Scenario) -> Iterator[Problem]:
    for section, names in (("fields", scenario.fields), ("values", tuple(scenario.values))):
        for name in names:
            where = section if section == "fields" else f"values.{name}"
            if name in RESERVED_NAMES or name.startswith("total_"):
                yield Problem(
                    "reserved_name",
                    _("The name “{name}” is filled by the system itself.").format(name=name),
                    _("Remove it here, or choose another name."),
                    field=where,
                    value=name,
                )
            elif not _NAME.fullmatch(name) or name != name.lower():
                yield Problem(
                    "bad_name",
                    _("A template cannot use the name “{name}”.").format(name=name),
                    _("Write it in small letters, with underscores in place of spaces."),
                    field=where,
                    value=name,
                )


def _rhythm(scenario: Scenario) -> Iterator[Problem]:
    for channel in scenario.channels:
        policy = scenario.policy(channel)
        least = URGENT_RETRY if scenario.urgent else RETRY[channel]
        if policy.retry < least:
            yield Problem(
                "retry_too_short",
                _("The next attempt would come too soon for the standard."),
                _("Write retry = “{least}” or longer, or remove the line.").format(
                    least=short_duration(least)
                ),
                field=f"channels.{channel}.retry",
                value=short_duration(policy.retry),
            )
        quiet = timedelta() if scenario.urgent else QUIET_AFTER_POSITIVE[channel]
        if policy.quiet_after_positive < quiet:
            yield Problem(
                "quiet_too_short",
                _("After a positive call the customer must be left in peace for longer."),
                _("Write quiet_after_positive = “{least}” or longer, or remove the line.").format(
                    least=short_duration(quiet)
                ),
                field=f"channels.{channel}.quiet_after_positive",
                value=short_duration(policy.quiet_after_positive),
            )


def _windows(scenario: Scenario) -> Iterator[Problem]:
    for channel, rules in scenario.channels.items():
        if rules.window is None:
            continue
        if len(set(rules.window.days)) < len(rules.window.days):
            yield Problem(
                "repeated_day",
                _("A day of the week stands there twice."),
                _("Name each day once."),
                field=f"channels.{channel}.window.days",
            )
        if scenario.urgent or channel not in _HOURS:
            continue
        if not _within_standard(rules.window):
            yield Problem(
                "window_too_wide",
                _("Calls and SMS are allowed only from 10:00 to 21:00 of the customer's time."),
                _("Write from = “10:00”, until = “21:00” or less."),
                field=f"channels.{channel}.window",
                value=f"{rules.window.opens_at:%H:%M}-{rules.window.closes_at:%H:%M}",
            )
        if rules.window.holidays:
            yield Problem(
                "holidays_forbidden",
                _("Calls and SMS are not allowed on public holidays."),
                _("Write holidays = false, or remove the line."),
                field=f"channels.{channel}.window.holidays",
                value="true",
            )


def _within_standard(window: Window) -> bool:
    opens, closes = window.opens_at, window.closes_at
    whole_day_or_night = closes <= opens or closes == time(0)
    return not whole_day_or_night and (
        opens >= STANDARD_WINDOW.opens_at and closes <= STANDARD_WINDOW.closes_at
    )


def _cascade(scenario: Scenario) -> Iterator[Problem]:
    if scenario.order.kind is not OrderKind.CASCADE:
        return
    if len(scenario.channels) == 1:
        yield Problem(
            "cascade_of_one",
            _("A cascade of one channel has nowhere to go on."),
            _("Add a channel, or remove the section [order]."),
            field="order.kind",
        )
    for channel in scenario.sequence()[:-1]:
        settles = scenario.policy(channel).settle_after
        if scenario.order.delay < settles:
            yield Problem(
                "cascade_before_settled",
                _("The next channel begins before it is known whether this one succeeded."),
                _("Write delay = “{least}” or longer.").format(least=short_duration(settles)),
                field="order.delay",
                value=short_duration(scenario.order.delay),
            )


def _urgency(scenario: Scenario) -> Iterator[Problem]:
    """Urgency lifts hours and holidays; the quiet time it lifts only where that is written
    (docs/decisions/0003)."""
    for channel in scenario.channels:
        quiet = scenario.policy(channel).quiet_after_positive
        if scenario.urgent and quiet:
            yield Problem(
                "urgent_waits",
                _("Urgent as it is, this waits {quiet} after an earlier positive contact.").format(
                    quiet=short_duration(quiet)
                ),
                _("Write quiet_after_positive = “0s” in [channels.{channel}].").format(
                    channel=channel.value
                ),
                field=f"channels.{channel}.quiet_after_positive",
            )


def _placed(problem: Problem, file: str, lines: Lines) -> Problem:
    path = (problem.field or "").split(".")
    return Problem(
        code=problem.code,
        message=problem.message,
        advice=problem.advice,
        file=file,
        line=line_of(lines, path) or 1,
        field=problem.field,
        value=problem.value,
    )
