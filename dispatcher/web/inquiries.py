"""Inquiries: the register with its deadlines, and everything about one of them."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated

from fastapi import Form, Request
from starlette.datastructures import QueryParams
from starlette.responses import Response

from campaigns.inquiry.rules import Topic
from campaigns.inquiry.status import OPEN, CloseReason, InquiryChannel, InquiryStatus
from dispatcher.access.roles import Right
from dispatcher.engine import Engine
from dispatcher.errors import NotFound, NotPossible
from dispatcher.inquiries import desk, words
from dispatcher.inquiries.whole import about, act_words, is_overdue, look_up
from dispatcher.ledger import inquiry_lists, letters, trail
from dispatcher.ledger.inquiry_lists import ALL, Wanted, owed_on
from dispatcher.mailrobot.reasons import reason_words
from dispatcher.report.words import word
from dispatcher.web.rendering import go, render
from dispatcher.web.screens import Asker, Engined, Screens
from templates.answers import missing_words
from templates.i18n import _
from templates.phrases import phrases

screens = Screens()

SHOWN = 100
MOST_SHOWN = 1000
# What a page of the register may be asked for.
_OPEN, _OVERDUE, _OVER, _ALL = "open", "overdue", "over", "all"


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for in the register, as it stands in the address of the page."""

    which: str = _OPEN
    topic: Topic | None = None
    channel: InquiryChannel | None = None
    branch: str = ""
    mine: bool = False
    shown: int = SHOWN

    @classmethod
    def of(cls, query: QueryParams) -> "Asked":
        """What is no choice of ours is left out."""
        asked = cls(
            which=query.get("which", _OPEN),
            branch=query.get("branch", "")[:100],
            mine=query.get("mine") == "yes",
        )
        with suppress(ValueError):
            asked = replace(asked, topic=Topic(query.get("topic", "")))
        with suppress(ValueError):
            asked = replace(asked, channel=InquiryChannel(query.get("channel", "")))
        with suppress(ValueError):
            wanted = int(query.get("shown", SHOWN))
            asked = replace(asked, shown=max(1, min(wanted, MOST_SHOWN)))
        return asked

    def wanted(self, today: date, login: str) -> Wanted:
        statuses = {_ALL: ALL, _OVER: ALL - OPEN}.get(self.which, OPEN)
        return Wanted(
            statuses=frozenset(statuses),
            topic=self.topic,
            channel=self.channel,
            branch=self.branch,
            person=login if self.mine else "",
            overdue_on=today if self.which == _OVERDUE else None,
        )


@screens.page("/inquiries", Right.SEE_PERSONS)
def register(request: Request, engine: Engined, person: Asker) -> Response:
    asked, today = Asked.of(request.query_params), desk.today(engine, engine.clock.now())
    wanted = asked.wanted(today, person.login)
    with engine.ledger.read() as tx:
        found = inquiry_lists.found(tx, wanted, asked.shown)
        count = inquiry_lists.count(tx, wanted)
        overdue = inquiry_lists.count(tx, Wanted(overdue_on=today))
    return render(
        request,
        "inquiries.html",
        asked=asked,
        found=found,
        count=count,
        overdue=overdue,
        today=today,
        most=MOST_SHOWN,
        which={
            _OPEN: _("Waiting for an answer"),
            _OVERDUE: _("Past their day"),
            _OVER: _("Over"),
            _ALL: _("All"),
        },
        topics=words.topics(),
        channels=words.channels(),
        branches=sorted(engine.settings.branches.values()),
        about=about,
        owed_on=owed_on,
        is_overdue=is_overdue,
        status_words=words.statuses(),
    )


@screens.page("/inquiries/{number}", Right.SEE_PERSONS)
def show(request: Request, engine: Engined, number: str) -> Response:
    return _page(request, engine, number)


@screens.act("/inquiries/{number}/assign", Right.EDIT)
def assign(
    request: Request,
    engine: Engined,
    person: Asker,
    number: str,
    to: Annotated[str, Form()] = "",
    head: Annotated[str, Form()] = "",
) -> Response:
    try:
        desk.assign(engine, number, to.strip(), person.login, head.strip())
    except NotPossible as error:
        return _page(request, engine, number, "assign", str(error), {"to": to, "head": head})
    return go(request, f"/inquiries/{number}", _("The inquiry is with the specialist."))


