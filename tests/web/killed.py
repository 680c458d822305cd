"""A process that does jobs over a ledger and is killed after so many of its commits."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from dispatcher.ledger import Ledger, Transaction
from dispatcher.rehearsal import stand_ins
from dispatcher.settings import Settings
from dispatcher.web.jobs import make_runner
from dispatcher.wiring import make_engine

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["dispatcher.wiring", "dispatcher.rehearsal", "dispatcher.web.jobs"])
TIMEOUT_SECONDS = 60


def do_one_job(folder: Path, commits: int) -> bool:
    """Do the job that waits, in a process that dies after its `commits`-th commit; whether it did.

    The process dies as by `kill -9`: nothing is tidied up, no transaction ended.
    """
    child = _FORKS.Process(target=_live, args=(folder, commits))
    child.start()
    child.join(TIMEOUT_SECONDS)
    if child.exitcode is None:
        child.kill()
        raise TimeoutError
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode != 0


def _live(folder: Path, commits: int) -> None:
    settings = Settings(_env_file=None, data_dir=folder, secret=SecretStr("of the tests"))
    engine = make_engine(settings)
    engine.channels = stand_ins()
    _die_after(engine.ledger, commits)
    make_runner(engine).do_next()


def _die_after(ledger: Ledger, commits: int) -> None:
    left, write = commits, ledger.write

    @contextmanager
    def counted(lock_seconds: float | None = None) -> Iterator[Transaction]:
        nonlocal left
        with write(lock_seconds) as tx:
            yield tx
        if threading.current_thread() is threading.main_thread():
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    ledger.write = counted  # type: ignore[method-assign]
