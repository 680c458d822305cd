"""`dispatcher provider …`: who carries our messages, and who is out of order."""

from typing import Annotated

import typer

from campaigns.channel import ChannelName
from dispatcher import health
from dispatcher.cli import screen, shared, summary
from dispatcher.cli.shared import AsJson
from dispatcher.errors import NotFound
from dispatcher.ledger import circuits
from dispatcher.report import words
from templates.i18n import _

app = typer.Typer(no_args_is_help=True)


@app.command("list", help=_("Every provider that is set up, and how it is."))
def list_(as_json: AsJson = False) -> None:
    settings = shared.settings()
    engine = shared.engine(settings)
    with engine.ledger.read() as tx:
        away = circuits.standing(tx)
    known = [(channel, name) for channel, ways in engine.channels.items() for name in ways.names]
    # One that was taken out of the settings while it was out of order is shown, too.
    keys = [*known, *(key for key in away if key not in known)]
    if as_json:
        screen.print_json(
            [
                {"channel": key[0], "provider": key[1], "in_order": key not in away}
                | (summary.circuit_facts(away[key]) if key in away else {})
                for key in keys
            ]
        )
    elif not keys:
        screen.say(_("No provider is set up. Fill in the settings: see .env.example."))
    for key in keys if not as_json else ():
        if key in away:
            screen.say_badly(summary.circuit_words(away[key], settings.zone))
        else:
            channel = words.word(words.channels, key[0])
            screen.say_well(
                _("{channel}, {provider}: in order").format(channel=channel, provider=key[1])
            )


@app.command("retry", help=_("Use a provider again at once: what was wrong with it is mended."))
def retry(
    channel: ChannelName,
    provider: Annotated[str, typer.Argument(help=_("Its name, as “provider list” shows it."))],
    as_json: AsJson = False,
) -> None:
    """Exit code 1 when it was in order already."""
    settings = shared.settings()
    engine = shared.engine(settings)
    key = (channel, provider)
    with engine.ledger.write() as tx:
        known = {name for where, name in circuits.standing(tx) if where is channel}
        if channel in engine.channels:
            known |= set(engine.channels[channel].names)
        if provider not in known:
            raise NotFound(_("provider"), provider, tuple(sorted(known)))
        closed = health.close_by_hand(tx, key, shared.actor(settings), engine.clock.now())
    if as_json:
        screen.print_json({"closed": closed})
    elif closed:
        screen.say_well(
            _("{provider} is used again. What waits for it goes within a few minutes.").format(
                provider=provider
            )
        )
    else:
        screen.say(_("{provider} was not out of order.").format(provider=provider))
    if not closed:
        raise typer.Exit(1)
