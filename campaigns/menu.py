"""A call in progress: how it begins, and what a pressed key leads to.

Pure: the engine knows whether an operator is free and writes down what was decided, the provider's
module turns a `Turn` into its own markup. Whatever happens, a call ends: the menu is said three
times at most.
"""

from dataclasses import dataclass
from datetime import timedelta

from campaigns.outcome import Outcome
from campaigns.scenario import Window
from templates import call_words
from templates.call import Action, CallScript, Fragment, Key, Say
from templates.i18n import speaking

MAX_ROUNDS = 3  # how often the menu is said


@dataclass(frozen=True, slots=True)
class Operator:
    """Where a call is switched to: a number in E.164 or a SIP address."""

    address: str
    wait_seconds: int  # how long it may ring (the standard: at most 30 s)


@dataclass(frozen=True, slots=True)
class Turn:
    """What a call does next: say `fragments`, then listen for a key again, dial, or hang up."""

    fragments: tuple[Fragment, ...]
    listens: bool = False  # the menu once more, as round number `round`
    operator: Operator | None = None
    round: int = 1


@dataclass(frozen=True, slots=True)
class Staffing:
    """How things stand with operators when a customer asks for one.

    `operator` is one who is free. Without one, `manned` tells whether somebody is at work at all:
    then a call back within `call_back` is promised (None: it cannot be), else the `hours` are told,
    which are those of the customer's own clock. `phone` is where customers reach us.
    """

    operator: Operator | None = None
    manned: bool = False
    call_back: timedelta | None = None
    hours: Window | None = None
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A turn, and what it means for the attempt.

    `sign` is what the call will have come to unless something stronger follows; with `final` that
    is settled now. `action` is None for silence and for a key that the menu does not have.
    """

    turn: Turn
    action: Action | None = None
    sign: Outcome | None = None
    final: bool = False
    answer: str = ""


def opening(script: CallScript) -> Turn:
    """How a call begins: the message, and what the keys do, with the first listening."""
    return Turn((*script.message, *_offers(script)), listens=True)


def excuse(script: CallScript) -> Turn:
    """What a call comes to that has nothing to say any more; a stranger learns nothing by it."""
    with speaking(script.language):
        return Turn((Say(call_words.sorry()),))


def answer(script: CallScript, digit: str, round_number: int, staffing: Staffing) -> Step:
    """What a key leads to; `digit` is empty when the message was heard to its end without one.

    Any key counts as heard, a wrong one too: a person was listening. Where the script offers no
    keys at all, any key says so and ends the call.
    """
    if not digit:
        return Step(farewell(script))
    key = script.key(digit)
    if key is None:
        if not script.keys:
            return Step(farewell(script), sign=Outcome.KEY_PRESSED, final=True)
        return _again(script, None, round_number)
    with speaking(script.language):
        match key.action:
            case Action.REPEAT:
                return _again(script, key, round_number)
            case Action.OPERATOR:
                return _toward_operator(key, staffing)
            case Action.HEARD:
                return _end(key, call_words.goodbye())
            case Action.STOP:
                return _end(key, call_words.stopped())
            case Action.ANSWER:
                return _end(key, call_words.thanks_for_answer())


def after_operator(script: CallScript, *, connected: bool, staffing: Staffing) -> Turn:
    """What is said when the talk is over, or when the operator's telephone rang in vain."""
    with speaking(script.language):
        if connected:
            return Turn((Say(call_words.goodbye()),))
        return Turn(_nobody(staffing))


def farewell(script: CallScript) -> Turn:
    """The last words of a call: the script's own, else the product's."""
    with speaking(script.language):
        return Turn(script.farewell or (Say(call_words.goodbye()),))


def _again(script: CallScript, key: Key | None, round_number: int) -> Step:
    """The message once more, or after a wrong key the menu alone."""
    action = key.action if key else None
    if round_number >= MAX_ROUNDS:
        return Step(farewell(script), action, Outcome.KEY_PRESSED)
    with speaking(script.language):
        first = key.reply if key else (Say(call_words.no_such_key()),)
    said = (*first, *(script.message if key else ()), *_offers(script))
    turn = Turn(said, listens=True, round=max(round_number, 1) + 1)
    return Step(turn, action, Outcome.KEY_PRESSED)


def _offers(script: CallScript) -> tuple[Fragment, ...]:
    return tuple(fragment for key in script.keys for fragment in key.prompt)


def _end(key: Key, words: str) -> Step:
    """Thanks, and the line is freed: nothing that follows can change what the call came to."""
    said = key.reply or (Say(words),)
    return Step(Turn(said), key.action, Outcome.KEY_PRESSED, final=True, answer=key.answer)


def _toward_operator(key: Key, staffing: Staffing) -> Step:
    if staffing.operator is not None:
        said = key.reply or (Say(call_words.connecting()),)
        return Step(Turn(said, operator=staffing.operator), key.action, Outcome.KEY_PRESSED)
    if staffing.manned:
        return Step(Turn(_nobody(staffing)), key.action, Outcome.NOBODY_FREE)
    # Nothing is promised to who asks when nobody is at work: the message was heard, and that is it.
    return Step(Turn(_nobody(staffing)), key.action, Outcome.KEY_PRESSED, final=True)


def _nobody(staffing: Staffing) -> tuple[Fragment, ...]:
    if staffing.manned:
        return (Say(call_words.nobody_free(staffing.call_back, staffing.phone)),)
    opens_at, closes_at = (
        (staffing.hours.opens_at, staffing.hours.closes_at) if staffing.hours else (None, None)
    )
    days = staffing.hours.days if staffing.hours else ()
    return (Say(call_words.nobody_there(opens_at, closes_at, days, staffing.phone)),)
