"""The processes: `up` for everything in one, or one role each."""

import fcntl
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from campaigns.channel import ChannelName
from dispatcher import inbound
from dispatcher.cli import screen, shared
from dispatcher.cli.lifetime import (
    ended_together,
    heed_signals,
    locked,
    on_the_ledger,
    turn,
    wait,
)
from dispatcher.cli.sandbox import tell_mailbox
from dispatcher.clock import SystemClock
from dispatcher.endpoint import Endpoint
from dispatcher.errors import BadSetting
from dispatcher.listening import listening
from dispatcher.mailrobot.robot import Robot, check_settings
from dispatcher.monitoring.watched import watched
from dispatcher.queue import QUEUES
from dispatcher.retention.keeper import start_keeping
from dispatcher.settings import PREFIX, Settings
from dispatcher.wiring import Crew, make_engine, make_works, serving
from templates.i18n import _

if TYPE_CHECKING:
    from channels.sandbox import Sandbox
    from channels.sandbox.mailbox_server import MailboxServer

log = structlog.get_logger()

JOURNAL = "received.jsonl"

WithSandbox = Annotated[
    bool, typer.Option("--sandbox", help=_("Rehearse: every provider is the local sandbox."))
]


def up(sandbox: WithSandbox = False) -> None:
    """Loop, workers, receipts and pages in this process, until it is stopped."""
    # The pages' framework takes a while to import; the other roles do without it.
    from dispatcher.cli.web import open_pages, tell_pages
    from dispatcher.web.jobs import make_lanes
    from dispatcher.webhooks.postman import Postman

    settings = shared.settings()
    with ExitStack() as stack:
        if settings.is_embedded:
            stack.enter_context(locked(settings.data_dir, fcntl.LOCK_EX))
        endpoint = stack.enter_context(_endpoint(settings))
        pages = stack.enter_context(open_pages(settings))
        receipts_url = None
        if sandbox:
            settings, world, mailbox = _rehearsing(stack, settings)
            receipts_url = f"http://{endpoint.host}:{endpoint.port}"
        engine = make_engine(settings, receipts_url=receipts_url)
        if sandbox:
            world.inbound_urls.update(inbound.addresses(engine.receipts_url, engine.secret))
        works = make_works(engine)
        if settings.is_embedded:
            uncertain = works.loop.recover()
            if uncertain:
                log.warning("recovered", uncertain=uncertain)
        robot: Robot | None = None
        crew = works.crew()
        stop = heed_signals(engine.stopping)
        pulse = stack.enter_context(
            watched(
                engine,
                "up",
                queues=QUEUES,
                needs_queue=True,
                works=lambda: _limping(crew, endpoint, robot),
            )
        )
        stack.enter_context(serving(engine, endpoint))
        endings = stack.enter_context(ended_together())
        crew.start()
        endings.append(crew.stop)
        endings.append(start_keeping(engine))
        endings.append(pages.start(engine).stop)
        endings.append(make_lanes(engine).start().stop)
        endings.append(Postman(engine).start().stop)
        if engine.channels.get(ChannelName.EMAIL):
            check_settings(engine)
            robot = Robot(engine).start()
            endings.append(robot.stop)
        screen.say_well(
            _("Dispatcher works. Channels: {channels}. Ctrl+C stops it.").format(
                channels=", ".join(channel.value for channel in engine.channels) or _("none")
            )
        )
        tell_pages(engine, pages)
        if sandbox:
            journal = settings.data_dir / JOURNAL
            screen.say("  " + _("Rehearsal: what was received is in {path}").format(path=journal))
            tell_mailbox(mailbox)
        turn(works.loop, settings.poll_seconds, stop, pulse)
    screen.say(_("Stopped."))


def _rehearsing(stack: ExitStack, settings: Settings) -> "tuple[Settings, Sandbox, MailboxServer]":
    """The sandbox with its mailbox, started, and the settings that lead to them alone."""
    from channels.sandbox.mailbox_server import MailboxServer
    from dispatcher.rehearsal import open_sandbox, toward, with_mailbox

    journal = settings.data_dir / JOURNAL
    world = open_sandbox(settings, SystemClock(), journal=journal, simulated=False)
    mailbox = stack.enter_context(MailboxServer())
    settings = with_mailbox(mailbox, toward(stack.enter_context(world), settings))
    return settings, world, mailbox


