"""The processes: `up` for everything in one, or one role each."""

import fcntl
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from campaigns.channel import ChannelName
from dispatcher import inbound, metrics
from dispatcher.cli import screen, shared
from dispatcher.clock import Clock, SystemClock
from dispatcher.dispatch import Loop
from dispatcher.endpoint import Endpoint
from dispatcher.errors import AlreadyRunning, BadSetting, LedgerAway
from dispatcher.ledger import LedgerFault
from dispatcher.listening import listening, need_free
from dispatcher.mailrobot.robot import Robot, check_settings
from dispatcher.monitoring.pulse import Pulse
from dispatcher.monitoring.watched import watched
from dispatcher.queue import QUEUES
from dispatcher.retention.keeper import keeping
from dispatcher.settings import PREFIX, Settings
from dispatcher.wiring import Crew, make_engine, make_works, receipts_url_of, serving
from templates.i18n import _

if TYPE_CHECKING:
    from channels.sandbox import Sandbox
    from channels.sandbox.mailbox_server import MailboxServer

log = structlog.get_logger()

JOURNAL = "received.jsonl"
# Between two turns of a loop that finds work: enough for some to gather.
BUSY_SECONDS = 0.05
# From the signal to stop to the end of the process, whatever hangs.
STOP_SECONDS = 9.5

WithSandbox = Annotated[
    bool, typer.Option("--sandbox", help=_("Rehearse: every provider is the local sandbox."))
]


def up(sandbox: WithSandbox = False) -> None:
    """Loop, workers and receipts in this process, until it is stopped."""
    settings = shared.settings()
    clock = SystemClock()
    with ExitStack() as stack:
        if settings.is_embedded:
            stack.enter_context(locked(settings.data_dir, fcntl.LOCK_EX))
        endpoint = stack.enter_context(_endpoint(settings))
        receipts_url = None
        if sandbox:
            settings, world, mailbox = _rehearsing(stack, settings, clock)
            receipts_url = f"http://{endpoint.host}:{endpoint.port}"
        engine = make_engine(settings, clock=clock, receipts_url=receipts_url)
        if sandbox:
            world.inbound_urls.update(inbound.addresses(engine.receipts_url, engine.secret))
        works = make_works(engine)
        if settings.is_embedded:
            uncertain = works.loop.recover()
            if uncertain:
                log.warning("recovered", uncertain=uncertain)
        robot: Robot | None = None
        crew = works.crew()
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
        crew.start()
        stack.callback(crew.stop)
        stack.enter_context(keeping(engine))
        if engine.channels.get(ChannelName.EMAIL):
            check_settings(engine)
            robot = stack.enter_context(Robot(engine))
        screen.say_well(
            _("Dispatcher works. Channels: {channels}. Ctrl+C stops it.").format(
                channels=", ".join(channel.value for channel in engine.channels) or _("none")
            )
        )
        if sandbox:
            journal = settings.data_dir / JOURNAL
            screen.say("  " + _("Rehearsal: what was received is in {path}").format(path=journal))
            _tell_mailbox(mailbox)
        _turn(works.loop, settings.poll_seconds, _stopped_by_signal(), pulse)
    screen.say(_("Stopped."))


def _rehearsing(
    stack: ExitStack, settings: Settings, clock: Clock
) -> "tuple[Settings, Sandbox, MailboxServer]":
    """The sandbox with its mailbox, started, and the settings that lead to them alone."""
    from channels.sandbox.mailbox_server import MailboxServer
    from dispatcher.rehearsal import open_sandbox, toward, with_mailbox

    journal = settings.data_dir / JOURNAL
    world = open_sandbox(settings, clock, journal=journal, simulated=False)
    mailbox = stack.enter_context(MailboxServer())
    settings = with_mailbox(mailbox, toward(stack.enter_context(world), settings))
    return settings, world, mailbox


