"""How a screen says which right each of its pages needs.

    screens = Screens()

    @screens.page("/audiences", Right.LOOK)
    def audiences(request: Request, engine: Engined) -> Response: ...

    @screens.act("/audiences/{audience_id}/discard", Right.EDIT)
    def discard(...) -> Response: ...

A page changes nothing. An act is a POST that carries the session's token, in the form or in the
header that htmx sends; it answers with a redirect, or with a fragment.
"""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.params import Depends as Dependency
from starlette.responses import HTMLResponse

from dispatcher.access.entering import is_csrf_token
from dispatcher.access.roles import Person, Right
from dispatcher.engine import Engine
from dispatcher.web.visitor import visitor_of
from templates.i18n import _

CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])


class Forbidden(Exception):
    """The visitor has come in and may not do this. `why` is for them to read."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class May:
    """The right that a page needs, as a dependency of its route. Raises Forbidden."""

    def __init__(self, right: Right) -> None:
        self.right = right

    def __call__(self, request: Request) -> None:
        person = visitor_of(request).person
        if person is None or not person.may(self.right):
            raise Forbidden(_("Your role does not allow this. An administrator can change that."))


async def from_our_form(request: Request) -> None:
    """Refuses what carries no token of this session. Raises Forbidden."""
    given = request.headers.get(CSRF_HEADER)
    if given is None:
        form = await request.form()
        field = form.get(CSRF_FIELD)
        given = field if isinstance(field, str) else ""
    token = visitor_of(request).token
    if token is None or not is_csrf_token(given, token):
        raise Forbidden(_("This page is too old. Open it again and repeat what you did."))


class Screens(APIRouter):
    """The routes of one screen."""

    def __init__(self) -> None:
        super().__init__(default_response_class=HTMLResponse, include_in_schema=False)

    def page(self, path: str, right: Right) -> Callable[[_Endpoint], _Endpoint]:
        return self.get(path, dependencies=[Depends(May(right))], response_model=None)

    def act(self, path: str, right: Right) -> Callable[[_Endpoint], _Endpoint]:
        needs = [Depends(May(right)), Depends(from_our_form)]
        return self.post(path, dependencies=needs, response_model=None)


def right_of(dependencies: "list[Dependency]") -> Right | None:
    """Which right a route needs; None for a public one."""
    for one in dependencies:
        if isinstance(one.dependency, May):
            return one.dependency.right
    return None


def engine_of(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


def person_of(request: Request) -> Person:
    """Who asks; for pages that need a session."""
    person = visitor_of(request).person
    if person is None:
        raise Forbidden(_("Please log in."))
    return person


Engined = Annotated[Engine, Depends(engine_of)]
Asker = Annotated[Person, Depends(person_of)]
