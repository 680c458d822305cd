"""Letters in by IMAP: one mailbox, looked after for as long as the robot runs.

A letter is taken within a moment of the server's notice (IDLE), and within `poll_seconds` where the
notice is lost. Nothing is marked or moved before it is safely in the ledger; whatever fails, the
next look finds it again.
"""

import logging
import ssl
import threading
import time
import traceback
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from channels.mailbox.account import MailboxAccount
from channels.mailbox.backoff import Backoff
from channels.mailbox.imap_memory import FolderMemory
from channels.mailbox.imap_round import Round, Terms
from channels.mailbox.imap_session import ImapSession, open_session
from channels.mailbox.imap_troubles import (
    LoginRefused,
    NotTaken,
    Trouble,
    trouble_of,
    words,
    words_about_letters,
)
from channels.mailbox.imap_wire import Stopped
from channels.mailbox.look import First, Look, Looked, Seen, Take
from templates.i18n import current_language, speaking

logger = logging.getLogger(__name__)

MEGABYTE = 1024 * 1024
LOGIN_SECONDS = 60.0  # a wrong password tried too often locks the account
REPORT_SECONDS = 5.0  # between two reports of one long look
TIDY_SECONDS = 300.0  # between tries to move what could not be moved


class ImapIntake:
    """Looks after one folder. Raises ValueError when the password would travel in the clear to
    another machine.

    `first` keeps when we first looked into the folder; without it letters are taken in however old
    they are. `away` are the errors that `take`, `seen` and `first` raise while the ledger is away.
    `slowest_seconds` bounds the wait for a server or a ledger that is away: with the poll's twenty
    seconds a letter that came in meanwhile is still answered within its minute.
    """

    def __init__(
        self,
        account: MailboxAccount,
        take: Take,
        seen: Seen,
        looked: Looked,
        *,
        now: Callable[[], datetime],
        first: First | None = None,
        away: tuple[type[Exception], ...] = (OSError,),
        poll_seconds: float = 20.0,
        letter_max_bytes: int = 40 * MEGABYTE,
        timeout_seconds: float = 30.0,
        slowest_seconds: float = 20.0,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        account.need_hidden_password()  # a copy with changes was never looked at
        self._account, self._looked, self._now = account, looked, now
        self._terms = Terms(
            account.name, take, seen, now, letter_max_bytes, first, account.first_days, away
        )
        self._poll_seconds, self._timeout_seconds = poll_seconds, timeout_seconds
        self._tls_context = tls_context
        self._memory = FolderMemory()
        self._server_backoff = Backoff(slowest_seconds)
        self._ledger_backoff = Backoff(slowest_seconds)
        self._language = current_language()  # of who made us: threads do not inherit it
        self._trouble: Trouble | None = None
        self._moves_fail = self._looked_again = self._went_well = False
        self._tidy_at = self._report_at = 0.0

    def run(self, stopped: threading.Event) -> None:
        """Look after the mailbox until `stopped` is set. Never raises."""
        with speaking(self._language):
            while not stopped.is_set():
                try:
                    pause_seconds = self._attend(stopped)
                except Stopped:
                    return
                except Exception:
                    # Not the traceback: the error's words may be the server's.
                    logger.error("%s: the intake is broken, and goes on", self._account.name)
                    pause_seconds = self._server_backoff.next_seconds()
                stopped.wait(pause_seconds)

    def _attend(self, stopped: threading.Event) -> float:
        """One connection, from login until it is lost; how long to wait before the next."""
        session: ImapSession | None = None
        try:
            session = open_session(
                self._account,
                stopped,
                timeout_seconds=self._timeout_seconds,
                tls_context=self._tls_context,
            )
            self._tidy_at = 0.0
            while True:
                self._look(session, stopped)
        except Stopped:
            raise
        except LoginRefused as error:
            self._in_trouble(error)
            return LOGIN_SECONDS
        except Exception as error:
            # A connection that is lost once is taken up again within a second: no trouble yet.
            self._in_trouble(error, is_told=not self._went_well)
            self._went_well = False
            return self._server_backoff.next_seconds()
        finally:
            if session is not None:
                session.close()

    def _look(self, session: ImapSession, stopped: threading.Event) -> None:
        """Take in what waits; then wait for more, unless more has come meanwhile."""
        looking = Round(session, self._memory, self._terms, self._report_now_and_then)
        try:
            if time.monotonic() >= self._tidy_at:
                self._tidy_at = time.monotonic() + TIDY_SECONDS
                looking.tidy()
            looking.go()
        except NotTaken as error:
            self._in_trouble(error)
            if stopped.wait(self._ledger_backoff.next_seconds()):
                raise Stopped from error
            return
        finally:
            if looking.taken:  # a connection that is lost over one letter still carries others
                self._server_backoff.reset()
            if looking.moves_fail is not None:
                self._moves_fail = looking.moves_fail
        self._all_well()
        self._report(self._memory.put_off_count)
        again = bool(looking.taken) or (session.has_news and not self._looked_again)
        self._looked_again = again and not looking.taken  # some servers always have news
        if not again:
            session.rest(min(self._poll_seconds, self._memory.seconds_until_due()))

    def _all_well(self) -> None:
        self._server_backoff.reset()
        self._ledger_backoff.reset()
        self._went_well = True
        if self._trouble is not None:
            logger.warning("%s: looked into again", self._account.name)
            self._trouble = None

    def _in_trouble(self, error: Exception, *, is_told: bool = True) -> None:
        """Tell staff each time, and the log when it is something new."""
        trouble = trouble_of(error)
        if trouble is not self._trouble:
            self._trouble = trouble
            cause = (error.__cause__ if isinstance(error, NotTaken) else None) or error
            logger.warning("%s: %s (%s)", self._account.name, trouble, type(cause).__name__)
            if trouble is Trouble.OWN_FAULT:
                logger.error("%s: broken at %s", self._account.name, _place(cause))
        if is_told:
            self._tell(Look(self._account.name, None, trouble=words(trouble)))

    def _report_now_and_then(self, waiting: int) -> None:
        if time.monotonic() >= self._report_at:
            self._report(waiting)

    def _report(self, waiting: int) -> None:
        self._report_at = time.monotonic() + REPORT_SECONDS
        told = words_about_letters(self._memory.stuck, moves_fail=self._moves_fail)
        memory = self._memory
        self._tell(
            Look(
                self._account.name,
                self._now(),
                waiting,
                memory.oldest_at,
                left_alone=memory.left_alone,
                trouble=told,
            )
        )

    def _tell(self, look: Look) -> None:
        try:
            self._looked(look)
        except Exception as error:
            logger.warning("%s: nobody could be told (%s)", look.mailbox, type(error).__name__)


def _place(error: BaseException) -> str:
    """Where an error came up. Not its words: they may be a letter's."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
