"""The table that says what becomes of a call, SMS or letter in the sandbox (patterns.toml)."""

import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from campaigns.channel import ChannelName
from channels.sandbox.operators import Operators
from templates.i18n import _
from templates.problem import Problem, Refused

BUILT_IN = Path(__file__).parent / "patterns.toml"


class Fate(StrEnum):
    """What the sandbox lets happen. Which channel knows which is told by `FATES`."""

    # phone
    HEARD = "heard"
    HUNG_UP = "hung_up"
    KEY_0 = "key_0"
    KEY_1 = "key_1"
    KEY_2 = "key_2"
    KEY_3 = "key_3"
    KEY_4 = "key_4"
    KEY_5 = "key_5"
    KEY_6 = "key_6"
    KEY_7 = "key_7"
    KEY_8 = "key_8"
    KEY_9 = "key_9"
    KEY_0_HANGS_UP = "key_0_hangs_up"  # asks for an operator, and does not wait for one
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    MACHINE = "machine"
    FAILED = "failed"
    # SMS
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    NO_CREDITS = "no_credits"
    REPLIES_STOP = "replies_stop"
    REPLIES_QUESTION = "replies_question"
    # phone and SMS
    NO_RECEIPT = "no_receipt"
    LATE_RECEIPT = "late_receipt"
    DUPLICATE_RECEIPT = "duplicate_receipt"
    REORDERED_RECEIPTS = "reordered_receipts"  # what was before the end is told after it
    BAD_NUMBER = "bad_number"
    REJECTED = "rejected"
    THROTTLED = "throttled"
    HTML_502 = "html_502"
    # e-mail
    ACCEPTED = "accepted"
    NO_SUCH_MAILBOX = "550"
    TRY_LATER = "450"
    FULL = "full"
    SLOW = "slow"
    # anywhere
    TIMEOUT_AFTER_ACCEPT = "timeout_after_accept"
    DROP_AFTER_ACCEPT = "drop_after_accept"


_F = Fate
_HTTP = {_F.NO_RECEIPT, _F.LATE_RECEIPT, _F.DUPLICATE_RECEIPT, _F.REORDERED_RECEIPTS}
_HTTP |= {_F.BAD_NUMBER, _F.REJECTED, _F.THROTTLED, _F.HTML_502}
_HTTP |= {_F.TIMEOUT_AFTER_ACCEPT, _F.DROP_AFTER_ACCEPT}
# The fates that press a key, and which.
KEYS: Mapping[Fate, str] = {
    fate: fate.value[len("key_")] for fate in Fate if fate.value.startswith("key_")
}
_TALK = {_F.HEARD, _F.HUNG_UP, _F.BUSY, _F.NO_ANSWER, _F.DECLINED, _F.MACHINE}
_TALK |= {_F.FAILED, *KEYS}
_TEXT = {_F.DELIVERED, _F.UNDELIVERED, _F.NO_CREDITS}
_TEXT |= {_F.REPLIES_STOP, _F.REPLIES_QUESTION}
_MAIL = {_F.ACCEPTED, _F.NO_SUCH_MAILBOX, _F.TRY_LATER, _F.FULL, _F.SLOW}
_MAIL |= {_F.TIMEOUT_AFTER_ACCEPT, _F.DROP_AFTER_ACCEPT}
FATES: dict[ChannelName, frozenset[Fate]] = {
    ChannelName.PHONE: frozenset(_HTTP | _TALK),
    ChannelName.SMS: frozenset(_HTTP | _TEXT),
    ChannelName.EMAIL: frozenset(_MAIL),
}


def _fate(value: object) -> object:
    """`550` and `450` may be written without quotes, `drop` is short for the drop of a letter."""
    text = str(value)
    return {"drop": Fate.DROP_AFTER_ACCEPT.value}.get(text, text)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Strict):
    """One line of the table: which contact points, on which channel, and what happens to them.

    Exactly one of `ends` (last digits of a number), `regex` (the whole contact point) and
    `address` (with * and ?) is given. `share` is how much of the message a caller hears before
    hanging up or pressing a key; `hours` how late a receipt comes; `seconds` how slow an answer.
    """

    channel: ChannelName
    outcome: Annotated[Fate, BeforeValidator(_fate)]
    ends: str | None = Field(default=None, pattern=r"^\d{1,15}$")
    regex: str | None = None
    address: str | None = None
    share: float | None = Field(default=None, gt=0, le=1)
    hours: float | None = Field(default=None, gt=0, le=24 * 60)
    seconds: float | None = Field(default=None, gt=0, le=600)

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if sum(matcher is not None for matcher in (self.ends, self.regex, self.address)) != 1:
            raise ValueError(_("exactly one of ends, regex and address is needed"))
        if self.outcome not in FATES[self.channel]:
            raise ValueError(
                _("{outcome} cannot happen on {channel}; possible are {possible}").format(
                    outcome=self.outcome.value,
                    channel=self.channel.value,
                    possible=", ".join(sorted(FATES[self.channel])),
                )
            )
        if self.regex is not None:
            try:
                re.compile(self.regex)
            except re.error as error:
                raise ValueError(_("regex is not valid: {why}").format(why=error)) from None
        return self

    def fits(self, contact_point: str) -> bool:
        if self.ends is not None:
            return contact_point.endswith(self.ends)
        if self.regex is not None:
            return re.fullmatch(self.regex, contact_point) is not None
        return fnmatchcase(contact_point.lower(), (self.address or "").lower())


