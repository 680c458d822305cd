"""People: who belongs to the staff, what each may do, and the links by which they come in.

A link is shown once, to whoever made it, and goes to the person by another way: we mail it to
nobody. Its token stands in no redirect and in no journal.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Form, Request
from starlette.responses import Response

from dispatcher.access import entering, staffing
from dispatcher.access.roles import RIGHTS, Right, Role, right_title, role_title
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import staff
from dispatcher.web.rendering import go, render
from dispatcher.web.screens import Asker, Engined, Screens
from templates.i18n import LANGUAGES, _

screens = Screens()

LANGUAGE_NAMES = {"ru": "Русский", "en": "English"}


@screens.page("/people", Right.ADMINISTER)
def people(request: Request, engine: Engined) -> Response:
    return _everybody(request, engine)


@screens.act("/people/invite", Right.ADMINISTER)
def invite(
    request: Request,
    engine: Engined,
    person: Asker,
    login: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = Role.READER.value,
    language: Annotated[str, Form()] = "ru",
) -> Response:
    typed = {"login": login, "name": name, "role": role, "language": language}
    if language not in LANGUAGES:
        language = "ru"
    try:
        token = entering.invite(engine, login, name, _role(role), person.login, language)
    except NotPossible as error:
        return _everybody(request, engine, typed=typed, wrong=str(error))
    return _everybody(request, engine, link=link_of(request, token), invited=name.strip())


@screens.page("/people/{staff_id}", Right.ADMINISTER)
def one(request: Request, engine: Engined, person: Asker, staff_id: int) -> Response:
    return _one(request, engine, staff_id, is_self=person.id == staff_id)


@screens.act("/people/{staff_id}/name", Right.ADMINISTER)
def rename(
    request: Request,
    engine: Engined,
    person: Asker,
    staff_id: int,
    name: Annotated[str, Form()] = "",
) -> Response:
    try:
        staffing.rename(engine, staff_id, name, person.login)
    except NotPossible as error:
        is_self = person.id == staff_id
        return _one(request, engine, staff_id, is_self=is_self, name=name, wrong=str(error))
    return go(request, f"/people/{staff_id}", _("The name is changed."))


@screens.act("/people/{staff_id}/role", Right.ADMINISTER)
def change_role(
    request: Request,
    engine: Engined,
    person: Asker,
    staff_id: int,
    role: Annotated[str, Form()] = "",
) -> Response:
    wanted = _role(role)
    staffing.change_role(engine, staff_id, wanted, person.login)
    path = f"/people/{staff_id}"
    if staff_id == person.id and Right.ADMINISTER not in RIGHTS[wanted]:
        path = "/me"  # the page of before is theirs no more
    return go(request, path, _("The role is changed. It holds from this moment on."))


@screens.act("/people/{staff_id}/link", Right.ADMINISTER)
def new_link(request: Request, engine: Engined, person: Asker, staff_id: int) -> Response:
    token = entering.invite_again(engine, staff_id, person.login)
    is_self = person.id == staff_id
    return _one(request, engine, staff_id, is_self=is_self, link=link_of(request, token))


@screens.act("/people/{staff_id}/end-sessions", Right.ADMINISTER)
def end_sessions(request: Request, engine: Engined, person: Asker, staff_id: int) -> Response:
    staffing.end_sessions(engine, staff_id, person.login)
    return go(request, f"/people/{staff_id}", _("This person is logged out everywhere."))


@screens.act("/people/{staff_id}/shut-out", Right.ADMINISTER)
def shut_out(request: Request, engine: Engined, person: Asker, staff_id: int) -> Response:
    staffing.shut_out(engine, staff_id, person.login)
    words = _("This person is shut out, and logged out everywhere.")
    return go(request, f"/people/{staff_id}", words)


@screens.act("/people/{staff_id}/let-in", Right.ADMINISTER)
def let_in(request: Request, engine: Engined, person: Asker, staff_id: int) -> Response:
    staffing.let_in(engine, staff_id, person.login)
    return go(request, f"/people/{staff_id}", _("This person may log in again."))


def link_of(request: Request, token: str) -> str:
    """Where a link leads: what the settings say, or the address on which this very process was
    reached; never what a visitor names as the Host."""
    engine: Engine = request.app.state.engine
    base = engine.settings.web_url.rstrip("/")
    if not base:
        host, port = request.scope["server"]
        base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    return f"{base}/invitation/{token}"


def _everybody(
    request: Request,
    engine: Engine,
    *,
    link: str = "",
    invited: str = "",
    typed: Mapping[str, str] | None = None,
    wrong: str = "",
) -> Response:
    return render(
        request,
        "people.html",
        422 if wrong else 200,
        roll=staffing.roll(engine),
        link=link,
        invited=invited,
        typed=typed or {"login": "", "name": "", "role": Role.READER.value, "language": "ru"},
        wrong=wrong,
        **_choices(),
    )


def _one(
    request: Request,
    engine: Engine,
    staff_id: int,
    *,
    is_self: bool,
    link: str = "",
    name: str | None = None,
    wrong: str = "",
) -> Response:
    with engine.ledger.read() as tx:
        member = staff.get(tx, staff_id)
    return render(
        request,
        "person.html",
        422 if wrong else 200,
        member=member,
        sessions=staffing.open_sessions(engine, staff_id),
        invited_until=staffing.roll(engine).invited_until.get(staff_id),
        is_self=is_self,
        link=link,
        name=member.name if name is None else name,
        wrong=wrong,
        **_choices(),
    )


def _choices() -> Mapping[str, Any]:
    return {
        "roles": [(role.value, role_title(role)) for role in Role],
        "role_titles": {role.value: role_title(role) for role in Role},
        "language_names": [(one, LANGUAGE_NAMES[one]) for one in LANGUAGES],
        "rights": [(right_title(right), right) for right in Right],
        "rights_of": RIGHTS,
        "all_roles": list(Role),
    }


def _role(value: str) -> Role:
    """Raises NotPossible."""
    try:
        return Role(value)
    except ValueError:
        raise NotPossible(_("Choose one of the roles.")) from None
