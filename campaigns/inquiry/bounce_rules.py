"""What follows when a mail system reports on a letter of a campaign.

| the report says | the attempt | the address |
|---|---|---|
| no such mailbox (hard) | bad address: the customer's next one is tried | no letters any more |
| refused by policy (rejected) | rejected: the customer's next one is tried | untouched |
| not delivered this time (soft) | bounced: again by the cadence | after the third, 90 days' rest |
| the mailbox is full | deferred: again by the cadence | untouched |
| shown to the recipient (read) | read | alive |
| delayed, delivered, deleted, unknown | untouched | untouched |

A refusal by policy speaks of us, of this letter, or of a blocklist as often as of the customer:
that ends what this delivery may do there, as when a server says the same to our face, and the next
campaign tries anew. Only what says that the mailbox does not exist silences an address; a report is
taken for what it is only where it names a letter of ours by what nobody can guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from campaigns.inquiry.report import ReportKind
from campaigns.outcome import Outcome, replaces

# So many letters that came back within the time, nobody having read one meanwhile, are enough.
SOFT_ENOUGH = 3
SOFT_WITHIN = timedelta(days=30)
REST = timedelta(days=90)
# Why an address is on the stop-list to which letters do not come through.
BOUNCED = "bounced"

OUTCOMES: Mapping[ReportKind, Outcome] = {
    ReportKind.HARD: Outcome.BAD_ADDRESS,
    ReportKind.REJECTED: Outcome.REJECTED,
    ReportKind.SOFT: Outcome.BOUNCED,
    ReportKind.FULL: Outcome.DEFERRED,
    ReportKind.READ: Outcome.READ,
}
# The letter did not come through: whoever waits for its answer should know.
FAILURES = frozenset({ReportKind.HARD, ReportKind.REJECTED, ReportKind.SOFT, ReportKind.FULL})
# Somebody reads what comes to this address.
SIGNS_OF_LIFE = frozenset({Outcome.READ, Outcome.LINK_FOLLOWED, Outcome.ANSWERED})


class Effect(StrEnum):
    """What a report did, as it is kept with it."""

    RECORDED = "recorded"  # the attempt has another outcome
    SUPPRESSED = "suppressed"  # and its address gets no more letters, for good or for a while
    STALE = "stale"  # known already, or weaker than what is known
    KEPT = "kept"  # it says nothing that anything follows from
    ANSWER = "answer"  # about a letter of ours that is no campaign's
    UNKNOWN = "unknown"  # about nothing of ours


@dataclass(frozen=True, slots=True)
class Reported:
    """The attempt that a report is about, as the ledger knows it."""

    outcome: Outcome | None  # so far
    sent_at: datetime
    is_known: bool = False  # a report of this kind had its effect on it before


@dataclass(frozen=True, slots=True)
class AddressHistory:
    """What its address went through before, over all campaigns."""

    soft_at: tuple[datetime, ...] = ()  # letters that came back, each once
    alive_at: datetime | None = None  # when somebody last read or answered one


@dataclass(frozen=True, slots=True)
class Stop:
    """The address gets no more letters; `until_at` None: for good."""

    until_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Consequence:
    outcome: Outcome | None = None  # to be recorded; it may turn out to be weaker than another
    stop: Stop | None = None


def what_follows(
    kind: ReportKind, about: Reported, history: AddressHistory, now: datetime
) -> Consequence:
    """What a report on a campaign's letter leads to, come as late or as often as it may."""
    outcome = OUTCOMES.get(kind)
    if outcome is None or about.is_known:
        return Consequence()
    return Consequence(outcome, _stop(kind, outcome, about, history, now))


def _stop(
    kind: ReportKind, outcome: Outcome, about: Reported, history: AddressHistory, now: datetime
) -> Stop | None:
    if about.outcome in SIGNS_OF_LIFE or _is_alive_since(about.sent_at, history):
        return None  # somebody has read this letter there, or one that went after it
    if kind is ReportKind.HARD:
        return Stop()
    if kind is ReportKind.SOFT and (about.outcome is None or replaces(outcome, about.outcome)):
        earlier = [at for at in history.soft_at if _counts(at, history, now)]
        return Stop(now + REST) if len(earlier) + 1 >= SOFT_ENOUGH else None
    return None


def _is_alive_since(sent_at: datetime, history: AddressHistory) -> bool:
    return history.alive_at is not None and history.alive_at > sent_at


def _counts(soft_at: datetime, history: AddressHistory, now: datetime) -> bool:
    read_since = history.alive_at is not None and history.alive_at >= soft_at
    return soft_at > now - SOFT_WITHIN and not read_since
