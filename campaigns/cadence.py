"""What follows an attempt: again, enough, wait, or give up. And when and where to try next.

The standard (chapter 5, section 1, items 6 and 12): a call that was not heard is repeated in two
hours until it is, an SMS the next day, a letter every seven days. The time counts from the end of
the real attempt; a postponement is no attempt and never comes here.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import StrEnum

from campaigns.calendar import (
    Closed,
    Holidays,
    NeverAllowed,
    closed_days,
    next_allowed,
    why_closed,
)
from campaigns.outcome import MEANING, Outcome
from campaigns.scenario import Policy


class GiveUpReason(StrEnum):
    """Why a delivery ends without a positive outcome, as the report shows it."""

    MAX_ATTEMPTS = "max_attempts"
    BAD_ADDRESS = "bad_address"


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again no sooner than `at`; `next_due` moves it to an hour that is allowed."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Positive:
    """The customer received the message: this delivery is done."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nobody knows what came of the attempt: a receipt or a member of staff has to say."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    reason: GiveUpReason


Decision = Retry | Positive | Wait | GiveUp


def decide(
    policy: Policy,
    outcome: Outcome,
    *,
    attempts_made: int,
    contact_points_left: bool,
    ended_at: datetime,
) -> Decision:
    """What follows an attempt that ended at `ended_at` with this outcome.

    `attempts_made` counts the one that has just ended. `contact_points_left` says whether the
    recipient has a living contact point on this channel besides the one just tried; it matters
    only when that one turned out to be dead. An uncertain attempt is never repeated from here,
    even as the last of the attempts: the customer may have the message already.
    """
    meaning = MEANING[outcome]
    if not meaning.settled:
        return Wait()
    if outcome in policy.positive:
        return Positive()
    if attempts_made >= policy.max_attempts:
        return GiveUp(GiveUpReason.MAX_ATTEMPTS)
    if meaning.address_is_dead and not contact_points_left:
        return GiveUp(GiveUpReason.BAD_ADDRESS)
    pause = policy.call_back if outcome is Outcome.NOBODY_FREE else policy.retry
    return Retry(ended_at + pause)


def contact_for(
    attempt_number: int, contact_points: Sequence[str], dead: AbstractSet[str] = frozenset()
) -> str | None:
    """The contact point for the attempt (the first is 1): the living ones in turn, file order.

    None when none is alive. The same arguments always give the same address, so that a worker
    which died and its successor choose alike.
    """
    if attempt_number < 1:
        raise ValueError(f"attempts count from 1, not {attempt_number}")
    living = [point for point in dict.fromkeys(contact_points) if point not in dead]
    return living[(attempt_number - 1) % len(living)] if living else None


def next_due(
    policy: Policy,
    retry_at: datetime,
    zone: str | tzinfo,
    holidays: Holidays,
    *,
    campaign_start_at: datetime,
    campaign_end_at: datetime,
    quiet_until: datetime | None = None,
) -> datetime | None:
    """The first allowed instant of the campaign from `retry_at` on, or None: it will expire.

    Never before the campaign starts, nor in the quiet time (`consent.quiet_until`), nor at or after
    the campaign's end. A wish for the past stays in the past: what is overdue is due at once, and
    the caller compares with its clock.
    """
    earliest_at = max(retry_at, campaign_start_at)
    if quiet_until is not None:
        earliest_at = max(earliest_at, quiet_until)
    if earliest_at >= campaign_end_at:
        return None
    try:
        due_at = next_allowed(earliest_at, zone, policy.window, holidays)
    except NeverAllowed:
        return None
    return due_at if due_at < campaign_end_at else None


class Hold(StrEnum):
    """What moves a wished instant to a later one."""

    START = "start"  # the campaign has not begun
    QUIET = "quiet"  # contacted so lately that nothing may be said yet
    CLOSED = "closed"  # no allowed hour
    END = "end"  # nothing allowed is left before the campaign ends


@dataclass(frozen=True, slots=True)
class Delay:
    """One step from a wish to when it may be met. `until_at` is None where it never is.

    Of closed hours: why they are closed at first (`closed`), and the whole days skipped on the way
    (`days`).
    """

    hold: Hold
    from_at: datetime
    until_at: datetime | None
    closed: Closed | None = None
    days: tuple[tuple[date, Closed], ...] = ()


def delays(
    policy: Policy,
    wanted_at: datetime,
    zone: str | tzinfo,
    holidays: Holidays,
    *,
    campaign_start_at: datetime,
    campaign_end_at: datetime,
    quiet_until: datetime | None = None,
) -> tuple[Delay, ...]:
    """Why `next_due` gives what it gives for the same arguments, step by step; empty when the wish
    itself is allowed."""
    found: list[Delay] = []
    at = wanted_at
    for hold, until_at in ((Hold.START, campaign_start_at), (Hold.QUIET, quiet_until)):
        if until_at is not None and until_at > at:
            found.append(Delay(hold, at, until_at))
            at = until_at
    due_at = next_due(
        policy,
        wanted_at,
        zone,
        holidays,
        campaign_start_at=campaign_start_at,
        campaign_end_at=campaign_end_at,
        quiet_until=quiet_until,
    )
    if due_at is None:
        closed = why_closed(at, zone, policy.window, holidays) if at < campaign_end_at else None
        return (*found, Delay(Hold.END, at, None, closed))
    if due_at > at:
        closed = why_closed(at, zone, policy.window, holidays)
        days = closed_days(at, due_at, zone, policy.window, holidays)
        found.append(Delay(Hold.CLOSED, at, due_at, closed, days))
    return tuple(found)
