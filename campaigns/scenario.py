"""A scenario: what is said on each channel, and by which rules.

Read from TOML. Every default is a number of the service standard (chapter 5, section 1, items 6
and 12); a scenario says only what differs.
"""

import re
from collections.abc import Mapping
from datetime import time, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from campaigns.channel import ChannelName, Purpose
from campaigns.outcome import MEANING, Outcome, default_positive

DURATION = re.compile(r"(\d+)\s*(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
LONGEST = timedelta(days=731)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def parse_duration(value: Any) -> timedelta:
    """`"2h"`, `"7d"`, `"1d 12h"` as a timedelta of at most two years.

    Raises ValueError with an example otherwise.
    """
    if isinstance(value, timedelta):
        return value
    text = str(value).strip()
    if not re.fullmatch(r"\d{1,6}\s*[smhd](\s*\d{1,6}\s*[smhd]){0,3}", text):
        raise PydanticCustomError("bad_duration", "a duration like '2h' or '1d 12h' is expected")
    parts = DURATION.findall(text)
    total = sum((timedelta(**{_UNITS[unit]: int(count)}) for count, unit in parts), timedelta())
    if total > LONGEST:
        raise PydanticCustomError("bad_duration", "a duration of at most two years is expected")
    return total


def parse_time(value: Any) -> time:
    """`"10:00"`, `"24:00"` (the end of the day, kept as 00:00) or a TOML local time."""
    if isinstance(value, time):
        return value
    text = str(value).strip()
    found = re.fullmatch(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?", text)
    if not found or (text != "24:00" and int(found[1]) > 23):
        raise PydanticCustomError("bad_time", "a local time like '10:00' is expected")
    return time(int(found[1]) % 24, int(found[2]), int(found[3] or 0))


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
LocalTime = Annotated[time, BeforeValidator(parse_time)]


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StopOn(StrEnum):
    CHANNEL = "channel"  # each channel goes on until its own positive outcome
    ANY = "any"  # a positive outcome anywhere ends the rest


class SameContact(StrEnum):
    """One number or address under several accounts (a landlord)."""

    MERGE = "merge"  # one message that speaks of all the accounts
    ONCE = "once"  # one message, the text being the same for all
    SEPARATE = "separate"


class TooLongSms(StrEnum):
    """What is done with a text that is too long for one SMS of 160 characters."""

    REFUSE = "refuse"  # the launch is refused, with a list of who and why
    SHORTEN = "shorten"  # the field named by `shorten` loses its last words
    TRANSLITERATE = "transliterate"  # Latin letters: 160 of them are one part


class OrderKind(StrEnum):
    TOGETHER = "together"
    CASCADE = "cascade"


class Window(Strict):
    """Local hours and days when a channel may be used; half-open: `until` is outside.

    `from == until` means the whole day; `from > until` crosses midnight, and such a window belongs
    to the day on which it opens. `holidays = true` allows public holidays.
    """

    opens_at: LocalTime = Field(default=time(10), alias="from")
    closes_at: LocalTime = Field(default=time(21), alias="until")
    days: tuple[str, ...] = WEEKDAYS
    holidays: bool = False

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @field_validator("days")
    @classmethod
    def _days_are_known(cls, days: tuple[str, ...]) -> tuple[str, ...]:
        if not days or any(day not in WEEKDAYS for day in days):
            raise PydanticCustomError("bad_days", "days are a non-empty set of weekdays")
        return days


ANY_TIME = Window(opens_at=time(0), closes_at=time(0), holidays=True)
STANDARD_WINDOW = Window()


class ChannelRules(Strict):
    """How one channel is used. `None` for retry, window … means the standard's own number."""

    template: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    sender: str | None = Field(default=None, min_length=1, max_length=254)
    positive: frozenset[Outcome] | None = None
    retry: Duration | None = None
    max_attempts: int | None = Field(default=None, ge=1, le=100)
    window: Window | None = None
    quiet_after_positive: Duration | None = None
    settle_after: Duration | None = None
    call_back: Duration | None = None  # phone
    too_long: TooLongSms = TooLongSms.REFUSE  # SMS
    shorten: str | None = Field(default=None, pattern=r"^[^\W\d]\w{0,62}$")  # SMS


class Order(Strict):
    """`cascade`: each further channel starts `delay` after the former, if that is not positive."""

    kind: OrderKind = OrderKind.TOGETHER
    channels: tuple[ChannelName, ...] = ()
    delay: Duration = timedelta(days=2)


RETRY = {
    ChannelName.PHONE: timedelta(hours=2),
    ChannelName.SMS: timedelta(days=1),
    ChannelName.EMAIL: timedelta(days=7),
}
MAX_ATTEMPTS = {ChannelName.PHONE: 10, ChannelName.SMS: 7, ChannelName.EMAIL: 4}
QUIET_AFTER_POSITIVE = {
    ChannelName.PHONE: timedelta(days=7),
    ChannelName.SMS: timedelta(0),
    ChannelName.EMAIL: timedelta(0),
}
# How long an outcome is waited for after the provider took the message: a call ends within
# minutes, a receipt for an SMS comes within a day, a bounce within a day.
SETTLE_AFTER = {
    ChannelName.PHONE: timedelta(minutes=10),
    ChannelName.SMS: timedelta(days=1),
    ChannelName.EMAIL: timedelta(days=1),
}


# Whoever asked for an operator when none was free is called again within so long.
CALL_BACK = timedelta(minutes=15)


class Policy(Strict):
    """The rules of one channel with every default filled in."""

    channel: ChannelName
    template: str
    sender: str | None
    positive: frozenset[Outcome]
    retry: timedelta
    max_attempts: int
    window: Window
    quiet_after_positive: timedelta
    settle_after: timedelta
    call_back: timedelta


class Scenario(Strict):
    """What is said, why, on which channels and by which rules.

    `fields` are the columns the audience must bring: a recipient without one (or, for money, with
    nothing to pay) is skipped. `values` are constants for the templates.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    title: str = Field(min_length=1, max_length=120)
    purpose: Purpose
    urgent: bool = False
    stop_on: StopOn = StopOn.CHANNEL
    same_contact: SameContact | None = None
    fields: tuple[str, ...] = ()
    values: dict[str, str] = Field(default_factory=dict)
    order: Order = Order()
    channels: dict[ChannelName, ChannelRules] = Field(min_length=1)

    @property
    def joins(self) -> SameContact:
        """Personal amounts are merged, a text that is the same for all goes once."""
        if self.same_contact is not None:
            return self.same_contact
        personal = any(name.endswith("_kopecks") for name in self.fields)
        return SameContact.MERGE if personal else SameContact.ONCE

    def policy(self, channel: ChannelName) -> Policy:
        return self._policies[channel]

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """What differs from this one has rules of its own."""
        copied = super().model_copy(update=update, deep=deep)
        vars(copied).pop("_policies", None)
        return copied

    @cached_property
    def _policies(self) -> Mapping[ChannelName, Policy]:
        return {channel: self._policy(channel) for channel in self.channels}

    def _policy(self, channel: ChannelName) -> Policy:
        rules = self.channels[channel]
        window = rules.window or (ANY_TIME if channel is ChannelName.EMAIL else STANDARD_WINDOW)
        return Policy(
            channel=channel,
            template=rules.template,
            sender=rules.sender,
            positive=rules.positive if rules.positive is not None else default_positive(channel),
            retry=rules.retry if rules.retry is not None else RETRY[channel],
            max_attempts=rules.max_attempts or MAX_ATTEMPTS[channel],
            window=ANY_TIME if self.urgent else window,
            quiet_after_positive=(
                rules.quiet_after_positive
                if rules.quiet_after_positive is not None
                else QUIET_AFTER_POSITIVE[channel]
            ),
            settle_after=rules.settle_after or SETTLE_AFTER[channel],
            call_back=rules.call_back if rules.call_back is not None else CALL_BACK,
        )

    @model_validator(mode="after")
    def _rules_agree(self) -> Self:
        if self.urgent and self.purpose is not Purpose.EMERGENCY:
            raise PydanticCustomError(
                "urgent_not_emergency",
                "urgent = true is only for purpose = 'emergency'",
                {"field": "urgent"},
            )
        for channel, rules in self.channels.items():
            wrong = [o for o in rules.positive or () if channel not in MEANING[o].channels]
            if wrong:
                raise PydanticCustomError(
                    "impossible_outcome",
                    "an outcome that cannot happen on the channel",
                    {"field": f"channels.{channel}.positive", "value": str(wrong[0])},
                )
            if rules.positive is not None and not rules.positive:
                raise PydanticCustomError(
                    "no_positive",
                    "nothing counts as positive",
                    {"field": f"channels.{channel}.positive"},
                )
        named = self.order.channels
        if named and (set(named) != set(self.channels) or len(named) != len(self.channels)):
            raise PydanticCustomError(
                "order_mismatch",
                "order.channels must name exactly the scenario's channels, each once",
                {"field": "order.channels"},
            )
        return self

    def sequence(self) -> tuple[ChannelName, ...]:
        """The channels in the order in which a cascade uses them."""
        return self.order.channels or tuple(c for c in ChannelName if c in self.channels)
