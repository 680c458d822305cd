"""Two things that only staff know: whether a message in doubt arrived, and who has paid."""

from typing import Annotated

from fastapi import File, Form, Request, UploadFile
from starlette.responses import Response

from campaigns.channel import ChannelName
from dispatcher import campaigning
from dispatcher.access.roles import Right
from dispatcher.deciding import ask_now, doubts_of, paid_accounts
from dispatcher.errors import NotPossible
from dispatcher.ledger import campaigns
from dispatcher.ledger.campaigns import LEGAL
from dispatcher.web.campaigns_words import named
from dispatcher.web.rendering import go, render
from dispatcher.web.screens import Asker, Engined, Screens
from templates.i18n import _, ngettext

screens = Screens()


@screens.page("/campaigns/{campaign_id}/uncertain", Right.LOOK)
def uncertain(request: Request, engine: Engined, campaign_id: int) -> Response:
    return render(request, "campaign_doubts.html", found=doubts_of(engine, campaign_id), **named())


@screens.act("/campaigns/{campaign_id}/ask", Right.LAUNCH)
def ask(request: Request, engine: Engined, person: Asker, campaign_id: int) -> Response:
    count = ask_now(engine, campaign_id, person.login)
    told = ngettext(
        "The provider is being asked about {count} message.",
        "The provider is being asked about {count} messages.",
        count,
    ).format(count=count)
    return go(request, f"/campaigns/{campaign_id}/uncertain", told)


@screens.act("/campaigns/{campaign_id}/resolve", Right.LAUNCH)
def resolve(
    request: Request,
    engine: Engined,
    person: Asker,
    campaign_id: int,
    channel: Annotated[str, Form()] = "",
    account: Annotated[str, Form()] = "",
    everybody: Annotated[str, Form()] = "",
    reached: Annotated[str, Form()] = "",
) -> Response:
    """Of one account, or, where the box is ticked, of a whole channel."""
    if channel not in set(ChannelName) or reached not in ("yes", "no"):
        raise NotPossible(_("This page is too old. Open it again and repeat what you did."))
    if not account and everybody != "yes":
        raise NotPossible(_("Tick the box: it decides about all of them at once."))
    count = campaigning.resolve(
        engine,
        campaign_id,
        person.login,
        channel=ChannelName(channel),
        account=account or None,
        reached=reached == "yes",
    )
    told = _("Decided: {count}.").format(count=count) if count else _("Nothing was in doubt there.")
    return go(request, f"/campaigns/{campaign_id}/uncertain", told)


@screens.page("/campaigns/{campaign_id}/settle", Right.LAUNCH)
def paid(request: Request, engine: Engined, campaign_id: int) -> Response:
    return _paid(request, engine, campaign_id)


@screens.act("/campaigns/{campaign_id}/settle", Right.LAUNCH)
def settle(
    request: Request,
    engine: Engined,
    person: Asker,
    campaign_id: int,
    accounts: Annotated[str, Form()] = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    name, content = (file.filename or "", file.file.read()) if file else ("", b"")
    try:
        found = paid_accounts(accounts, name if content else "", content)
    except NotPossible as error:
        return _paid(request, engine, campaign_id, accounts, str(error))
    ended, unknown = campaigning.settle(engine, campaign_id, found, person.login)
    told = _("Accounts: {accounts}. Messages that end: {ended}. Not in this campaign: {unknown}.")
    return go(
        request,
        f"/campaigns/{campaign_id}",
        told.format(accounts=len(found), ended=ended, unknown=unknown),
    )


def _paid(
    request: Request, engine: Engined, campaign_id: int, typed: str = "", wrong: str = ""
) -> Response:
    with engine.ledger.read() as tx:
        campaign = campaigns.get(tx, campaign_id)
    if not LEGAL[campaign.status]:
        raise NotPossible(_("The campaign is over: nobody is reminded any more."))
    return render(
        request,
        "campaign_paid.html",
        422 if wrong else 200,
        campaign=campaign,
        typed=typed,
        **{**named(), "wrong": wrong},
    )
