"""The words of what the mail-robot writes: to customers, to specialists and to their heads.

    answers/frame.html                       the sheet that every letter's HTML stands in
    answers/signature.txt signature.html     under what customers are sent
    answers/<kind>/subject.txt body.txt body.html

Each of them but the frame has an English twin (`body.en.txt`). The style is the standard's
(chapter 8, section 5). Values are strangers' words: one line each, escaped in HTML, and of what a
customer wrote only a quote goes back (`templates.quoting`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path

from templates.folder import LANGUAGES, twin
from templates.greeting import as_written, greet, looks_like_a_name
from templates.i18n import _, speaking
from templates.neutral import one_line
from templates.quoting import quote
from templates.render import compile_template

__all__ = [
    "FOR_STAFF",
    "WRITTEN_BY_STAFF",
    "AnswerKind",
    "AnswerValues",
    "AnswerWords",
    "PassedOn",
    "called",
    "channel_words",
    "missing_words",
    "number_in",
    "quote",
    "render_answer",
    "topic_words",
]

ANSWERS = Path(__file__).parent / "answers"
LONGEST_SUBJECT = 60  # of the customer's subject, said back
_LONGEST_TEXT = 30_000  # characters of a text that is told whole
_LONGEST_WHOLE_SUBJECT = 500
_MOST_LINES = 1_500
_HOLES = re.compile(r"\n\s*\n")
_LINE_END = re.compile(r"\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]")
_BEFORE_A_SUBJECT = re.compile(r"\s*(?:(?:re|fwd?|ответ|отв)\s*(?:\[\d{1,3}\])?\s*:\s*)", re.I)
_NUMBER = re.compile(r"(?<![0-9])20[0-9]{2}-[0-9]{6,9}(?![0-9])")
_DEPARTMENT = {
    "ru": {"company_signer": "", "company_signer_post": "Отдел обслуживания клиентов"},
    "en": {"company_signer": "", "company_signer_post": "Customer service"},
}


class AnswerKind(StrEnum):
    """What is written. The last two go to staff, the others to customers."""

    ACKNOWLEDGEMENT = "acknowledgement"  # a new inquiry is registered
    ADDED = "added"  # words added to an inquiry, or the same question again
    STOPPED = "stopped"  # no more letters: done
    FORM = "form"  # of the site: thanks, and by when it is looked at
    INTERIM = "interim"  # staff: it takes longer
    ANSWER = "answer"  # staff: in substance
    ROUTE = "route"  # to the specialist
    REMINDER = "reminder"  # of a deadline


class PassedOn(StrEnum):
    """What a letter to a specialist brings: an order, or news of one that they have."""

    NEW = "new"
    ADDED = "added"  # the customer, or somebody else, wrote more about it
    REPEATED = "repeated"  # the same question again
    HANDED_OVER = "handed_over"  # staff gave it to somebody else


FOR_STAFF = frozenset({AnswerKind.ROUTE, AnswerKind.REMINDER})
WRITTEN_BY_STAFF = frozenset({AnswerKind.INTERIM, AnswerKind.ANSWER})


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerValues:
    """What a letter of ours may say. Whatever is not known stays empty and is left out.

    `topic`, `channel` and `missing` hold the values of `campaigns.inquiry`'s enumerations.
    """

    language: str = "ru"  # the customer's
    # the inquiry
    number: str = ""
    channel: str = "email"
    received_on: date | None = None
    subject: str = ""  # the customer's
    question: str = ""  # what the customer wrote, whole
    topic: str = "other"
    confidence: float = 0.0
    missing: Sequence[str] = ()
    readings: Sequence[str] = ()
    respond_on: date | None = None  # by when a specialist looks at it
    answer_on: date | None = None  # by when the answer in substance comes
    working_days: int = 3  # in which a form is looked at
    is_repeated: bool = False  # `added`: the same question again
    # the customer
    name: str = ""
    patronymic: str = ""
    customer: str = ""  # as staff know them
    contact_point: str = ""
    account_number: str = ""
    # who can be reached; the company's telephone where the branch has none
    branch: str = ""
    phone: str = ""
    hours: str = ""
    # staff
    text: str = ""  # their own words: `interim`, `answer`
    person: str = ""
    due_on: date | None = None  # `reminder`
    is_overdue: bool = False
    is_answer_due: bool = False  # the answer in substance, not the first one
    also_due_on: date | None = None  # the answer in substance, where both are told of
    is_also_overdue: bool = False
    passed_on: PassedOn = PassedOn.NEW
    letters: int = 0  # about the inquiry so far, with this one
    first_question: str = ""  # what it began with, where more was written
    stranger: str = ""  # who wrote this one, where it was not the customer's address
    follows: str = ""  # the number of the inquiry that it goes on with
    how_to_stop: bool = False  # `form`: they want no more letters


@dataclass(frozen=True, slots=True)
class AnswerWords:
    subject: str
    text: str
    html: str


def render_answer(
    kind: AnswerKind, language: str, values: AnswerValues, supplier: Mapping[str, str]
) -> AnswerWords:
    """The words of one letter. `supplier` is what every template may say about us.

    Raises RenderError where the words cannot be made; nothing of the values is in it.
    """
    language = language if language in LANGUAGES else "ru"
    seen = {**_DEPARTMENT[language], **supplier, **_seen(kind, language, values, supplier)}
    subject = one_line(_filled(kind, "subject.txt", language, seen))
    body = _HOLES.sub("\n\n", _filled(kind, "body.txt", language, seen)).strip()
    html = _filled(kind, "body.html", language, {**seen, "title": subject})
    return AnswerWords(subject, body + "\n", html)


def number_in(subject: str) -> str | None:
    """The registration number in a subject: `2026-000123`."""
    found = _NUMBER.search(subject)
    return found[0] if found else None


def called(values: AnswerValues) -> tuple[str, str]:
    """Name and patronymic, where they may be said; a stranger's may be an advertisement."""
    names = as_written(values.name), as_written(values.patronymic)
    return names if all(looks_like_a_name(one) for one in names if one) else ("", "")