def loop() -> None:
    settings = shared.settings()
    _need_redis(settings)
    works = make_works(make_engine(settings))
    with (
        _on_the_ledger(settings),
        watched(works.engine, "loop", needs_queue=True) as pulse,
        keeping(works.engine),
    ):
        screen.say_well(_("The loop works."))
        _turn(works.loop, settings.poll_seconds, _stopped_by_signal(), pulse)


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
    with (
        _on_the_ledger(settings),
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
        _wait(_stopped_by_signal(), pulse)
        crew.stop()


def mailrobot() -> None:
    settings = shared.settings()
    engine = make_engine(settings)
    check_settings(engine)
    stopped = _stopped_by_signal()  # before anybody is told that it works
    with (
        _on_the_ledger(settings),
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
        _wait(stopped, pulse)
    screen.say(_("Stopped."))


def _no_letters() -> str:
    return _(
        "No letters come in: neither DISPATCHER_MAILBOXES nor DISPATCHER_LMTP_PORT is set. What is "
        "owed is sent, and staff are reminded."
    )


def receipts() -> None:
    settings = shared.settings()
    engine = make_engine(settings)
    with (
        _endpoint(settings) as endpoint,
        serving(engine, endpoint),
        watched(engine, "receipts", works=lambda: _limping(endpoint=endpoint)) as pulse,
    ):
        screen.say_well(
            _("Receipts are taken at {host}:{port}.").format(host=endpoint.host, port=endpoint.port)
        )
        _wait(_stopped_by_signal(), pulse)


def _endpoint(settings: Settings) -> Endpoint:
    """Raises BadSetting for a port that cannot be had."""
    host, port = settings.receipts_host, settings.receipts_port
    advice = _(
        "Is it another dispatcher? “up” takes receipts by itself; stop one of the two, or set "
        "another port."
    )
    with listening(f"{PREFIX}RECEIPTS_PORT", host, port, advice):
        return Endpoint(host, port)


def sandbox(
    smtp_port: Annotated[int, typer.Option(min=0, max=65535)] = 2525,
    http_port: Annotated[int, typer.Option(min=0, max=65535)] = 8025,
    imap_port: Annotated[int, typer.Option(min=0, max=65535)] = 1143,
    journal: Annotated[Path | None, typer.Option(help=_("Where to write what comes."))] = None,
) -> None:
    from channels.sandbox.mailbox_server import MailboxServer
    from dispatcher.rehearsal import account_of, open_sandbox

    settings = shared.settings()
    need_free(
        "127.0.0.1",
        {"--smtp-port": smtp_port, "--http-port": http_port, "--imap-port": imap_port},
    )
    world = open_sandbox(
        settings,
        SystemClock(),
        journal=journal,
        simulated=False,
        smtp_port=smtp_port,
        http_port=http_port,
    )
    world.inbound_urls.update(
        inbound.addresses(receipts_url_of(settings), settings.signing_secret())
    )
    with world, MailboxServer(port=imap_port) as mailbox:
        screen.say_well(_("The sandbox listens. Settings that lead to it:"))
        for line in (
            f"DISPATCHER_SMTP_HOST={world.smtp_host}",
            f"DISPATCHER_SMTP_PORT={world.smtp_port}",
            "DISPATCHER_SMTP_TLS=none",
            "DISPATCHER_MAIL_FROM=info@example.com",
            f"DISPATCHER_SMSAERO_EMAIL={world.smsaero_email}",
            f"DISPATCHER_SMSAERO_API_KEY={world.smsaero_api_key}",
            f"DISPATCHER_SMSAERO_GATE={world.smsaero_gate}",
            "DISPATCHER_SMS_SIGN=Energosbyt",
            f"DISPATCHER_TWILIO_ACCOUNT_SID={world.twilio_account_sid}",
            f"DISPATCHER_TWILIO_AUTH_TOKEN={world.twilio_auth_token}",
            f"DISPATCHER_TWILIO_BASE_URL={world.twilio_base_url}",
            "DISPATCHER_CALLER_ID=+74951000000",
            f"DISPATCHER_MAILBOXES='{json.dumps([account_of(mailbox)])}'",
        ):
            print(line, flush=True)
        _tell_mailbox(mailbox)
        _wait(_stopped_by_signal())


def _tell_mailbox(mailbox: "MailboxServer") -> None:
    """Where a letter can be put by hand; nothing real is behind the password."""
    screen.say(
        "  "
        + _(
            "The sandbox's mailbox: {address} at {host}:{port} (IMAP), password {password}."
        ).format(
            address=mailbox.username,
            host=mailbox.host,
            port=mailbox.port,
            password=mailbox.password,
        )
    )
    screen.say("  " + _("To put a letter into it:"))
    # Whole on a line of its own, so that it can be copied.
    print(
        f"  curl --upload-file letter.eml --user {mailbox.username}:{mailbox.password} "
        f"imap://{mailbox.host}:{mailbox.port}/INBOX",
        flush=True,
    )


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


def _turn(
    loop: Loop, poll_seconds: float, stopped: threading.Event, pulse: Pulse | None = None
) -> None:
    """Tick until stopped. A database that is away is waited for; any other error is a bug, told
    and survived, because the campaigns of others must go on."""
    while not stopped.is_set():
        trouble = ""
        try:
            idle = _tick(loop)
        except (*LedgerFault, LedgerAway) as error:
            log.error("ledger.away", kind=type(error).__name__)
            metrics.tick_broken("ledger_away")
            idle, trouble = True, "the ledger does not answer"
        except Exception:
            log.exception("loop.broken")
            metrics.tick_broken("bug")
            idle, trouble = True, "the last turn of the loop was broken off"
        if pulse is not None:
            pulse.turn(trouble)
        if trouble:
            pause_seconds = poll_seconds
        else:
            pause_seconds = _sleep_seconds(loop, poll_seconds) if idle else BUSY_SECONDS
        stopped.wait(pause_seconds)


def _sleep_seconds(loop: Loop, poll_seconds: float) -> float:
    try:
        return loop.idle_seconds(poll_seconds)
    except LedgerFault:
        return poll_seconds


def _tick(loop: Loop) -> bool:
    """One turn; whether there was nothing to do."""
    with metrics.tick() as counted:
        tick = loop.tick()
        counted.claimed = tick.claimed
    return tick.is_idle


def _stopped_by_signal() -> threading.Event:
    """Set by the first signal to stop; a process that has not ended in time then is ended."""
    stopped = threading.Event()

    def stop(*_: object) -> None:
        if not stopped.is_set():
            stopped.set()
            limit = threading.Timer(STOP_SECONDS, _end_at_once)
            limit.daemon = True
            limit.start()

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, stop)
    return stopped


def _end_at_once() -> None:
    """Something hangs: a database, a provider, a thread. What is in flight stands in the ledger and
    is found there; whoever stopped us would kill us a little later all the same."""
    log.warning("stop.forced", after_seconds=STOP_SECONDS)
    os._exit(0)


def _wait(stopped: threading.Event, pulse: Pulse | None = None) -> None:
    """Until a signal says so; one in the instant before we begin to wait would wake nobody."""
    while not stopped.wait(0.5):
        if pulse is not None:
            pulse.turn()


def _need_redis(settings: Settings) -> None:
    if settings.redis_url is None:
        raise BadSetting(
            "DISPATCHER_REDIS_URL",
            _("several processes share work through Redis; for one process use “dispatcher up”."),
        )


@contextmanager
def _on_the_ledger(settings: Settings) -> Iterator[None]:
    """Roles may share an embedded ledger with each other, but not with `up`, which on its start
    takes everything in flight for dead."""
    if not settings.is_embedded:
        yield
        return
    with locked(settings.data_dir, fcntl.LOCK_SH):
        yield


@contextmanager
def locked(data_dir: Path, how: int) -> Iterator[None]:
    """A lock on the folder of the embedded ledger; it goes with the process."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data_dir / "lock").open("w") as file:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunning(str(data_dir)) from None
        yield
