"""The mail-robot at work: a thread for each mailbox, one for what is handed over by LMTP, one that
sends, one that beats, and one that looks after deadlines and after the minute.
"""

import threading
import time
import uuid
from collections.abc import Callable, Collection, Sequence
from types import TracebackType
from typing import Self

import structlog

from campaigns.channel import ChannelName
from campaigns.inquiry.address import is_usable
from channels.mailbox.arrived import Arrived
from channels.mailbox.imap import ImapIntake
from channels.mailbox.lmtp import LmtpListener
from channels.mailbox.look import First, FirstLook, Look
from dispatcher.engine import Engine
from dispatcher.errors import BadSetting, LedgerAway
from dispatcher.inquiries.reminding import remind
from dispatcher.ledger import LedgerFault, letters, mailboxes, robots
from dispatcher.ledger.mailboxes import MailboxState
from dispatcher.listening import listening
from dispatcher.mailrobot.heart import Heart
from dispatcher.mailrobot.postman import Postman
from dispatcher.mailrobot.taking_in import TakingIn
from dispatcher.mailrobot.wellbeing import LMTP, wellbeing
from dispatcher.settings import PREFIX
from templates.i18n import _

log = structlog.get_logger()

MEGABYTE = 1024 * 1024
LOOK_SECONDS = 3.0
REMIND_SECONDS = 60.0
ALARM_SECONDS = 10.0
# All that a stop may take. Who is not done by then is left to its own end.
STOP_SECONDS = 7.0


