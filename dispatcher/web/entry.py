"""The door: log in, log out, choose a password by an invitation, choose a language."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dispatcher.access import entering, knocking
from dispatcher.access.entering import Entered
from dispatcher.access.knocking import Barred
from dispatcher.access.passwords import TooMany
from dispatcher.access.roles import Right
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import staff
from dispatcher.web.rendering import render
from dispatcher.web.screens import Asker, Engined, Screens
from dispatcher.web.visitor import (
    cookie_name,
    device_of,
    forget,
    remember,
    remember_device,
    remember_language,
    visitor_of,
)
from templates.i18n import LANGUAGES, _

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
screens = Screens()


@router.get("/login")
def ask(request: Request, engine: Engined, next: str = "/") -> Response:
    if visitor_of(request).person is not None:
        return RedirectResponse(_own_path(next), 303)
    with engine.ledger.read() as tx:
        is_new = entering.needs_first_administrator(tx)
    return render(request, "login.html", wanted=_own_path(next), is_new=is_new, login="", why="")


@router.post("/login")
def log_in(
    request: Request,
    engine: Engined,
    login: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    wanted: Annotated[str, Form(alias="next")] = "/",
) -> Response:
    address = request.client.host if request.client else ""
    why = _("The login or the password is wrong.")
    status = 403
    try:
        entered = entering.log_in(
            engine,
            login,
            password,
            address,
            device=device_of(request),
            former=request.cookies.get(cookie_name(request.scope), ""),
        )
    except (Barred, TooMany) as error:
        entered, why, status = None, str(error), 429
    if entered is None:
        return render(
            request,
            "login.html",
            status,
            wanted=_own_path(wanted),
            is_new=False,
            login=login.strip(),
            why=why,
        )
    return _into(request, engine, entered, _own_path(wanted))


@screens.act("/logout", Right.LOOK)
def log_out(request: Request, engine: Engined, person: Asker) -> Response:
    token = visitor_of(request).token
    if token is not None:
        entering.log_out(engine, token, person)
    response = RedirectResponse("/login", 303)
    forget(response, request)
    return response


@router.get("/invitation/{token}")
def invitation(request: Request, engine: Engined, token: str) -> Response:
    with engine.ledger.read() as tx:
        member = staff.invited(tx, entering.digest_of(token), engine.clock.now())
    if member is None:
        words = _("This link has been used or is too old. Ask for a new one.")
        return render(request, "trouble.html", 410, words=words, status_code=410)
    return render(request, "invitation.html", member=member, why="")


@router.post("/invitation/{token}")
def accept(
    request: Request,
    engine: Engined,
    token: str,
    password: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    with engine.ledger.read() as tx:
        member = staff.invited(tx, entering.digest_of(token), engine.clock.now())
    if member is not None and password != again:
        why = _("The two passwords differ. Type the same one twice.")
        return render(request, "invitation.html", 422, member=member, why=why)
    try:
        entered = entering.accept(engine, token, password)
    except NotPossible as error:
        if member is None:
            return render(request, "trouble.html", 410, words=str(error), status_code=410)
        return render(request, "invitation.html", 422, member=member, why=str(error))
    return _into(request, engine, entered, "/")


@router.post("/language")
def choose_language(
    request: Request,
    engine: Engined,
    language: Annotated[str, Form()] = "",
    wanted: Annotated[str, Form(alias="next")] = "/",
) -> Response:
    """For this browser, and for good where we know whose it is. Nothing else is changed by it, so
    it needs no token."""
    response = RedirectResponse(_own_path(wanted), 303)
    if language in LANGUAGES:
        remember_language(response, request, language)
        person = visitor_of(request).person
        if person is not None:
            engine.ledger.insist(lambda tx: staff.change(tx, person.id, language=language))
    return response


def _into(request: Request, engine: Engine, entered: Entered, path: str) -> Response:
    """Somebody has come in: the browser is given the session, and remembers that it was here."""
    response = RedirectResponse(path, 303)
    remember(response, request, entered.token)
    remember_device(response, request, knocking.new_device(entered.person.login, engine.secret))
    return response


def _own_path(wanted: str) -> str:
    """A path of this site; anything else leads to the first page. Browsers take `\\` for `/`, and
    leave out tabs and line ends."""
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if is_ours and wanted.isprintable() else "/"
