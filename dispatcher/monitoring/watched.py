"""One role under the eyes of others: signs of life in the ledger, pages, traces."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from dispatcher import metrics
from dispatcher.engine import Engine
from dispatcher.listening import listening
from dispatcher.monitoring.house import HouseFigures
from dispatcher.monitoring.pages import Page, PageServer, told
from dispatcher.monitoring.presence import Presence, program_version
from dispatcher.monitoring.pulse import Pulse
from dispatcher.readiness import Readiness
from dispatcher.settings import PREFIX
from dispatcher.tracing import tracing
from templates.i18n import _

# Whose processes there are few of: the others would only ask the ledger the same once more.
TELLS_OF_THE_HOUSE = ("up", "loop")


@contextmanager
def watched(
    engine: Engine,
    role: str,
    *,
    queues: Sequence[str] = (),
    needs_queue: bool = False,
    works: Callable[[], str] = str,
) -> Iterator[Pulse]:
    """A role at work for the length of a `with` block. Its main thread turns the pulse; `works`
    tells what is wrong with its other threads. Raises BadSetting for a port that cannot be had, and
    for traces without what they need."""
    pulse = Pulse()
    readiness = Readiness(engine, needs_queue=needs_queue, works=lambda: pulse.trouble or works())
    with ExitStack() as stack:
        metrics.role_is(role, program_version())
        if engine.settings.metrics_port:
            server = _server(engine, role, pulse, readiness)
            stack.enter_context(server)
        stack.enter_context(tracing(engine.settings.otlp_endpoint, role, program_version()))
        stack.enter_context(Presence(engine.ledger, role, queues))
        yield pulse


def _server(engine: Engine, role: str, pulse: Pulse, readiness: Readiness) -> PageServer:
    house = CollectorRegistry()
    if role in TELLS_OF_THE_HOUSE:
        house.register(HouseFigures(engine))

    def figures() -> Page:
        body = generate_latest(metrics.REGISTRY) + generate_latest(house)
        return Page(body, CONTENT_TYPE_LATEST)

    host, port = engine.settings.metrics_host, engine.settings.metrics_port
    advice = _(
        "Each process of a machine needs a port of its own: set it in the environment of that "
        "process, or 0 for none."
    )
    with listening(f"{PREFIX}METRICS_PORT", host, port, advice):
        return PageServer(
            host,
            port,
            {
                "/metrics": figures,
                "/health": lambda: told(pulse.trouble if pulse.is_still else ""),
                "/ready": lambda: told(readiness.trouble()),
            },
        )
