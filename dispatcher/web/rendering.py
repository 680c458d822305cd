"""Pages from templates: every value escaped, every template given what all pages show."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dispatcher.access.roles import Right, role_title
from dispatcher.engine import Engine
from dispatcher.watching.hours import place_of
from dispatcher.web import formats
from dispatcher.web.assets import asset
from dispatcher.web.navigation import places
from dispatcher.web.security import is_secure
from dispatcher.web.visitor import visitor_of
from templates.i18n import LANGUAGES, _, current_language, ngettext

_FOLDER = Path(__file__).parent / "html"
_NOTICE = "notice"


def render(
    request: Request,
    template: str,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    **values: object,
) -> HTMLResponse:
    """A page, or a fragment of one, for whoever asks."""
    engine: Engine = request.app.state.engine
    visitor = visitor_of(request)
    notice = _notice(request, engine)
    text = (
        _environment()
        .get_template(template)
        .render(
            request=request,
            path=request.url.path,
            person=visitor.person,
            csrf=visitor.csrf,
            language=current_language(),
            languages=LANGUAGES,
            company=engine.settings.company,
            zone=engine.settings.zone,
            now=engine.clock.now(),
            places=places(visitor.person),
            notice=notice,
            **values,
        )
    )
    response = HTMLResponse(text, status, headers=dict(headers or {}))
    if notice:
        response.delete_cookie(_NOTICE)
    return response


def fragment(template: str, **values: object) -> str:
    """A piece of a page that no request asked for: one that is sent to whoever watches. `values`
    hold what its filters want to know: `person`, `zone`."""
    return _environment().get_template(template).render(**values)


def go(request: Request, path: str, notice: str = "") -> Response:
    """To another page after an act, with a word about what was done; without personal data."""
    if request.headers.get("hx-request"):
        response = Response(status_code=204, headers={"HX-Redirect": path})
    else:
        response = RedirectResponse(path, 303)
    if notice:
        engine: Engine = request.app.state.engine
        text = base64.urlsafe_b64encode(json.dumps(notice).encode()).decode()
        signed = f"{text}.{_signature(engine, text)}"
        response.set_cookie(
            _NOTICE,
            signed,
            max_age=60,
            httponly=True,
            secure=is_secure(request.scope),
            samesite="lax",
        )
    return response


def _notice(request: Request, engine: Engine) -> str:
    text, _dot, signature = request.cookies.get(_NOTICE, "").partition(".")
    if not text or not hmac.compare_digest(signature.encode(), _signature(engine, text).encode()):
        return ""
    return str(json.loads(base64.urlsafe_b64decode(text)))


def _signature(engine: Engine, text: str) -> str:
    return hmac.new(engine.secret.encode(), f"notice {text}".encode(), hashlib.sha256).hexdigest()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        _=_,
        ngettext=ngettext,
        asset=asset,
        Right=Right,
        role_title=role_title,
    )
    environment.filters.update(
        number=formats.number,
        percent=formats.percent,
        money=formats.money,
        day=formats.day,
        short_day=formats.short_day,
        moment=_moment,
        clock=_clock,
        lasting=formats.lasting,
        size=formats.size,
        place=place_of,
        point=_point,
        person_name=_name,
        account=_account,
    )
    return environment


@pass_context
def _moment(context: Context, at: datetime, zone: str = "") -> Markup:
    """An instant on the house's clock, or on that of a zone, with the exact one for machines."""
    return _time(at, formats.moment, zone or context["zone"])


@pass_context
def _clock(context: Context, at: datetime, zone: str = "") -> Markup:
    return _time(at, formats.clock, zone or context["zone"])


def _time(at: datetime, shown: Callable[[datetime, str], str], zone: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), shown(at, zone))


@pass_context
def _point(context: Context, value: str) -> str:
    """A contact point, as far as whoever looks may see it."""
    if not _sees_persons(context):
        return formats.masked_point(value)
    return formats.phone(value) if "@" not in value else value


@pass_context
def _name(context: Context, value: str) -> str:
    return value if _sees_persons(context) else formats.masked_name(value)


@pass_context
def _account(context: Context, value: str) -> str:
    return formats.account(value) if _sees_persons(context) else formats.masked_account(value)


def _sees_persons(context: Context) -> bool:
    person = context["person"]
    return person is not None and person.may(Right.SEE_PERSONS)
