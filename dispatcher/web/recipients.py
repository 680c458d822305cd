"""Recipients: a customer found, everything that was said to them, and the proof of it on paper.

Nothing personal stands in an address: one looks for a customer by a form, and a page is known by
the number of a row of a list. Who looked for somebody, and who saw a proof, is in the journal.
"""

from typing import Annotated

from fastapi import Form, Request
from starlette.responses import Response

from campaigns.consent import Suppression
from campaigns.permission import point_party
from dispatcher.access.roles import Person, Right
from dispatcher.engine import Engine
from dispatcher.errors import NotFound
from dispatcher.inquiries import words as inquiry_words
from dispatcher.ledger import Transaction, suppressions, trail
from dispatcher.report import words as report_words
from dispatcher.stop_list import reason_title
from dispatcher.story import search, times, words
from dispatcher.story.customer import Story, heard, known, stops_of, story_of
from dispatcher.story.paper import paper_of
from dispatcher.web.rendering import go, render
from dispatcher.web.screens import Asker, Engined, Screens
from dispatcher.web.stop_form import (
    LONGEST_REASON,
    StopForm,
    Typed,
    channel_options,
    purpose_options,
)
from templates.i18n import _

screens = Screens()


@screens.page("/recipients", Right.SEE_PERSONS)
def look_for(request: Request) -> Response:
    return render(request, "recipients.html", wanted="", found=None)


@screens.act("/recipients", Right.SEE_PERSONS)
def found(
    request: Request, engine: Engined, person: Asker, wanted: Annotated[str, Form()] = ""
) -> Response:
    """Shown at once, not after a redirect: what was typed must not stand in an address."""
    with engine.ledger.read() as tx:
        result = search.search(tx, wanted)
    _note(engine, person, "recipients.search", "recipients", found=len(result.customers))
    text = wanted[: search.LONGEST_TEXT]
    return render(request, "recipients.html", wanted=text, found=result)


@screens.page("/recipients/{recipient_id}", Right.SEE_PERSONS)
def recipient(request: Request, engine: Engined, recipient_id: int) -> Response:
    return _page(request, engine, recipient_id, StopForm())


@screens.page("/recipients/{recipient_id}/proof", Right.EXPORT)
def proof(
    request: Request,
    engine: Engined,
    person: Asker,
    recipient_id: int,
    points: str = "",
    campaign: int = 0,
) -> Response:
    """`points=masked` hides contact points; `campaign` tells of one campaign alone."""
    with engine.ledger.read() as tx:
        rows, said = heard(tx, engine, recipient_id)
    paper = paper_of(rows, said, campaign_id=campaign or None, is_masked=points == "masked")
    subject = f"recipient:{recipient_id}"
    _note(engine, person, "export.proof", subject, rows=len(paper.lines))
    return render(request, "proof.html", paper=paper, engine=engine, times=times)


@screens.act("/recipients/{recipient_id}/stop", Right.EDIT)
def stop(
    request: Request, engine: Engined, person: Asker, recipient_id: int, typed: Typed
) -> Response:
    """Put the account, or one contact point of it, on the stop-list."""
    now = engine.clock.now()
    typed.check_reason()
    until_at = typed.until_at(engine.settings.zone, now)

    def act(tx: Transaction) -> bool | None:
        customer = known(tx, recipient_id)
        point = next((p for p in customer.points if point_party(p) == typed.party), None)
        if customer.is_erased or (typed.party != "account" and point is None):
            typed.wrong["party"] = _("This customer has no such contact any more.")
        if typed.wrong:
            return None
        is_account = typed.party == "account"
        entry = Suppression(
            reason=typed.reason,
            account_number=customer.row.account_number if is_account else None,
            contact_point=None if is_account else point,
            channel=typed.on_channel,
            purpose=typed.for_purpose,
            until_at=until_at,
        )
        return suppressions.add(tx, entry, person.login, now)

    added = engine.ledger.insist(act)
    if added is None:
        return _page(request, engine, recipient_id, typed, 422)
    told = _("On the stop-list.") if added else _("It was on the stop-list already.")
    return go(request, f"/recipients/{recipient_id}", told)


@screens.act("/recipients/{recipient_id}/lift/{entry_id}", Right.EDIT)
def lift(
    request: Request,
    engine: Engined,
    person: Asker,
    recipient_id: int,
    entry_id: int,
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Take one of the customer's entries off the stop-list."""
    why = " ".join(reason.split())[:LONGEST_REASON]
    if not why:
        wrong = {f"lift-{entry_id}": _("Write why: somebody will ask.")}
        return _page(request, engine, recipient_id, StopForm(wrong=wrong), 422)
    now = engine.clock.now()

    def act(tx: Transaction) -> bool:
        if entry_id not in {entry.id for entry in stops_of(tx, known(tx, recipient_id))}:
            raise NotFound(_("entry of the stop-list"), str(entry_id))
        return suppressions.lift(tx, entry_id, why, person.login, now)

    told = _("Off the stop-list.") if engine.ledger.insist(act) else _("It stood no more.")
    return go(request, f"/recipients/{recipient_id}", told)


def _page(
    request: Request, engine: Engine, recipient_id: int, typed: StopForm, status: int = 200
) -> Response:
    now = engine.clock.now()
    with engine.ledger.read() as tx:
        story = story_of(tx, engine, recipient_id, now)
        policies = {
            (one.campaign.id, one.delivery.channel): engine.scenario(
                tx, one.campaign.scenario_id
            ).scenario.policy(one.delivery.channel)
            for one in story.standings
        }
    return render(
        request,
        "recipient.html",
        status,
        story=story,
        policies=policies,
        typed=typed,
        parties=_parties(story),
        channels=channel_options(),
        purposes=purpose_options(),
        words=words,
        times=times,
        report_words=report_words,
        inquiry_words=inquiry_words,
        reason_title=reason_title,
    )


def _parties(story: Story) -> list[tuple[str, str]]:
    account = [("account", _("the whole account"))]
    return account + [(point_party(point), point) for point in story.points]


def _note(engine: Engine, person: Person, action: str, subject: str, **details: object) -> None:
    now = engine.clock.now()
    engine.ledger.insist(lambda tx: trail.note(tx, now, person.login, action, subject, **details))
