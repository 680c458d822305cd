"""The staff's screen as a process of its own, and as a part of `up`."""

from dispatcher.access import entering
from dispatcher.cli import screen, shared
from dispatcher.cli.lifetime import ended_together, heed_signals, on_the_ledger, wait
from dispatcher.engine import Engine
from dispatcher.jobs import Lanes
from dispatcher.listening import listening
from dispatcher.monitoring.watched import watched
from dispatcher.settings import PREFIX, Settings
from dispatcher.web.jobs import make_lanes
from dispatcher.web.server import WebServer
from dispatcher.webhooks.postman import Postman
from dispatcher.wiring import make_engine
from templates.i18n import _


def web() -> None:
    settings = shared.settings()
    engine = make_engine(settings)
    stop = heed_signals(engine.stopping)
    lanes, postman = make_lanes(engine), Postman(engine)
    with (
        on_the_ledger(settings),
        open_pages(settings) as pages,
        watched(engine, "web", works=lambda: _limping(pages, lanes, postman)) as pulse,
        ended_together() as endings,
    ):
        endings.append(pages.start(engine).stop)
        endings.append(lanes.start().stop)
        endings.append(postman.start().stop)
        tell_pages(engine, pages)
        wait(stop, pulse)


def open_pages(settings: Settings) -> WebServer:
    """Raises BadSetting for a port that cannot be had."""
    host, port = settings.web_host, settings.web_port
    advice = _(
        "Is it another dispatcher? “up” shows the pages by itself; stop one of the two, or set "
        "another port."
    )
    with listening(f"{PREFIX}WEB_PORT", host, port, advice):
        return WebServer(host, port)


def tell_pages(engine: Engine, pages: WebServer) -> None:
    """Where the pages are; and, as long as nobody can log in, how the first one can."""
    url = engine.settings.web_url or pages.url
    screen.say_well(_("Pages of the staff: {url}").format(url=url))
    token = entering.first_invitation(engine)
    if token is not None:
        screen.say(
            "  " + _("The first administrator chooses a password here, once, within an hour:")
        )
        print(f"  {url}/invitation/{token}", flush=True)


def _limping(pages: WebServer, lanes: Lanes, postman: Postman) -> str:
    """Which part of this process has ended while the others go on."""
    if not pages.is_serving:
        return "the pages do not answer"
    if not postman.is_whole:
        return "other systems are not told what happens"
    return "" if lanes.is_whole else "what staff ask for is not done"
