"""Settings: what the program goes by, to be read; and providers, to be asked and used again.

Nothing is changed here: settings belong to whoever runs the program, in the environment or in a
file, and each of them says where.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response

from campaigns.channel import ChannelName
from channels.base import AccountState, Channel
from dispatcher import accounts, health
from dispatcher.access.roles import Right
from dispatcher.engine import Engine
from dispatcher.errors import NotFound
from dispatcher.ledger import circuits, trail
from dispatcher.ledger.circuits import Circuit, Key
from dispatcher.pacing import ProviderLimit
from dispatcher.providers import make_channels
from dispatcher.report import words
from dispatcher.web.rendering import go, render
from dispatcher.web.screens import Asker, Engined, Screens
from dispatcher.web.settings_facts import groups, variable
from templates.i18n import _

screens = Screens()

# Somebody waits before the page.
MOST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Way:
    """A provider as the page shows it. `circuit`: it is out of order; `is_set_up` False: it was
    taken out of the settings while it was so."""

    channel: ChannelName
    provider: str
    circuit: Circuit | None
    limit: ProviderLimit | None
    is_set_up: bool = True


@screens.page("/settings", Right.ADMINISTER)
def show(request: Request, engine: Engined) -> Response:
    return _page(request, engine)


@screens.act("/settings/providers/{channel}/{provider}/ask", Right.ADMINISTER)
def ask(
    request: Request, engine: Engined, person: Asker, channel: ChannelName, provider: str
) -> Response:
    """What the provider says of our account, just now; nothing is sent to anybody."""
    one = _channel(engine, channel, provider)
    seconds = min(MOST_SECONDS, accounts.QUESTIONS * engine.settings.provider_timeout_seconds)
    [state] = accounts.ask([one], seconds)
    now, subject = engine.clock.now(), circuits.subject_of((channel, provider))
    engine.ledger.insist(
        lambda tx: trail.note(tx, now, person.login, "provider.ask", subject, ok=state.ok)
    )
    return _page(request, engine, (channel, provider), state)


@screens.act("/settings/providers/{channel}/{provider}/retry", Right.ADMINISTER)
def retry(
    request: Request, engine: Engined, person: Asker, channel: ChannelName, provider: str
) -> Response:
    """What was wrong with it is mended: it is used again at once."""
    now = engine.clock.now()
    closed = engine.ledger.insist(
        lambda tx: health.close_by_hand(tx, (channel, provider), person.login, now)
    )
    told = _("{provider} is used again. What waits for it goes within a few minutes.")
    if not closed:
        told = _("{provider} was not out of order.")
    return go(request, "/settings", told.format(provider=provider))


def _page(
    request: Request,
    engine: Engine,
    asked: Key | None = None,
    state: AccountState | None = None,
) -> Response:
    return render(
        request,
        "settings.html",
        ways=_ways(engine),
        channels={channel: words.word(words.channels, channel) for channel in ChannelName},
        trouble_words=lambda reason: words.word(words.troubles, reason),
        asked=asked,
        state=state,
        note=accounts.note_of(state) if state else "",
        groups=groups(engine),
        variable=variable,
    )


def _ways(engine: Engine) -> Sequence[Way]:
    with engine.ledger.read() as tx:
        away = circuits.standing(tx)
    limits = engine.settings.limits
    known = [(channel, name) for channel, ways in engine.channels.items() for name in ways.names]
    gone = [key for key in away if key not in known]
    return [
        Way(channel, name, away.get((channel, name)), limits.get(f"{channel}.{name}"), is_set_up)
        for keys, is_set_up in ((known, True), (gone, False))
        for channel, name in keys
    ]


def _channel(engine: Engine, channel: ChannelName, provider: str) -> Channel:
    """The provider with sessions of its own: those of the engine belong to other threads. Raises
    NotFound."""
    ways = make_channels(engine.settings).get(channel)
    found = ways.by_name.get(provider) if ways else None
    if found is None:
        raise NotFound(_("provider"), provider)
    return found
