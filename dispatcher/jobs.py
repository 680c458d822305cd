"""Doing the jobs that staff ask for on the screen: imports, rehearsals, launches.

Each process of the role has a few threads for them: what is short is not held up by what is long. A
job belongs to whoever took it as long as it gives signs of life; if its process dies, another one
begins it anew, but not for ever. So a doer first takes back what a former try has left half done,
and what it leaves at its end is whole.
"""

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, Self

import structlog

from dispatcher.engine import Engine
from dispatcher.errors import DispatcherError, LedgerAway
from dispatcher.ledger import LedgerFault, Transaction, jobs
from dispatcher.ledger.connection import may_pass
from dispatcher.ledger.jobs import Job, JobStatus, TakenOver
from dispatcher.rounds import Rounds
from templates.i18n import _, speaking

log = structlog.get_logger()

BEAT_SECONDS = 5.0
# Who was silent for so long is dead, or stands so still that it must not go on.
SILENT = timedelta(seconds=60)
JOIN_SECONDS = 5.0
# A job that kills whoever does it must not kill everybody, one after the other.
MOST_TRIES = 3


class Progress:
    """How far a job is: told by its doer, written down now and then, and shown on the screen.

    Calling it raises TakenOver when the job is somebody else's by now, or the process is to stop.
    """

    def __init__(self, engine: Engine, job: Job, claim: str, ended: threading.Event) -> None:
        self._engine, self._job, self._claim, self._ended = engine, job, claim, ended
        self._done, self._total = 0, job.total
        self._lost = threading.Event()

    def __call__(self, done: int, total: int | None = None) -> None:
        self._done, self._total = done, total or self._total
        if self._lost.is_set() or self._ended.is_set():
            raise TakenOver

    def keep_telling(self, over: threading.Event) -> None:
        """In a thread of its own: a doer may be busy for long with one thing."""
        wait_seconds = 0.5  # the first figures soon
        while not over.wait(wait_seconds):
            wait_seconds = min(wait_seconds * 2, BEAT_SECONDS)
            now, done, total = self._engine.clock.now(), self._done, self._total
            try:
                with self._engine.ledger.write() as tx:
                    if not jobs.beat(tx, self._job.id, self._claim, now, done, total):
                        self._lost.set()
                        return
            except (LedgerAway, *LedgerFault):
                continue


# Does a job and tells what came of it, as JSON. A DispatcherError is told to who asked.
Doer = Callable[[Engine, Job, Progress], Mapping[str, Any]]
# Asked before a job is said to have failed: what came of it nevertheless, if anything did. What
# could still come of it, by somebody who wakes up late, is taken back in the same transaction.
Remains = Callable[[Transaction, Engine, Job], Mapping[str, Any] | None]


class JobRunner(Rounds):
    """The thread that does jobs. `doers` and `remains`: by kind.

    What is under way when it stops is broken off; the next process begins it anew.
    """

    def __init__(
        self,
        engine: Engine,
        doers: Mapping[str, Doer],
        remains: Mapping[str, Remains] | None = None,
        name: str = "jobs",
    ) -> None:
        super().__init__(name, JOIN_SECONDS)
        self.engine, self.doers, self.remains = engine, doers, remains or {}

    def do_next(self) -> bool:
        """Do one job, if there is one; whether there was."""
        claim, now = str(uuid.uuid4()), self.engine.clock.now()
        with self.engine.ledger.write() as tx:
            job = jobs.take(tx, list(self.doers), claim, now, now - SILENT)
        if job is None:
            return False
        if job.tries > MOST_TRIES:
            log.error("job.given_up", job=job.id, kind=job.kind, tries=MOST_TRIES)
            with self._speaking(job):
                why = _(
                    "It was begun three times, and each time it broke off. Tell an administrator "
                    "before you try again."
                )
            self._fail(job, {"why": why})
            return True
        over = threading.Event()
        progress = Progress(self.engine, job, claim, self._ended)
        telling = threading.Thread(target=progress.keep_telling, args=(over,), daemon=True)
        telling.start()
        try:
            status, told = self._do(job, progress)
        except TakenOver:
            log.warning("job.left", job=job.id, kind=job.kind)
            if self._ended.is_set():
                with self.engine.ledger.write() as tx:
                    jobs.give_back(tx, job)
            return True
        finally:
            over.set()
            telling.join()
        if status is JobStatus.FAILED:
            self._fail(job, told)
        else:
            self.engine.ledger.insist(lambda tx: self._end(tx, job, status, told))
            log.info("job.over", job=job.id, kind=job.kind, status=status.value)
        return True

    def _fail(self, job: Job, why: Mapping[str, Any]) -> None:
        """End a job as failed; or as done, if what it was for is there all the same."""

        def act(tx: Transaction) -> JobStatus | None:
            # First of all: from here on until the end nobody else tells what came of it.
            if not jobs.beat(tx, job.id, job.claim, self.engine.clock.now(), None):
                return None
            remains = self.remains.get(job.kind)
            stands = remains(tx, self.engine, jobs.get(tx, job.id)) if remains else None
            status = JobStatus.FAILED if stands is None else JobStatus.DONE
            self._end(tx, job, status, why if stands is None else stands)
            return status

        status = self.engine.ledger.insist(act)
        if status is None:
            log.warning("job.left", job=job.id, kind=job.kind)
        else:
            log.info("job.over", job=job.id, kind=job.kind, status=status.value)

    def _end(self, tx: Transaction, job: Job, status: JobStatus, told: Mapping[str, Any]) -> None:
        jobs.end(tx, job, status, told, self.engine.clock.now())

    def _speaking(self, job: Job) -> AbstractContextManager[None]:
        """The language of whoever asked."""
        return speaking(str(job.asked.get("language", self.engine.settings.language)))

    def _do(self, job: Job, progress: Progress) -> tuple[JobStatus, Mapping[str, Any]]:
        try:
            with self._speaking(job):
                return JobStatus.DONE, self.doers[job.kind](self.engine, job, progress)
        except LedgerAway:
            raise
        except DispatcherError as error:
            return JobStatus.FAILED, {"why": str(error)}
        except TakenOver:
            raise
        except Exception as error:
            if may_pass(error):
                raise
            # Waiting mends nothing of what the database says of this job alone.
            log.exception("job.broken", job=job.id, kind=job.kind)
            return JobStatus.FAILED, {"why": "", "broken": True}

    def _run(self) -> None:
        self._go_round(self.do_next)


class Lanes:
    """Runners of one process, each with kinds of its own: what takes long holds up nothing short.

    A kind has one lane, and a lane does one job at a time.
    """

    def __init__(self, runners: Sequence[JobRunner]) -> None:
        self._runners = runners

    def start(self) -> Self:
        for runner in self._runners:
            runner.start()
        return self

    def stop(self) -> None:
        """All at once: each takes a while to notice."""
        with ThreadPoolExecutor(len(self._runners)) as pool:
            for stopped in [pool.submit(runner.stop) for runner in self._runners]:
                stopped.result()

    @property
    def is_whole(self) -> bool:
        return all(runner.is_whole for runner in self._runners)
