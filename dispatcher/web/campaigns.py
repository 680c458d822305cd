"""Campaigns: the list of them, one of them live, and pausing, resuming, cancelling it."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Form, Request
from starlette.responses import Response

from dispatcher import campaigning
from dispatcher.access.roles import Right
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import campaign_lists, campaigns
from dispatcher.ledger.campaigns import LEGAL, CampaignStatus
from dispatcher.report import words
from dispatcher.watching.campaign import CampaignWatch
from dispatcher.web.campaigns_words import can, named
from dispatcher.web.live import Show, stream
from dispatcher.web.rendering import go, render
from dispatcher.web.screens import Asker, Engined, Screens
from templates.i18n import _

screens = Screens()

SHOWN = 25
# Without a script the page asks anew as often.
REFRESH_SECONDS = 10
PIECES = {
    name: f"campaign_{name}.html"
    for name in ("state", "channels", "now", "hours", "troubles", "newest", "history")
}
_OVER = tuple(status for status, following in LEGAL.items() if not following)


def _kinds() -> Mapping[str, tuple[str, tuple[CampaignStatus, ...]]]:
    """What the list may be asked for: its title, and which campaigns those are."""
    return {
        "all": (_("All"), tuple(CampaignStatus)),
        "running": (_("Going on"), (CampaignStatus.RUNNING,)),
        "paused": (_("On hold"), (CampaignStatus.PAUSED,)),
        "scheduled": (_("Ahead"), (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED)),
        "over": (_("Over"), _OVER),
    }


@screens.page("/campaigns", Right.LOOK)
def everything(
    request: Request, engine: Engined, which: str = "all", before: str = "", after: str = ""
) -> Response:
    kinds = _kinds()
    which = which if which in kinds else "all"
    with engine.ledger.read() as tx:
        page = campaign_lists.page(
            tx, kinds[which][1], SHOWN, before_id=_number(before), after_id=_number(after)
        )
        progress = campaign_lists.progress(tx, [one.id for one in page.campaigns])
        people = campaign_lists.recipients_of(tx, {one.audience_id for one in page.campaigns})
        counts = campaign_lists.count_by_status(tx)
    return render(
        request,
        "campaigns.html",
        page=page,
        which=which,
        kinds=[
            (name, title, sum(counts.get(status, 0) for status in statuses))
            for name, (title, statuses) in kinds.items()
        ],
        progress=progress,
        people=people,
        **named(),
    )


@screens.page("/campaigns/{campaign_id}", Right.LOOK)
def show(request: Request, engine: Engined, campaign_id: int) -> Response:
    picture = CampaignWatch(engine, campaign_id).look(at_length=False)
    return render(
        request,
        "campaign.html",
        picture=picture,
        pieces=PIECES,
        refresh=0 if picture.is_over else REFRESH_SECONDS,
        **named(),
    )


@screens.page("/campaigns/{campaign_id}/live", Right.LOOK)
async def live(request: Request, engine: Engined, person: Asker, campaign_id: int) -> Response:
    watch = CampaignWatch(engine, campaign_id)

    def look() -> Show:
        picture = watch.look()
        return Show(PIECES, {"picture": picture, **named()}, is_over=picture.is_over)

    return stream(request, engine, ("campaign", campaign_id), look, person)


@screens.page("/campaigns/{campaign_id}/pause", Right.LAUNCH)
@screens.page("/campaigns/{campaign_id}/resume", Right.LAUNCH)
@screens.page("/campaigns/{campaign_id}/cancel", Right.LAUNCH)
def ask(request: Request, engine: Engined, campaign_id: int) -> Response:
    """Before a step: what is in flight, and what becomes of it."""
    step = request.url.path.rpartition("/")[2]
    picture = CampaignWatch(engine, campaign_id).look(at_length=False)
    if not can(picture.campaign, step):
        raise NotPossible(
            _("This campaign cannot be changed so any more: it is “{status}”.").format(
                status=words.word(words.campaign_statuses, picture.campaign.status)
            )
        )
    return render(request, "campaign_step.html", picture=picture, step=step, **named())


@screens.act("/campaigns/{campaign_id}/pause", Right.LAUNCH)
def pause(request: Request, engine: Engined, person: Asker, campaign_id: int) -> Response:
    campaigning.pause(engine, campaign_id, person.login)
    return go(request, f"/campaigns/{campaign_id}", _("The campaign is paused: nothing is sent."))


@screens.act("/campaigns/{campaign_id}/resume", Right.LAUNCH)
def resume(request: Request, engine: Engined, person: Asker, campaign_id: int) -> Response:
    _need(engine, campaign_id, "resume")
    campaigning.resume(engine, campaign_id, person.login)
    return go(request, f"/campaigns/{campaign_id}", _("The campaign goes on."))


@screens.act("/campaigns/{campaign_id}/cancel", Right.LAUNCH)
def cancel(
    request: Request,
    engine: Engined,
    person: Asker,
    campaign_id: int,
    sure: Annotated[str, Form()] = "",
) -> Response:
    if sure != "yes":
        picture = CampaignWatch(engine, campaign_id).look(at_length=False)
        wrong = _("Tick the box: this cannot be taken back.")
        return render(
            request,
            "campaign_step.html",
            422,
            picture=picture,
            step="cancel",
            **{**named(), "wrong": wrong},
        )
    campaigning.cancel(engine, campaign_id, person.login)
    return go(request, f"/campaigns/{campaign_id}", _("The campaign is cancelled for good."))


def _need(engine: Engine, campaign_id: int, step: str) -> None:
    with engine.ledger.read() as tx:
        campaign = campaigns.get(tx, campaign_id)
    if not can(campaign, step):
        raise NotPossible(_("Campaign {id} is not paused.").format(id=campaign_id))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
