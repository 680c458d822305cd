"""The command `dispatcher mailrobot` in a process of its own, which a test may kill.

Forked from a process without threads that has read all the libraries once: starting anew from
nothing takes seconds each time.
"""

import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path

# Heavy, and else imported late: read once for all children.
import campaigns.inquiry.sorting  # noqa: F401
import channels.email.smtp
import channels.mailbox.imap  # noqa: F401
import dispatcher.cli.mailrobot  # noqa: F401
from dispatcher.cli import main

LONG_SECONDS = 60.0
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.flow.dying", "tests.flow.robot_alive"])


class Robots:
    """One process after the other, with these settings; what they say goes to a file."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder, self._settings = folder, dict(settings)
        self._process: multiprocessing.process.BaseProcess | None = None

    def start(self) -> None:
        self._process = FORKS.Process(target=live, args=(self._folder, self._settings))
        self._process.start()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def wait(self) -> int | None:
        assert self._process is not None
        self._process.join(LONG_SECONDS)
        return self._process.exitcode

    def stop(self) -> int | None:
        """As the system stops a service."""
        assert self._process is not None
        self._process.terminate()
        return self.wait()

    def told(self) -> str:
        return (self._folder / "log").read_text("utf-8", "replace")


def live(folder: Path, settings: Mapping[str, str]) -> None:
    """Be `dispatcher mailrobot` until somebody ends it."""
    for name in [name for name in os.environ if name.startswith("DISPATCHER_")]:
        del os.environ[name]
    os.environ.update(settings)
    os.chdir(folder)
    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = ["dispatcher", "mailrobot"]
    main()
