"""What may stand in a file of rules for inquiries, row by row, and what each of them must be.

Errors carry stable codes; `rules_file` puts them into words.
"""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from campaigns.contact import BadContact, classify_email
from campaigns.inquiry.account_pattern import DEFAULT, check_account_pattern
from campaigns.inquiry.dictionary import LONGEST_WORD, seen_words
from campaigns.inquiry.rules import Periods, Topic
from campaigns.recipient import Segment
from campaigns.scenario import Strict

LONGEST_PHRASE = 8  # words, small ones not counted
MOST_ROWS = 500
MOST_SAID = 2000  # words or phrases of one rule
_PERIODS = Periods()

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# Staff may have addresses that the world does not know.
_INTERNAL = re.compile(r"[a-z0-9._+-]{1,64}@[a-z0-9.-]{1,180}\.(?:local|internal|lan|corp)")
_BEGINNING = re.compile(r"[^\W_][\w/-]{0,31}")


def _email(text: str) -> str:
    text = text.strip()
    if _INTERNAL.fullmatch(text.lower()):
        return text.lower()
    found = classify_email(text)
    if isinstance(found, BadContact):
        raise PydanticCustomError("bad_email", "an e-mail address is expected")
    return found.address


def _sender(text: str) -> str:
    """An address, or `*@example.com` for everybody there."""
    wanted = text.strip().lower()
    if wanted.startswith("*@"):
        _email("anybody" + wanted[1:])
        return wanted
    return _email(wanted).lower()


def _phone(text: str) -> str:
    bare = re.sub(r"[ ()\u00a0-]", "", text)
    if text and not _E164.fullmatch(bare):
        raise PydanticCustomError("bad_phone", "a telephone number is expected")
    return bare


def _line(text: str) -> str:
    text = " ".join(text.split())
    if not text.isprintable() or len(text) > 100:
        raise PydanticCustomError("bad_line", "one short line is expected")
    return text


def _word(text: str) -> str:
    _said(text)
    if len(text.split()) > 1:
        raise PydanticCustomError("word_with_space", "one word is expected")
    return text


def _said(text: str) -> str:
    words = seen_words(text)
    if not words or max(map(len, words)) > LONGEST_WORD:
        raise PydanticCustomError("says_nothing", "a word is expected that says something")
    if len(words) > LONGEST_PHRASE:
        raise PydanticCustomError("long_phrase", "a shorter phrase is expected")
    return text


def _beginning(text: str) -> str:
    if not _BEGINNING.fullmatch(text):
        raise PydanticCustomError("bad_beginning", "the first digits of accounts are expected")
    return text


def _account_pattern(text: str) -> str:
    reason = check_account_pattern(text)
    if reason is not None:
        raise PydanticCustomError("bad_pattern", "a safe pattern is expected")
    return text


def _name(text: str) -> str:
    text = _line(text)
    if not text:
        raise PydanticCustomError("bad_line", "a name is expected")
    return text


def _no_bool(value: object) -> object:
    """In TOML `true` is no number."""
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "a number is expected")
    return value


Email = Annotated[str, AfterValidator(_email)]
OptionalEmail = Annotated[str, AfterValidator(lambda text: _email(text) if text.strip() else "")]
Sender = Annotated[str, AfterValidator(_sender)]
Word = Annotated[str, AfterValidator(_word)]
Phrase = Annotated[str, AfterValidator(_said)]
Beginning = Annotated[str, AfterValidator(_beginning)]
Days = Annotated[int, BeforeValidator(_no_bool), Field(ge=0, le=365)]
SomeDays = Annotated[int, BeforeValidator(_no_bool), Field(ge=1, le=365)]


class TopicRow(Strict):
    topic: Topic
    words: tuple[Word, ...] = Field(default=(), max_length=MOST_SAID)
    phrases: tuple[Phrase, ...] = Field(default=(), max_length=MOST_SAID)
    senders: tuple[Sender, ...] = ()
    mailboxes: tuple[Email, ...] = ()
    accounts: tuple[Beginning, ...] = ()
    weight: Annotated[float, BeforeValidator(_no_bool)] = Field(default=1.0, gt=0, le=10)

    @model_validator(mode="after")
    def _says_when(self) -> "TopicRow":
        if not (self.words or self.phrases or self.senders or self.mailboxes or self.accounts):
            raise PydanticCustomError("empty_rule", "a rule that fits something is expected")
        return self


class RouteRow(Strict):
    person: Email
    head: OptionalEmail = ""
    topics: tuple[Topic, ...] = ()
    branches: tuple[Annotated[str, AfterValidator(_name)], ...] = ()
    segments: tuple[Segment, ...] = ()


class BranchRow(Strict):
    name: Annotated[str, AfterValidator(_name)]
    phone: Annotated[str, AfterValidator(_phone)] = ""
    hours: Annotated[str, AfterValidator(_line)] = ""
    accounts: tuple[Beginning, ...] = ()


class PeriodsRow(Strict):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    respond_days: SomeDays = _PERIODS.respond_days
    respond_in_working_days: bool = _PERIODS.respond_in_working_days
    form_working_days: SomeDays = _PERIODS.form_working_days
    answer_days: SomeDays = _PERIODS.answer_days
    interim_days: SomeDays = _PERIODS.interim_days
    extension_days: Days = _PERIODS.extension_days
    remind_working_days: Days = _PERIODS.remind_working_days


class RulesFile(Strict):
    """The whole file. `replace` drops the built-in topics."""

    replace: Annotated[bool, Field(strict=True)] = False
    account_pattern: Annotated[str, AfterValidator(_account_pattern)] = DEFAULT
    topic: tuple[TopicRow, ...] = Field(default=(), max_length=MOST_ROWS)
    route: tuple[RouteRow, ...] = Field(default=(), max_length=MOST_ROWS)
    branch: tuple[BranchRow, ...] = Field(default=(), max_length=MOST_ROWS)
    periods: PeriodsRow = PeriodsRow()


ROWS: dict[str, type[Strict]] = {
    "topic": TopicRow,
    "route": RouteRow,
    "branch": BranchRow,
    "periods": PeriodsRow,
}


def covers(former: RouteRow, later: RouteRow) -> bool:
    """Whether nothing is left for a later route."""

    def all_of(first: Sequence[str], second: Sequence[str]) -> bool:
        return not first or (bool(second) and set(second) <= set(first))

    return (
        all_of(former.topics, later.topics)
        and all_of(
            [one.casefold() for one in former.branches], [one.casefold() for one in later.branches]
        )
        and all_of(former.segments, later.segments)
    )
