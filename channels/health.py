"""Is a provider well? What its last answers say, and for how long it is left alone if they say no.

A circuit, as in a house: many bad answers open it, nothing is sent that way for a while, then one
message tries whether it holds. Everything here is a decision without a clock or a store of its own;
instants are arguments, aware, and only grow older.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from channels.base import Cause, Handover, HandoverKind

WINDOW = timedelta(seconds=60)
ENOUGH_ANSWERS = 20  # fewer say nothing about a share
BAD_SHARE = 0.5
# So many times in a row without a connection, and it need not be a share of anything.
STREAK = 5
# An answer that takes this part of the time-out is one that hardly came at all.
SLOW_SHARE = 0.8
# What is remembered of a window at most: more answers do not change a share much.
MOST_ANSWERS = 1000

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)
# Somebody has to pay; looking more often does not make it sooner, looking seldom makes it late.
NO_MONEY_PAUSE = timedelta(minutes=10)


class Trouble(StrEnum):
    """Why a provider is left alone."""

    FAILURES = "failures"
    SLOW = "slow"
    UNREACHABLE = "unreachable"
    NO_MONEY = "no_money"
    ACCOUNT = "account"


class Sign(StrEnum):
    """What one answer says about the provider's health."""

    WELL = "well"  # it does its work, whatever it thought of this message
    ILL = "ill"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a provider: when it came, how long it took, what it says."""

    at: datetime
    seconds: float
    sign: Sign
    cause: Cause | None = None


def sign_of(handover: Handover) -> Sign:
    """Throttling, a refusal, a full mailbox or a number that does not exist are a healthy
    provider's answers. A doubt with the provider's own reference is about the message alone."""
    match handover.kind:
        case HandoverKind.ACCEPTED | HandoverKind.REFUSED:
            return Sign.WELL
        case HandoverKind.UNCERTAIN:
            return Sign.WELL if handover.reference is not None else Sign.ILL
        case HandoverKind.POSTPONED:
            if handover.about_recipient or handover.cause is Cause.THROTTLED:
                return Sign.WELL
            return Sign.ILL if handover.cause is not None else Sign.NOTHING


def answer_of(handover: Handover, at: datetime, seconds: float) -> Answer:
    return Answer(at, seconds, sign_of(handover), handover.cause)


_AT_ONCE = {Cause.NO_MONEY: Trouble.NO_MONEY, Cause.ACCOUNT: Trouble.ACCOUNT}


@dataclass(slots=True)
class Window:
    """The answers of one provider that count now. `slow_seconds`: from there on one is slow.

    Not safe for several threads: `dispatcher.health` guards it.
    """

    slow_seconds: float
    _answers: deque[Answer] = field(default_factory=deque)
    _ill: int = 0
    _slow: int = 0
    _streak: int = 0
    _streak_at: datetime | None = None

    def note(self, answer: Answer) -> Trouble | None:
        """Take an answer in; the trouble if that is enough now. The window is empty after it."""
        if answer.sign is Sign.NOTHING:
            return None
        self._add(answer)
        self._drop_before(answer.at - WINDOW)
        trouble = self._judge(answer)
        if trouble is not None:
            self.clear()
        return trouble

    def clear(self) -> None:
        self._answers.clear()
        self._ill = self._slow = self._streak = 0
        self._streak_at = None

    def _add(self, answer: Answer) -> None:
        self._answers.append(answer)
        self._ill += answer.sign is Sign.ILL
        self._slow += answer.seconds > self.slow_seconds
        if len(self._answers) > MOST_ANSWERS:
            self._forget_oldest()
        if answer.cause is not Cause.UNREACHABLE:
            self._streak = 0
        elif self._streak_at is None or answer.at - self._streak_at > LONGEST_PAUSE:
            self._streak = 1
        else:
            self._streak += 1
        self._streak_at = answer.at

    def _drop_before(self, since_at: datetime) -> None:
        while self._answers and self._answers[0].at <= since_at:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest = self._answers.popleft()
        self._ill -= oldest.sign is Sign.ILL
        self._slow -= oldest.seconds > self.slow_seconds

    def _judge(self, latest: Answer) -> Trouble | None:
        if latest.cause in _AT_ONCE and latest.sign is Sign.ILL:
            return _AT_ONCE[latest.cause]
        if self._streak >= STREAK:
            return Trouble.UNREACHABLE
        count = len(self._answers)
        if count < ENOUGH_ANSWERS:
            return None
        if self._ill >= BAD_SHARE * count:
            return Trouble.FAILURES
        return Trouble.SLOW if self._slow >= BAD_SHARE * count else None


def pause_after(trouble: Trouble, openings: int) -> timedelta:
    """How long a provider is left alone when its circuit opens for the n-th time in a row (from 1).

    30 s, 1, 2, 4, 8, 15 minutes; without money always 10 minutes.
    """
    if trouble is Trouble.NO_MONEY:
        return NO_MONEY_PAUSE
    doublings = min(max(openings - 1, 0), 10)
    return min(FIRST_PAUSE * 2.0**doublings, LONGEST_PAUSE)


_TROUBLES = {
    Cause.NO_MONEY: Trouble.NO_MONEY,
    Cause.ACCOUNT: Trouble.ACCOUNT,
    Cause.UNREACHABLE: Trouble.UNREACHABLE,
}


def trouble_of_probe(answer: Answer, slow_seconds: float) -> Trouble | None:
    """Why the circuit stays open after the one message that tried; None: it holds again."""
    if answer.sign is Sign.ILL:
        return _TROUBLES.get(answer.cause, Trouble.FAILURES) if answer.cause else Trouble.FAILURES
    return Trouble.SLOW if answer.seconds > slow_seconds else None


def is_proof(answer: Answer) -> bool:
    """Whether a trying message told anything at all; else another one has to try."""
    return answer.sign is not Sign.NOTHING