def loop() -> None:
    settings = shared.settings()
    _need_redis(settings)
    works = make_works(make_engine(settings))
    stop = heed_signals(works.engine.stopping)
    with (
        on_the_ledger(settings),
        watched(works.engine, "loop", needs_queue=True) as pulse,
        ended_together() as endings,
    ):
        endings.append(start_keeping(works.engine))
        screen.say_well(_("The loop works."))
        turn(works.loop, settings.poll_seconds, stop, pulse)


def worker(
    queue: Annotated[
        list[str] | None,
        typer.Option(help=_("Only these queues: {names}").format(names=", ".join(QUEUES))),
    ] = None,
) -> None:
    settings = shared.settings()
    _need_redis(settings)
    unknown = sorted({*(queue or ())} - {*QUEUES})
    if unknown:
        raise BadSetting("--queue", ", ".join(QUEUES))
    works = make_works(make_engine(settings))
    queues = tuple(queue or QUEUES)
    crew = works.crew(queues)
    stop = heed_signals(works.engine.stopping)
    with (
        on_the_ledger(settings),
        watched(
            works.engine,
            "worker",
            queues=queues,
            needs_queue=True,
            works=lambda: _limping(crew),
        ) as pulse,
    ):
        crew.start()
        screen.say_well(_("The worker works."))
        wait(stop, pulse)
        crew.stop()


def mailrobot() -> None:
    settings = shared.settings()
    engine = make_engine(settings)
    check_settings(engine)
    stop = heed_signals(engine.stopping)
    with (
        on_the_ledger(settings),
        Robot(engine) as robot,
        watched(engine, "mailrobot", works=lambda: _limping(robot=robot)) as pulse,
    ):
        boxes = ", ".join(box.name for box in settings.mailboxes) or _("none")
        screen.say_well(_("The mail-robot works. Mailboxes: {names}.").format(names=boxes))
        if robot.lmtp_port is not None:
            screen.say(
                "  "
                + _("Letters are taken over at {host}:{port} (LMTP).").format(
                    host=settings.lmtp_host, port=robot.lmtp_port
                )
            )
        elif not settings.mailboxes:
            screen.say_badly(_no_letters())
        wait(stop, pulse)
    screen.say(_("Stopped."))


def _no_letters() -> str:
    return _(
        "No letters come in: neither DISPATCHER_MAILBOXES nor DISPATCHER_LMTP_PORT is set. What is "
        "owed is sent, and staff are reminded."
    )


def receipts() -> None:
    settings = shared.settings()
    engine = make_engine(settings)
    stop = heed_signals(engine.stopping)
    with (
        _endpoint(settings) as endpoint,
        serving(engine, endpoint),
        watched(engine, "receipts", works=lambda: _limping(endpoint=endpoint)) as pulse,
    ):
        screen.say_well(
            _("Receipts are taken at {host}:{port}.").format(host=endpoint.host, port=endpoint.port)
        )
        wait(stop, pulse)


def _endpoint(settings: Settings) -> Endpoint:
    """Raises BadSetting for a port that cannot be had."""
    host, port = settings.receipts_host, settings.receipts_port
    advice = _(
        "Is it another dispatcher? “up” takes receipts by itself; stop one of the two, or set "
        "another port."
    )
    with listening(f"{PREFIX}RECEIPTS_PORT", host, port, advice):
        return Endpoint(host, port)


def _limping(
    crew: Crew | None = None, endpoint: Endpoint | None = None, robot: Robot | None = None
) -> str:
    """Which part of this process has ended while the others go on."""
    if crew is not None and not crew.is_at_work:
        return "a worker's thread has ended"
    if endpoint is not None and not endpoint.is_serving:
        return "the endpoint does not answer"
    if robot is not None and not robot.is_whole:
        return "a part of the mail-robot has ended"
    return ""


def _need_redis(settings: Settings) -> None:
    if settings.redis_url is None:
        raise BadSetting(
            "DISPATCHER_REDIS_URL",
            _("several processes share work through Redis; for one process use “dispatcher up”."),
        )
