"""A person's own page: the password, where one is logged in, the language."""

from typing import Annotated

from fastapi import Form, Request
from starlette.responses import Response

from dispatcher.access import entering, staffing
from dispatcher.access.entering import WrongPassword
from dispatcher.access.roles import RIGHTS, Person, Right, right_title
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.web.people import LANGUAGE_NAMES
from dispatcher.web.rendering import go, render
from dispatcher.web.screens import Asker, Engined, Screens
from dispatcher.web.visitor import visitor_of
from templates.i18n import _

screens = Screens()


@screens.page("/me", Right.LOOK)
def me(request: Request, engine: Engined, person: Asker) -> Response:
    return _page(request, engine, person)


@screens.act("/me/password", Right.LOOK)
def change_password(
    request: Request,
    engine: Engined,
    person: Asker,
    former: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    if password != again:
        why = _("The two passwords differ. Type the same one twice.")
        return _page(request, engine, person, "again", why)
    address = request.client.host if request.client else ""
    token = visitor_of(request).token or ""
    try:
        entering.change_password(engine, person, token, former, password, address)
    except WrongPassword as error:
        return _page(request, engine, person, "former", str(error))
    except NotPossible as error:
        return _page(request, engine, person, "password", str(error))
    return go(request, "/me", _("The password is changed; everywhere else you are logged out."))


@screens.act("/me/sessions/end", Right.LOOK)
def end_session(
    request: Request, engine: Engined, person: Asker, mark: Annotated[str, Form()] = ""
) -> Response:
    """One of the others; the own one ends by logging out."""
    if staffing.end_own_session(engine, person.id, mark, person.login):
        return go(request, "/me", _("You are logged out there."))
    return go(request, "/me", _("That session had ended already."))


@screens.act("/me/sessions/end-others", Right.LOOK)
def end_others(request: Request, engine: Engined, person: Asker) -> Response:
    staffing.end_sessions(engine, person.id, person.login, but=_own_digest(request))
    return go(request, "/me", _("Everywhere else you are logged out."))


def _page(
    request: Request, engine: Engine, person: Person, wrong_in: str = "", wrong: str = ""
) -> Response:
    return render(
        request,
        "me.html",
        422 if wrong else 200,
        sessions=staffing.open_sessions(engine, person.id),
        own=_own_digest(request),
        mark_of=staffing.mark_of,
        may=[right_title(right) for right in Right if right in RIGHTS[person.role]],
        language_names=LANGUAGE_NAMES,
        wrong_in=wrong_in,
        wrong=wrong,
    )


def _own_digest(request: Request) -> str:
    return entering.digest_of(visitor_of(request).token or "")
