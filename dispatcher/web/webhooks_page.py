"""Webhooks: which systems are told what happens, whether they hear it, and their secrets."""

from typing import Annotated, Any

from fastapi import Form, Request
from starlette.responses import Response

from dispatcher.access.roles import Right
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import webhook_posts, webhooks
from dispatcher.ledger.webhook_posts import Post
from dispatcher.ledger.webhooks import Event
from dispatcher.web.rendering import go, render
from dispatcher.web.screens import Asker, Engined, Screens
from dispatcher.webhooks import keeping
from dispatcher.webhooks.address import BadAddress
from dispatcher.webhooks.keeping import event_title
from templates.i18n import _

screens = Screens()

LATEST = 50
PATH = "/settings/webhooks"
Events = Annotated[list[str], Form()]


@screens.page(PATH, Right.ADMINISTER)
def everything(request: Request, engine: Engined) -> Response:
    return _everything(request, engine)


@screens.act(f"{PATH}/add", Right.ADMINISTER)
def add(
    request: Request,
    engine: Engined,
    person: Asker,
    url: Annotated[str, Form()] = "",
    event: Events = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    chosen = _events(event)
    try:
        webhook_id, secret = keeping.add(engine, url.strip(), chosen, person.login)
    except NotPossible as error:
        return _everything(request, engine, 422, **_as_typed(url, event, error))
    return _one(request, engine, webhook_id, secret=secret)


@screens.page(f"{PATH}/{{webhook_id}}", Right.ADMINISTER)
def one(request: Request, engine: Engined, webhook_id: int) -> Response:
    return _one(request, engine, webhook_id)


@screens.act(f"{PATH}/{{webhook_id}}/change", Right.ADMINISTER)
def change(
    request: Request,
    engine: Engined,
    person: Asker,
    webhook_id: int,
    url: Annotated[str, Form()] = "",
    event: Events = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    try:
        keeping.change(engine, webhook_id, url.strip(), _events(event), person.login)
    except NotPossible as error:
        return _one(request, engine, webhook_id, 422, **_as_typed(url, event, error))
    return go(request, f"{PATH}/{webhook_id}", _("The webhook is changed."))


@screens.act(f"{PATH}/{{webhook_id}}/rotate", Right.ADMINISTER)
def rotate(request: Request, engine: Engined, person: Asker, webhook_id: int) -> Response:
    secret = keeping.rotate(engine, webhook_id, person.login)
    return _one(request, engine, webhook_id, secret=secret)


@screens.act(f"{PATH}/{{webhook_id}}/test", Right.ADMINISTER)
def try_out(request: Request, engine: Engined, person: Asker, webhook_id: int) -> Response:
    keeping.try_out(engine, webhook_id, person.login)
    words = _("A test is on its way. What came of it stands in the table below in a moment.")
    return go(request, f"{PATH}/{webhook_id}", words)


@screens.act(f"{PATH}/{{webhook_id}}/again/{{post_id}}", Right.ADMINISTER)
def again(
    request: Request, engine: Engined, person: Asker, webhook_id: int, post_id: int
) -> Response:
    keeping.tell_again(engine, webhook_id, post_id, person.login)
    return go(request, f"{PATH}/{webhook_id}", _("It is told once more."))


@screens.act(f"{PATH}/{{webhook_id}}/end", Right.ADMINISTER)
def end(request: Request, engine: Engined, person: Asker, webhook_id: int) -> Response:
    keeping.end(engine, webhook_id, person.login)
    return go(request, PATH, _("The webhook has ended: nothing more is told to it."))


def _everything(request: Request, engine: Engine, status: int = 200, **more: object) -> Response:
    with engine.ledger.read() as tx:
        found, standing = webhooks.everything(tx), webhook_posts.standing(tx)
    values: dict[str, Any] = {
        "typed": {"url": "", "events": []},
        "wrong": "",
        "refused": "",
        **more,
    }
    return render(
        request,
        "webhooks.html",
        status,
        webhooks=found,
        standing=standing,
        event_title=event_title,
        events=_choices(),
        **values,
    )


def _one(
    request: Request, engine: Engine, webhook_id: int, status: int = 200, **more: object
) -> Response:
    with engine.ledger.read() as tx:
        webhook = webhooks.get(tx, webhook_id, engine.clock.now())
        standing = webhook_posts.standing(tx).get(webhook_id)
        latest = webhook_posts.latest(tx, webhook_id, LATEST)
    typed = {"url": webhook.url, "events": webhook.events}
    values: dict[str, Any] = {"typed": typed, "wrong": "", "refused": "", "secret": "", **more}
    return render(
        request,
        "webhook.html",
        status,
        webhook=webhook,
        standing=standing,
        latest=latest,
        event_title=event_title,
        answer_of=_answer,
        events=_choices(),
        **values,
    )


def _as_typed(url: str, events: list[str], error: NotPossible) -> dict[str, Any]:
    """The form once more: what is wrong with the address is told at its field."""
    where = "wrong" if isinstance(error, BadAddress) else "refused"
    return {"typed": {"url": url, "events": events}, where: str(error)}


def _events(given: list[str]) -> list[Event]:
    return [event for event in Event if event.value in given]


def _choices() -> list[tuple[str, str]]:
    return [(event.value, event_title(event)) for event in Event]


def _answer(post: Post) -> str:
    """What the other side said, in words."""
    told = {
        "": "",
        "address": _("nothing is sent to such an address"),
        "timeout": _("no answer in time"),
        "tls": _("no safe connection: the certificate does not hold"),
        "ended": _("the webhook has ended"),
        "gaierror": _("nobody knows this name"),
        "ConnectionRefusedError": _("the connection was refused"),
    }
    if post.answer.isdecimal():
        return _("it answered {status}").format(status=post.answer)
    return told.get(post.answer, _("the connection broke"))
