"""Keys: by which other systems of the company come in, and what each may do.

A key is shown once, to whoever made it; it stands in no redirect and in no journal.
"""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import Form, Request
from starlette.responses import Response

from dispatcher.access import keys
from dispatcher.access.keys import Scope, expiry, scope_title
from dispatcher.access.roles import Right
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import api_keys
from dispatcher.web.rendering import go, render
from dispatcher.web.screens import Asker, Engined, Screens
from templates.i18n import _

screens = Screens()

# How long a key works, in days; 0: until it is revoked.
TERMS = (90, 365, 1095, 0)


@screens.page("/settings/keys", Right.ADMINISTER)
def everything(request: Request, engine: Engined) -> Response:
    return _page(request, engine)


@screens.act("/settings/keys/make", Right.ADMINISTER)
def make(
    request: Request,
    engine: Engined,
    person: Asker,
    name: Annotated[str, Form()] = "",
    scope: Annotated[list[str], Form()] = [],  # noqa: B006 - FastAPI copies it
    days: Annotated[str, Form()] = "365",
) -> Response:
    chosen = [one for one in Scope if one.value in scope]
    term = int(days) if days in map(str, TERMS) else 365
    try:
        lasts = timedelta(days=term) if term else None
        token = keys.make(engine, name, chosen, person.login, lasts)
    except NotPossible as error:
        typed = {"name": name, "scopes": [one.value for one in chosen], "days": str(term)}
        return _page(request, engine, 422, typed=typed, wrong=str(error))
    return _page(request, engine, token=token, made_for=" ".join(name.split()))


@screens.act("/settings/keys/{key_id}/revoke", Right.ADMINISTER)
def revoke(request: Request, engine: Engined, person: Asker, key_id: int) -> Response:
    keys.revoke(engine, key_id, person.login)
    return go(request, "/settings/keys", _("The key is revoked: nobody comes in by it any more."))


def _page(request: Request, engine: Engine, status: int = 200, **more: object) -> Response:
    with engine.ledger.read() as tx:
        found = api_keys.everything(tx)
    known = {scope.value: scope_title(scope) for scope in Scope}
    values: dict[str, Any] = {
        "typed": {"name": "", "scopes": [], "days": "365"},
        "wrong": "",
        "token": "",
        "made_for": "",
        **more,
    }
    return render(
        request,
        "keys.html",
        status,
        keys=found,
        expiry=expiry,
        scope_titles=known,
        terms=[(str(days), _term(days)) for days in TERMS],
        **values,
    )


def _term(days: int) -> str:
    return {
        90: _("three months"),
        365: _("a year"),
        1095: _("three years"),
        0: _("until it is revoked"),
    }[days]
