"""May we contact this customer, at this contact point, for this purpose, and since when again?

Three questions, asked when planning and once more at the instant of sending: does the consent
allow the purpose on the channel; has the customer, or staff, stopped it; was the customer
contacted so lately that the quiet time is not over?

Sources: service standard, chapter 4 section 2 item 1.1 and chapter 5 section 1 items 6 and 12;
Federal Laws 38-FZ, article 18 (advertising needs prior consent), and 152-FZ, article 9 (consent
can be withdrawn).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from campaigns.channel import ChannelName, Purpose
from campaigns.recipient import Consent
from campaigns.scenario import Policy, Strict
from templates.i18n import _


class ConsentRule(StrEnum):
    REQUIRED = "required"  # only with a granted consent
    UNLESS_REFUSED = "unless_refused"
    ALWAYS = "always"  # the contract or safety demands it


ConsentRules = Mapping[Purpose, Mapping[ChannelName, ConsentRule]]

_DEFAULT_RULE = {
    Purpose.SERVICE: ConsentRule.UNLESS_REFUSED,
    Purpose.MARKETING: ConsentRule.REQUIRED,
    Purpose.EMERGENCY: ConsentRule.ALWAYS,
    Purpose.SURVEY: ConsentRule.REQUIRED,
}


def consent_rules(changes: ConsentRules | None = None) -> ConsentRules:
    """The whole table of purpose × channel: the defaults with the settings' changes laid over.

    Raises ValueError when a change would send marketing without consent, which the law forbids.
    """
    changes = changes or {}
    rules = {
        purpose: dict.fromkeys(ChannelName, _DEFAULT_RULE[purpose]) | dict(changes.get(purpose, {}))
        for purpose in Purpose
    }
    for channel, rule in rules[Purpose.MARKETING].items():
        if rule is not ConsentRule.REQUIRED:
            raise ValueError(
                _(
                    "Marketing by {channel} cannot be set to '{rule}': "
                    "advertising needs prior consent. Leave it at 'required'."
                ).format(channel=channel.value, rule=rule.value)
            )
    return rules


def consent_allows(
    rules: ConsentRules,
    purpose: Purpose,
    channel: ChannelName,
    consents: Sequence[Consent],
    on: date | None = None,
) -> bool:
    """Whether the customer's statements allow the purpose on the channel.

    The most specific statement decides (purpose and channel, then purpose, then channel, then the
    general one), among equals the latest, among those a refusal. But a wider refusal with a later
    date withdraws an older, narrower grant: who says "stop everything" means it. A grant that
    names no purpose is no consent to marketing, which the law wants to be asked for by itself; it
    does count for every other purpose. With `on`, statements that begin later do not count yet.
    """
    rule = rules[purpose][channel]
    if rule is ConsentRule.ALWAYS:
        return True
    deciding = deciding_consent(purpose, channel, consents, on)
    if deciding is None:
        return rule is ConsentRule.UNLESS_REFUSED
    return deciding.granted


def deciding_consent(
    purpose: Purpose, channel: ChannelName, consents: Sequence[Consent], on: date | None = None
) -> Consent | None:
    """The one among a customer's statements that decides; None when none speaks of this."""
    return _deciding(_about(purpose, channel, consents, on))


def _about(
    purpose: Purpose, channel: ChannelName, consents: Iterable[Consent], on: date | None
) -> list[Consent]:
    """The statements that speak of this purpose on this channel."""
    return [
        consent
        for consent in consents
        if consent.purpose in (None, purpose)
        and consent.channel in (None, channel)
        and not (on and consent.since_on and consent.since_on > on)
        and not (consent.granted and consent.purpose is None and purpose is Purpose.MARKETING)
    ]


def _deciding(statements: Sequence[Consent]) -> Consent | None:
    if not statements:
        return None
    narrowest = max(statements, key=lambda s: (_specificity(s), _since(s), not s.granted))
    if narrowest.granted:
        for other in statements:
            if not other.granted and _since(other) > _since(narrowest):
                return other
    return narrowest


def _specificity(statement: Consent) -> tuple[bool, bool]:
    return statement.purpose is not None, statement.channel is not None


def _since(statement: Consent) -> date:
    """When the statement was made; one without a date is taken for the oldest."""
    return statement.since_on or date.min


