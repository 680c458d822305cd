"""`dispatcher key …`"""

from datetime import timedelta
from typing import Annotated

import typer

from dispatcher.access import keys
from dispatcher.access.keys import Scope, expiry, scope_title
from dispatcher.cli import screen, shared
from dispatcher.cli.shared import AsJson
from dispatcher.ledger import api_keys
from templates.i18n import _

app = typer.Typer(no_args_is_help=True)


@app.command("make", help=_("A key for another system; it is shown once."))
def make(
    name: Annotated[str, typer.Argument(help=_("The system that will use it: billing."))],
    scope: Annotated[
        list[Scope], typer.Option("--scope", help=_("What it may do; may be repeated."))
    ],
    days: Annotated[
        int, typer.Option(help=_("How long it works; 0: until it is revoked."), min=0, max=3660)
    ] = 365,
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    lasts = timedelta(days=days) if days else None
    token = keys.make(engine, name, scope, shared.actor(settings), lasts)
    if as_json:
        screen.print_json({"key": token})
        return
    screen.say_well(_("The key, this once; keep it where secrets are kept:"))
    print(f"  {token}", flush=True)


@app.command("list", help=_("The keys, and when each was used last."))
def list_(as_json: AsJson = False) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    with engine.ledger.read() as tx:
        found = api_keys.everything(tx)
    now = engine.clock.now()
    if as_json:
        screen.print_json(
            [
                {
                    "id": key.id,
                    "name": key.name,
                    "prefix": key.prefix,
                    "scopes": list(key.scopes),
                    "is_good": key.is_good(now),
                    "ends_at": expiry(key),
                    "used_at": key.used_at,
                }
                for key in found
            ]
        )
    elif not found:
        screen.say(_("There are no keys."))
    else:
        screen.table(
            "",
            [_("number"), _("system"), _("key"), _("may"), _("ends"), _("used")],
            [
                (
                    str(key.id),
                    key.name,
                    f"dsp_{key.prefix}_…",
                    ", ".join(scope_title(Scope(scope)) for scope in key.scopes),
                    screen.moment(ends, settings.zone) if (ends := expiry(key)) else _("never"),
                    screen.moment(key.used_at, settings.zone) if key.used_at else "—",
                )
                for key in found
            ],
        )


@app.command("revoke", help=_("From this moment on nobody comes in by it."))
def revoke(
    number: Annotated[int, typer.Argument(help=_("As “key list” shows it."))],
    as_json: AsJson = False,
) -> None:
    settings = shared.settings()
    revoked = keys.revoke(shared.engine(settings), number, shared.actor(settings))
    if as_json:
        screen.print_json({"revoked": revoked})
    elif revoked:
        screen.say_well(_("Revoked."))
    else:
        screen.say_badly(_("It had been revoked already."))