@screens.act("/inquiries/{number}/answer", Right.EDIT)
def answer(
    request: Request,
    engine: Engined,
    person: Asker,
    number: str,
    text: Annotated[str, Form()] = "",
) -> Response:
    try:
        desk.answer(engine, number, text, person.login)
    except NotPossible as error:
        return _page(request, engine, number, "answer", str(error), {"text": text})
    return go(request, f"/inquiries/{number}", _("The answer is written; it goes within a minute."))


@screens.act("/inquiries/{number}/interim", Right.EDIT)
def interim(
    request: Request,
    engine: Engined,
    person: Asker,
    number: str,
    text: Annotated[str, Form()] = "",
    until: Annotated[str, Form()] = "",
) -> Response:
    try:
        desk.interim(engine, number, text, _day(until), person.login)
    except NotPossible as error:
        typed = {"text": text, "until": until}
        return _page(request, engine, number, "interim", str(error), typed)
    return go(request, f"/inquiries/{number}", _("The customer is told that the answer follows."))


@screens.act("/inquiries/{number}/close", Right.EDIT)
def close(
    request: Request,
    engine: Engined,
    person: Asker,
    number: str,
    reason: Annotated[str, Form()] = "",
) -> Response:
    if reason not in set(CloseReason):
        why = _("Choose why it is closed.")
        return _page(request, engine, number, "close", why, {"reason": reason})
    try:
        desk.close(engine, number, CloseReason(reason), person.login)
    except NotPossible as error:
        return _page(request, engine, number, "close", str(error), {"reason": reason})
    return go(request, f"/inquiries/{number}", _("The inquiry is closed."))


@screens.act("/inquiries/{number}/reopen", Right.EDIT)
def reopen(request: Request, engine: Engined, person: Asker, number: str) -> Response:
    desk.reopen(engine, number, person.login)
    return go(request, f"/inquiries/{number}", _("The inquiry is open again."))


@screens.act("/inquiries/{number}/letters/{letter_id}", Right.EXPORT)
def original(
    request: Request,  # noqa: ARG001
    engine: Engined,
    person: Asker,
    number: str,
    letter_id: int,
) -> Response:
    """A letter as it came, for a mail program; never shown by us."""
    now = engine.clock.now()
    with engine.ledger.write() as tx:
        whole = look_up(tx, number)
        if letter_id not in {letter.id for letter in whole.letters}:
            raise NotFound(_("letter"), str(letter_id))
        found = letters.original(tx, letter_id)
        subject = f"inquiry:{whole.inquiry.id}"
        trail.note(tx, now, person.login, "export.letter", subject, letter=letter_id)
    headers = {"Content-Disposition": f'attachment; filename="{number}-{letter_id}.eml"'}
    return Response(found.content, media_type="application/octet-stream", headers=headers)


def _page(
    request: Request,
    engine: Engine,
    number: str,
    wrong_in: str = "",
    wrong: str = "",
    typed: Mapping[str, str] | None = None,
) -> Response:
    """An inquiry, with what was typed into one of its forms and what is wrong with that."""
    today = desk.today(engine, engine.clock.now())
    with engine.ledger.read() as tx:
        whole = look_up(tx, number)
    one = whole.inquiry
    language = one.language if one.language in ("ru", "en") else "ru"
    return render(
        request,
        "inquiry.html",
        422 if wrong else 200,
        whole=whole,
        one=one,
        answer_to=desk.goes_to(engine, one),
        today=today,
        owed_on=owed_on(one),
        late=is_overdue(one, today),
        is_open=one.status in OPEN,
        may_interim=one.status in OPEN - {InquiryStatus.INTERIM},
        phrases=phrases(language, one.topic.value, one.account_number or ""),
        reasons=words.close_reasons(),
        wrong_in=wrong_in,
        wrong=wrong,
        typed=typed or {},
        about=about,
        act_words=act_words,
        reason_words=reason_words,
        missing_words=missing_words,
        words=words,
        word=word,
    )


def _day(text: str) -> date:
    """The day of a field, as browsers send it. Raises NotPossible."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise NotPossible(_("Choose the day by which the answer will come.")) from None
