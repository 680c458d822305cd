"""Commands in processes of their own, each forked from one that has the heavy libraries at hand.

Half of a short command's time is importing them. The language is chosen before the command line's
own modules are imported, so those are not among them.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from dispatcher.cli import main

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["dispatcher.wiring", "dispatcher.rehearsal", "dispatcher.campaigning", "dispatcher.report"]
)
TIMEOUT_SECONDS = 120


def run_command(
    arguments: Sequence[str], home: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """`dispatcher ARGUMENTS…` in a folder, with nothing in its environment but what is given."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        command = _FORKS.Process(
            target=_command, args=(list(arguments), home, dict(environment), out, err)
        )
        command.start()
        command.join(TIMEOUT_SECONDS)
        if command.exitcode is None:
            command.kill()
            raise subprocess.TimeoutExpired(list(arguments), TIMEOUT_SECONDS)
        return subprocess.CompletedProcess(
            list(arguments), command.exitcode, out.read_text("utf-8"), err.read_text("utf-8")
        )


def _command(
    arguments: list[str], home: Path, environment: dict[str, str], out: Path, err: Path
) -> None:
    os.chdir(home)
    os.environ.clear()
    os.environ.update(environment)
    for stream, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(file, stream)
        os.close(file)
    sys.argv = ["dispatcher", *arguments]
    main()
