"""What becomes of calls that are switched to operators: the table [operator] of patterns.toml."""

from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from templates.i18n import _

_Seconds = Annotated[float, Field(gt=0, le=3600)]


class OperatorFate(StrEnum):
    """What becomes of a call to an operator."""

    ANSWERS = "answers"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"


class OperatorRule(BaseModel):
    """What happens at one operator's: a number by its last digits, or an address with * and ?."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: OperatorFate
    ends: str | None = Field(default=None, pattern=r"^\d{1,15}$")
    address: str | None = None

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if (self.ends is None) == (self.address is None):
            raise ValueError(_("exactly one of ends and address is needed"))
        return self

    def fits(self, address: str) -> bool:
        if self.ends is not None:
            return address.endswith(self.ends)
        return fnmatchcase(address.lower(), (self.address or "").lower())


class Operators(BaseModel):
    """The operators that calls are switched to. The first fitting rule decides; else the shares:
    `answers` of the calls are taken, `busy` find the line engaged, the rest ring in vain.

    Who answers does so after `rings_seconds` and talks for `talk_seconds`: from the first of the
    two numbers to the second.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    answers: float = Field(default=0.8, ge=0, le=1)
    busy: float = Field(default=0.1, ge=0, le=1)
    rings_seconds: tuple[_Seconds, _Seconds] = (3.0, 12.0)
    talk_seconds: tuple[_Seconds, _Seconds] = (30.0, 180.0)
    rules: tuple[OperatorRule, ...] = ()

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if self.answers + self.busy > 1:
            raise ValueError(_("answers and busy are shares, together at most 1"))
        if any(low > high for low, high in (self.rings_seconds, self.talk_seconds)):
            raise ValueError(_("the first of two numbers of seconds is the smaller one"))
        return self

    def fate(self, address: str, chance: float) -> OperatorFate:
        """What happens at this operator's, at a point between 0 and 1 of the shares."""
        for rule in self.rules:
            if rule.fits(address):
                return rule.outcome
        if chance < self.answers:
            return OperatorFate.ANSWERS
        return OperatorFate.BUSY if chance < self.answers + self.busy else OperatorFate.NO_ANSWER