class Robot:
    """Built over an engine; works between `start` and `stop`. Raises BadSetting.

    Any number of robots may share a ledger: each letter is taken in once, and sent by one of them.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._id = str(uuid.uuid4())
        self._stopped = threading.Event()
        self._postman = Postman(engine, self._id)
        self._heart = Heart(engine, self._id, freed=self._postman.wake)
        self._quiet = threading.Event()
        self._taking_in = TakingIn(engine)
        self._threads: list[threading.Thread] = []
        self._sending: threading.Thread | None = None
        self._beating: threading.Thread | None = None
        self._intakes = self._make_intakes()
        self._lmtp = self._listener()

    @property
    def lmtp_port(self) -> int | None:
        """Where letters may be handed over; known as soon as the robot is made."""
        return self._lmtp.port if self._lmtp else None

    def start(self) -> Self:
        self._heart.beat()
        for intake in self._intakes:
            self._begin("mailbox", intake.run)
        if self._lmtp is not None:
            self._lmtp.start()
            self._listens()
        self._sending = self._begin("postman", self._postman.run)
        self._begin("robot", self._look_after)
        self._beating = threading.Thread(
            target=self._heart.run, args=(self._quiet, self._is_at_work), name="heart", daemon=True
        )
        self._beating.start()
        return self

    def stop(self) -> None:
        """What is being taken in or sent is finished; nothing new is begun."""
        until = time.monotonic() + STOP_SECONDS
        self._stopped.set()
        self._postman.wake()
        if self._lmtp is not None:
            self._lmtp.stop()
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0))
        if self._is_at_work() or self._postman.holds_letters:
            # A mail server thinks about a letter, and to free that is to send it twice. The heart
            # beats on while we live; after that the letter is a dead robot's.
            log.warning("robot.left_with_letters")
            return
        self._quiet.set()
        if self._beating is not None:
            self._beating.join(max(until - time.monotonic(), 1))
        try:
            with self._engine.ledger.write() as tx:
                robots.leave(tx, self._id)
        except LedgerFault:
            log.warning("robot.left_without_a_word")  # it is seen no more, which says the same

    @property
    def is_whole(self) -> bool:
        """Whether everything that belongs to it is at work."""
        threads = [*self._threads, *([self._beating] if self._beating else [])]
        is_listening = self._lmtp is None or self._lmtp.is_serving
        return bool(threads) and is_listening and all(one.is_alive() for one in threads)

    def _is_at_work(self) -> bool:
        return self._sending is not None and self._sending.is_alive()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def take(self, batch: Sequence[Arrived]) -> Collection[int]:
        """Put letters into the ledger; the uids of those that are safe there."""
        taken = self._taking_in.take(batch)
        self._postman.wake()
        return taken

    def _make_intakes(self) -> Sequence[ImapIntake]:
        settings = self._engine.settings
        try:
            return [
                ImapIntake(
                    account,
                    self.take,
                    self._seen(account.name),
                    self._looked,
                    now=self._engine.clock.now,
                    first=self._first_look(account.name),
                    away=(LedgerAway, *LedgerFault),
                    letter_max_bytes=settings.letter_max_mb * MEGABYTE,
                )
                for account in settings.mailboxes
            ]
        except ValueError as error:
            raise BadSetting(f"{PREFIX}MAILBOXES", str(error)) from None

    def _listener(self) -> LmtpListener | None:
        settings = self._engine.settings
        if not settings.lmtp_port:
            return None
        host, port = settings.lmtp_host, settings.lmtp_port
        with listening(f"{PREFIX}LMTP_PORT", host, port, _another_robot()):
            return LmtpListener(
                host,
                port,
                self._take_handed_over,
                now=self._engine.clock.now,
                letter_max_bytes=settings.letter_max_mb * MEGABYTE,
            )

    def _take_handed_over(self, arrived: Arrived) -> bool:
        done = self._taking_in.take_one(arrived)
        self._postman.wake()
        return done

    def _seen(self, mailbox: str) -> Callable[[int, Sequence[int]], Collection[int]]:
        def seen(uid_validity: int, uids: Sequence[int]) -> Collection[int]:
            with self._engine.ledger.read() as tx:
                return letters.uids_taken(tx, mailbox, uid_validity, uids)

        return seen

    def _first_look(self, mailbox: str) -> First:
        def first(look: FirstLook) -> FirstLook:
            with self._engine.ledger.write() as tx:
                return mailboxes.first_look(tx, mailbox, look)

        return first

    def _looked(self, look: Look) -> None:
        state = MailboxState(
            look.mailbox,
            look.looked_at,
            look.waiting,
            look.oldest_at,
            look.left_alone,
            look.trouble,
        )
        try:
            with self._engine.ledger.write() as tx:
                mailboxes.note(tx, state)
        except LedgerFault as error:
            log.error("ledger.away", kind=type(error).__name__)

    def _begin(self, name: str, work: Callable[[threading.Event], object]) -> threading.Thread:
        thread = threading.Thread(target=work, args=(self._stopped,), name=name, daemon=True)
        thread.start()
        self._threads.append(thread)
        return thread

    def _look_after(self, stopped: threading.Event) -> None:
        """Remind staff, and cry out before the minute is over."""
        next_reminding = next_alarm = time.monotonic()
        while not stopped.wait(LOOK_SECONDS):
            try:
                if time.monotonic() >= next_alarm:
                    next_alarm = time.monotonic() + ALARM_SECONDS
                    self._listens()
                    for alarm in self.alarms():
                        log.error("mailrobot.alarm", what=alarm)
                if time.monotonic() >= next_reminding:
                    next_reminding = time.monotonic() + REMIND_SECONDS
                    if remind(self._engine, self._engine.clock.now()):
                        self._postman.wake()
            except (*LedgerFault, LedgerAway) as error:
                log.error("ledger.away", kind=type(error).__name__)
            except Exception:
                log.exception("robot.broken")

    def alarms(self) -> Sequence[str]:
        """What is wrong with the minute, for staff; this robot's own listener included."""
        alarms = list(wellbeing(self._engine).alarms)
        if self._lmtp is not None and not self._lmtp.is_serving:
            alarms.append(_("LMTP: this robot listens no more; start it anew."))
        return alarms

    def _listens(self) -> None:
        """As with a mailbox, somebody may see from elsewhere whether letters can come in."""
        if self._lmtp is not None and self._lmtp.is_serving:
            self._looked(Look(LMTP, self._engine.clock.now()))


def _another_robot() -> str:
    return _(
        "Most likely another mail-robot takes letters over there, with the same settings. Stop it; "
        "or, if two are meant to work, set DISPATCHER_LMTP_PORT=0 for this one: they share the "
        "ledger."
    )


def check_settings(engine: Engine) -> None:
    """What a robot cannot do without. Raises BadSetting."""
    if not engine.channels.get(ChannelName.EMAIL):
        raise BadSetting(
            f"{PREFIX}SMTP_HOST", _("the mail-robot answers by e-mail: it needs a mail server.")
        )
    person = engine.settings.inquiries_to
    if person and not is_usable(person):
        raise BadSetting(f"{PREFIX}INQUIRIES_TO", _("one e-mail address is expected."))
    names = [box.name for box in engine.settings.mailboxes]
    if len(set(names)) != len(names):
        raise BadSetting(f"{PREFIX}MAILBOXES", _("each mailbox needs a name of its own."))
