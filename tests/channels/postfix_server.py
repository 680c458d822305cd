"""A Postfix of our own on free ports, as a house has it: it hands letters for some addresses to us
by LMTP, takes what we send by SMTP, and relays everything else to a server of the test's."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

from tests.ledger.servers import unavailable

_PROGRAMS = Path("/usr/lib/postfix/sbin")
_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = {programs}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.com
mydestination =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
transport_maps = inline:{{ {ours} }}
default_transport = smtp:[127.0.0.1]:{next_port}
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
"""
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """Started by root only; `port` takes letters by SMTP."""

    def __init__(self, *addresses: str, lmtp_port: int, next_port: int) -> None:
        program = shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None or not (_PROGRAMS / "master").exists() or os.getuid() != 0:
            unavailable("needs Postfix, and root to start it")
        self._program = program
        self._folder = Path(tempfile.mkdtemp(prefix="dispatcher-postfix-"))
        self._folder.chmod(0o755)
        (self._folder / "queue").mkdir()
        (self._folder / "data").mkdir()
        owner = pwd.getpwnam("postfix")
        os.chown(self._folder / "data", owner.pw_uid, owner.pw_gid)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        config = self._folder / "config"
        config.mkdir()
        told = {"folder": self._folder, "programs": _PROGRAMS, "port": self.port}
        ours = ", ".join(f"{{ {one} = lmtp:inet:127.0.0.1:{lmtp_port} }}" for one in addresses)
        (config / "main.cf").write_text(_MAIN.format(**told, ours=ours, next_port=next_port))
        (config / "master.cf").write_text(_MASTER.format(**told))
        self._run("start")
        self._wait_for_port()

    def log(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return (self._folder / "log").read_text("utf-8", "replace")
        return ""

    def remove(self) -> None:
        self._run("abort")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, what: str) -> None:
        done = subprocess.run(
            [self._program, "-c", str(self._folder / "config"), what],
            capture_output=True,
            timeout=30,
            check=False,
        )
        if done.returncode:
            unavailable(f"Postfix does not {what}: {done.stderr.decode(errors='replace')[-500:]}")

    def _wait_for_port(self) -> None:
        tick = threading.Event()
        for _try in range(500):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            tick.wait(0.02)
        unavailable("Postfix does not start")
