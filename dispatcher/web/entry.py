"""The door: log in, log out, choose a password by an invitation, choose a language."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dispatcher.access import entering
from dispatcher.access.roles import Right
from dispatcher.errors import NotPossible
from dispatcher.ledger import staff
from dispatcher.web.rendering import render
from dispatcher.web.screens import Asker, Engined, Screens
from dispatcher.web.visitor import forget, remember, remember_language, visitor_of
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
    try:
        entered = entering.log_in(engine, login.strip(), password, address)
    except entering.Barred as barred:
        entered, why = None, str(barred)
    if entered is None:
        return render(
            request,
            "login.html",
            403,
            wanted=_own_path(wanted),
            is_new=False,
            login=login.strip(),
            why=why,
        )
    response = RedirectResponse(_own_path(wanted), 303)
    remember(response, request, entered.token)
    return response


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
    response = RedirectResponse("/", 303)
    remember(response, request, entered.token)
    return response


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


def _own_path(wanted: str) -> str:
    """A path of this site; anything else leads to the first page."""
    parts = urlsplit(wanted)
    if (
        parts.scheme
        or parts.netloc
        or not wanted.startswith("/")
        or wanted.startswith(("//", "/\\"))
    ):
        return "/"
    return wanted if wanted.isprintable() else "/"