def topic_words(topic: str) -> str:
    """A topic as people call it, in the current language."""
    known = {
        "complaint": _("complaint"),
        "reading": _("meter readings"),
        "billing": _("charges and payment"),
        "connection": _("connection to the grid"),
        "outage": _("power outage"),
        "contract": _("contract"),
        "thanks": _("thanks"),
    }
    return known.get(topic, _("another question"))


def channel_words(channel: str) -> str:
    known = {
        "sms": "SMS",
        "email": _("e-mail letter"),
        "form": _("form on the site"),
        "phone": _("telephone call"),
    }
    return known.get(channel, channel)


def missing_words(missing: str) -> str:
    """What an inquiry lacks, as staff are told it."""
    known = {
        "account": _("account number"),
        "contact": _("how to reach the customer"),
        "text": _("a text that can be read"),
    }
    return known.get(missing, missing)


def _seen(
    kind: AnswerKind, language: str, values: AnswerValues, supplier: Mapping[str, str]
) -> dict[str, object]:
    """Everything that the texts of any kind may name."""
    asked = _asked(values)
    told = values.text if kind in WRITTEN_BY_STAFF else asked
    with speaking(language):
        words = {
            "topic": topic_words(values.topic),
            "channel": channel_words(values.channel),
            "missing": ", ".join(map(missing_words, values.missing)),
        }
    return {
        **words,
        "greeting": greet(*called(values), language),
        "number": values.number,
        "subject": quote(_without_marks(values.subject), LONGEST_SUBJECT),
        "whole_subject": one_line(values.subject[:_LONGEST_WHOLE_SUBJECT]),
        "quote": quote(asked),
        "accounts": _lines(told) if kind in WRITTEN_BY_STAFF | FOR_STAFF else [],
        "has_words": bool(told.strip()),
        "is_other": values.topic == "other",
        "is_thanks": values.topic == "thanks",
        "is_outage": values.topic == "outage",
        "confidence": round(100 * values.confidence),
        "received_on": values.received_on,
        "respond_on": values.respond_on,
        "answer_on": values.answer_on,
        "working_days": values.working_days,
        "is_repeated": values.is_repeated,
        "asks_account": "account" in values.missing,
        "asks_contact": "contact" in values.missing,
        "asks_text": "text" in values.missing,
        "readings": "; ".join(values.readings),
        "customer": one_line(values.customer),
        "contact_point": values.contact_point,
        "account_number": values.account_number,
        "branch": values.branch,
        "phone": values.phone or supplier.get("company_phone", ""),
        "hours": values.hours,
        "person": values.person,
        "due_on": values.due_on,
        "is_overdue": values.is_overdue,
        "is_answer_due": values.is_answer_due,
        "also_due_on": values.also_due_on,
        "is_also_overdue": values.is_also_overdue,
        "is_new": values.passed_on is PassedOn.NEW,
        "is_more": values.passed_on is PassedOn.ADDED,
        "is_again": values.passed_on is PassedOn.REPEATED,
        "is_handed_over": values.passed_on is PassedOn.HANDED_OVER,
        "letters": values.letters,
        "first_quote": quote(values.first_question),
        "stranger": one_line(values.stranger),
        "follows": values.follows,
        "how_to_stop": values.how_to_stop,
    }


def _asked(values: AnswerValues) -> str:
    """The customer's words; who writes nothing but a subject asks by it."""
    if values.question.strip() or "text" in values.missing:
        return values.question
    return one_line(_without_marks(values.subject))


def _without_marks(subject: str) -> str:
    """A subject without “Re:”, “Fwd:” and our own number, which stand before and behind it anew."""
    rest = subject[:_LONGEST_WHOLE_SUBJECT]
    while found := _BEFORE_A_SUBJECT.match(rest):
        rest = rest[found.end() :]
    return _NUMBER.sub("", rest)


def _lines(text: str) -> list[dict[str, str]]:
    """A text line by line, as the one loop that templates have can tell it."""
    lines = [line.rstrip() for line in _LINE_END.split(text[:_LONGEST_TEXT].strip())]
    return [{"text": line} for line in lines[:_MOST_LINES]]


def _filled(kind: AnswerKind, file: str, language: str, seen: Mapping[str, object]) -> str:
    template = compile_template(
        _text(kind, file, language), file=f"{kind}/{file}", html=file.endswith(".html")
    )
    return template.render(seen, language)


@cache
def _text(kind: AnswerKind, file: str, language: str) -> str:
    """The template of a file with what belongs around it."""
    text = (ANSWERS / kind / twin(file, language)).read_text(encoding="utf-8")
    if file != "subject.txt" and kind not in FOR_STAFF:
        signature = twin(file.replace("body", "signature"), language)
        text = f"{text}\n{(ANSWERS / signature).read_text(encoding='utf-8')}"
    if file == "body.html":
        text = (ANSWERS / "frame.html").read_text(encoding="utf-8").replace("<!-- words -->", text)
    return text