class Patterns(_Strict):
    """The whole table. The first fitting rule decides; the rest follow the weighted mix."""

    rules: tuple[Rule, ...] = ()
    operator: Operators = Operators()
    mix: Mapping[ChannelName, Mapping[str, float]]

    @model_validator(mode="after")
    def _mix_is_sound(self) -> Self:
        for channel in ChannelName:
            weights = self.mix.get(channel, {})
            strange = [name for name in weights if _fate(name) not in FATES[channel]]
            if strange:
                raise ValueError(
                    _("mix.{channel}: {outcome} cannot happen there").format(
                        channel=channel.value, outcome=strange[0]
                    )
                )
            if any(weight < 0 for weight in weights.values()) or not sum(weights.values()):
                raise ValueError(
                    _("mix.{channel} needs weights, none below zero and not all zero").format(
                        channel=channel.value
                    )
                )
        return self

    @cached_property
    def _by_ending(self) -> dict[tuple[ChannelName, str], int]:
        found: dict[tuple[ChannelName, str], int] = {}
        for number, rule in enumerate(self.rules):
            if rule.ends is not None:
                found.setdefault((rule.channel, rule.ends), number)
        return found

    @cached_property
    def _searched(self) -> dict[ChannelName, list[int]]:
        return {
            channel: [
                number
                for number, rule in enumerate(self.rules)
                if rule.channel is channel and rule.ends is None
            ]
            for channel in ChannelName
        }

    def rule_for(self, channel: ChannelName, contact_point: str) -> Rule | None:
        """The first rule that fits. Endings are looked up, so a long table costs nothing."""
        endings = (contact_point[-length:] for length in range(1, min(15, len(contact_point)) + 1))
        fitting = [n for e in endings if (n := self._by_ending.get((channel, e))) is not None]
        first = min(fitting, default=len(self.rules))
        for number in self._searched[channel]:
            if number >= first:
                break
            if self.rules[number].fits(contact_point):
                return self.rules[number]
        return self.rules[first] if fitting else None

    def drawn(self, channel: ChannelName, chance: float) -> Fate:
        """The fate at a point between 0 and 1 of the channel's weights."""
        weights = self.mix[channel]
        point = chance * sum(weights.values())
        for name, weight in weights.items():
            point -= weight
            if point < 0:
                return Fate(str(_fate(name)))
        return Fate(str(_fate(list(weights)[-1])))


def load_patterns(path: Path | None = None) -> Patterns:
    """The built-in table or another file. Raises Refused with every mistake found in it."""
    path = path or BUILT_IN
    try:
        return Patterns.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except (OSError, UnicodeDecodeError) as error:
        raise Refused([_unreadable(path, type(error).__name__)]) from error
    except tomllib.TOMLDecodeError as error:
        raise Refused([_unreadable(path, str(error))]) from error
    except ValidationError as error:
        raise Refused(
            [_mistake(path, found["loc"], found["msg"]) for found in error.errors()]
        ) from (error)


def _unreadable(path: Path, why: str) -> Problem:
    return Problem(
        code="patterns_unreadable",
        message=_("The table of the sandbox cannot be read: {why}.").format(why=why),
        advice=_("Compare it with the built-in table in channels/sandbox/patterns.toml."),
        file=str(path),
    )


def _mistake(path: Path, place: tuple[int | str, ...], why: str) -> Problem:
    # Rules are counted from 1, as a person counts them in the file.
    field = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
    return Problem(
        code="patterns_invalid",
        message=why.removeprefix("Value error, "),
        advice=_("Mend this line of the table; docs/sandbox.md explains it."),
        file=str(path),
        field=field or None,
    )