@dataclass(frozen=True, slots=True)
class Suppression:
    """A stop: this account, or this contact point, is not to be contacted.

    None for channel or purpose means every one, emergencies included: never after they said stop.
    `until_at` is the first instant when contact is allowed again; None means for good.
    """

    reason: str
    account_number: str | None = None
    contact_point: str | None = None
    channel: ChannelName | None = None
    purpose: Purpose | None = None
    until_at: datetime | None = None

    def __post_init__(self) -> None:
        if bool(self.account_number) == bool(self.contact_point):
            raise ValueError("a suppression names either an account or a contact point")


def suppressed(
    suppressions: Iterable[Suppression],
    *,
    account_numbers: Collection[str],
    contact_point: str | None,
    channel: ChannelName,
    purpose: Purpose,
    at: datetime,
) -> Suppression | None:
    """The stop that forbids this contact at this instant (the longest one), or None.

    `account_numbers` are all the accounts that the message speaks of; one of them stopped is
    enough. Letter case does not tell contact points apart: nobody who opted out as Ivan@… expects
    mail to ivan@….
    """
    address = contact_point.casefold() if contact_point else None
    in_force = [
        stop
        for stop in suppressions
        if stop.channel in (None, channel)
        and stop.purpose in (None, purpose)
        and (stop.until_at is None or at < stop.until_at)
        and (
            stop.account_number in account_numbers
            if stop.contact_point is None
            else stop.contact_point.casefold() == address
        )
    ]
    for stop in in_force:
        if stop.until_at is None:
            return stop
    return max(in_force, key=lambda stop: stop.until_at or at, default=None)


class Caps(Strict):
    """How many attempts one customer may get on a channel in any 24 hours, 7 days and 30 days."""

    per_day: int | None = Field(default=None, ge=1)
    per_week: int | None = Field(default=None, ge=1)
    per_month: int | None = Field(default=None, ge=1)

    def spans(self) -> tuple[tuple[int, timedelta], ...]:
        """Each cap that is set, with the sliding span of time it speaks of."""
        caps = (
            (self.per_day, timedelta(days=1)),
            (self.per_week, timedelta(days=7)),
            (self.per_month, timedelta(days=30)),
        )
        return tuple((number, span) for number, span in caps if number is not None)


class QuietTime(NamedTuple):
    """Until when a customer is left alone, and since what.

    `most` is None for the quiet time after a positive contact, which ended at `since_at`; for a cap
    it is how many attempts it allows in `span`, and `since_at` is the start of the attempt that has
    to grow old.
    """

    until_at: datetime
    since_at: datetime
    most: int | None = None
    span: timedelta = timedelta(0)


def quiet_until(
    policy: Policy,
    last_positive_at: datetime | None,
    recent_attempts: Sequence[datetime] = (),
    caps: Caps | None = None,
) -> datetime | None:
    """The earliest instant when the customer may be contacted again; None if nothing is against it.

    Counted over all campaigns by the caller: `last_positive_at` is the end of the last positive
    contact on the channel, `recent_attempts` are the starts of its attempts. The instant may have
    passed already. A cap of n allows contact at T when fewer than n attempts began after T − span,
    so that an attempt exactly 24 hours ago no longer counts for the day.
    """
    found = quiet_time(policy, last_positive_at, recent_attempts, caps)
    return found.until_at if found else None


def quiet_time(
    policy: Policy,
    last_positive_at: datetime | None,
    recent_attempts: Sequence[datetime] = (),
    caps: Caps | None = None,
) -> QuietTime | None:
    """The same with its ground: the quiet time that lasts longest."""
    found: list[QuietTime] = []
    if last_positive_at is not None and policy.quiet_after_positive:
        until_at = last_positive_at + policy.quiet_after_positive
        found.append(QuietTime(until_at, last_positive_at))
    latest_first = sorted(recent_attempts, reverse=True)
    for number, span in caps.spans() if caps else ():
        if len(latest_first) >= number:
            since_at = latest_first[number - 1]
            found.append(QuietTime(since_at + span, since_at, number, span))
    return max(found, key=_until, default=None)


def _until(quiet: QuietTime) -> datetime:
    return quiet.until_at
