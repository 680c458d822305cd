"""`dispatcher staff …`: who may use the staff's screen, from the console of the machine."""

from collections.abc import Callable
from typing import Annotated

import typer

from dispatcher.access import entering, staffing
from dispatcher.access.roles import Role, role_title
from dispatcher.cli import screen, shared
from dispatcher.cli.shared import AsJson
from dispatcher.engine import Engine
from dispatcher.ledger.staff import Member
from dispatcher.settings import Settings
from templates.i18n import _

app = typer.Typer(no_args_is_help=True)

Login = Annotated[str, typer.Argument(help=_("The login, such as a.petrova."))]


@app.command("invite", help=_("Add somebody, and show the link by which they come in."))
def invite(
    login: Login,
    name: Annotated[str, typer.Option(help=_("The name, as pages show it."))],
    role: Annotated[
        Role, typer.Option(help=_("reader, editor, approver or administrator."))
    ] = Role.READER,
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    actor = shared.actor(settings)
    token = entering.invite(engine, login, name, role, actor, settings.language)
    _tell_link(settings, token, as_json)


@app.command("list", help=_("Who there is, and how each of them stands."))
def list_(as_json: AsJson = False) -> None:
    settings = shared.settings()
    found = staffing.roll(shared.engine(settings))
    if as_json:
        screen.print_json(
            [
                {
                    "login": member.login,
                    "name": member.name,
                    "role": member.role,
                    "can_log_in": member.disabled_at is None and member.password is not None,
                    "shut_out_at": member.disabled_at,
                    "invited_until": found.invited_until.get(member.id),
                    "seen_at": here.seen_at if here else None,
                    "sessions": here.sessions if here else 0,
                }
                for member in found.members
                for here in (found.presence.get(member.id),)
            ]
        )
    elif not found.members:
        screen.say(_("Nobody yet. “dispatcher web” shows a link for the first administrator."))
    else:
        screen.table(
            "",
            [_("login"), _("name"), _("role"), _("state"), _("was here last")],
            [
                (
                    member.login,
                    member.name,
                    role_title(Role(member.role)) if member.role in set(Role) else member.role,
                    _state(member, is_invited=member.id in found.invited_until),
                    screen.moment(here.seen_at, settings.zone) if here else "—",
                )
                for member in found.members
                for here in (found.presence.get(member.id),)
            ],
        )


@app.command("link", help=_("A new link for somebody who lost theirs, or the password."))
def link(login: Login, as_json: AsJson = False) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    member = staffing.member_of(engine, login)
    token = entering.invite_again(engine, member.id, shared.actor(settings))
    _tell_link(settings, token, as_json)


@app.command("shut-out", help=_("Somebody comes in no more, and is out at once."))
def shut_out(login: Login, as_json: AsJson = False) -> None:
    """Exit code 1 when it was so already."""
    _decide(
        login,
        as_json,
        "shut_out",
        staffing.shut_out,
        done=_("{login} is shut out, and logged out everywhere."),
        idle=_("{login} was shut out already."),
    )


@app.command("let-in", help=_("Somebody who was shut out may come in again."))
def let_in(login: Login, as_json: AsJson = False) -> None:
    """Exit code 1 when nobody was shut out."""
    _decide(
        login,
        as_json,
        "let_in",
        staffing.let_in,
        done=_("{login} may log in again."),
        idle=_("{login} was not shut out."),
    )


def _decide(
    login: str,
    as_json: bool,
    name: str,
    act: Callable[[Engine, int, str], bool],
    *,
    done: str,
    idle: str,
) -> None:
    """Do it, and tell in the words of `done`, or of `idle` where there was nothing to do."""
    settings = shared.settings()
    engine = shared.engine(settings)
    member = staffing.member_of(engine, login)
    was_done = act(engine, member.id, shared.actor(settings))
    if as_json:
        screen.print_json({name: was_done})
    elif was_done:
        screen.say_well(done.format(login=login))
    else:
        screen.say(idle.format(login=login))
    if not was_done:
        raise typer.Exit(1)


def _tell_link(settings: Settings, token: str, as_json: bool) -> None:
    """The link goes to the screen alone: it stands in no log and in no journal."""
    base = settings.web_url.rstrip("/") or f"http://{settings.web_host}:{settings.web_port}"
    url = f"{base}/invitation/{token}"
    if as_json:
        screen.print_json({"link": url})
        return
    screen.say(_("A link for one person: it works once, for three days. Send it yourself."))
    # Not through the screen: whatever it does to a line, a link has to stay whole.
    print(url, flush=True)


def _state(member: Member, *, is_invited: bool) -> str:
    if member.disabled_at is not None:
        return _("shut out")
    if member.password is not None:
        return _("can log in")
    return _("invited") if is_invited else _("the link has expired")
