"""Real mail servers for the tests: Dovecot and the sandbox's."""

import contextlib
import os
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from imap_tools import MailBoxUnencrypted
from pydantic import SecretStr

from channels.mailbox.account import MailboxAccount
from channels.sandbox.mailbox_server import MailboxServer
from tests.ledger.servers import unavailable

PASSWORD = "secret-of-the-tests"


class MailServer(Protocol):
    """What the tests ask of a mail server. `prompt_seconds`: how soon it tells who waits."""

    keeps_keywords: bool

    port: int
    username: str
    prompt_seconds: float

    def drop(self, raw: bytes) -> None: ...
    def drop_many(self, letters: list[bytes]) -> None: ...
    def kill(self) -> None: ...
    def revive(self) -> None: ...


def account(server: MailServer, **changes: object) -> MailboxAccount:
    """A mailbox's settings as they point at a server of the tests."""
    told: dict[str, object] = {
        "name": "info",
        "host": "127.0.0.1",
        "port": server.port,
        "username": server.username,
        "password": SecretStr(PASSWORD),
        "tls": "none",
    }
    return MailboxAccount.model_validate(told | changes)


@contextlib.contextmanager
def staff(server: MailServer, folder: str | None = "INBOX") -> Iterator[MailBoxUnencrypted]:
    """A person's mail client."""
    with MailBoxUnencrypted("127.0.0.1", server.port, timeout=10) as box:
        box.login(server.username, PASSWORD, initial_folder=folder)
        box.client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield box


def subjects(server: MailServer, folder: str = "INBOX") -> list[str]:
    """Of what lies in a folder; a folder that is missing is empty."""
    with staff(server, None) as box:
        if not box.folder.exists(folder):
            return []
        box.folder.set(folder)
        return sorted(one.subject for one in box.fetch(mark_seen=False, bulk=True))


def flags(server: MailServer) -> dict[str, set[str]]:
    """Of what lies in INBOX, by subject."""
    with staff(server) as box:
        return {one.subject: set(one.flags) for one in box.fetch(mark_seen=False)}


class SandboxMailbox:
    """The sandbox's server. Killed, it loses its letters and comes back another."""

    keeps_keywords = False
    prompt_seconds = 1.0

    def __init__(self) -> None:
        self.username = "robot@example.com"
        self._server = MailboxServer(username=self.username, password=PASSWORD).start()
        self.port = self._server.port

    def drop(self, raw: bytes) -> None:
        self._server.drop(raw)

    def drop_many(self, letters: list[bytes]) -> None:
        for letter in letters:
            self._server.drop(letter)

    def kill(self) -> None:
        self._server.stop()

    def revive(self) -> None:
        self._server = MailboxServer(
            port=self.port, username=self.username, password=PASSWORD
        ).start()


_CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap lmtp
listen = 127.0.0.1
ssl = {ssl}
ssl_cert = <{certificate}
ssl_key = <{certificate}
disable_plaintext_auth = no
auth_failure_delay = 0
mail_location = maildir:{folder}/mail/%u
mail_fsync = never
first_valid_uid = 1
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group_of_user} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  chroot =
  # or else a wrong password holds up every login from this machine
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
"""


class Dovecot:
    """A Dovecot of our own on free ports. Any user may log in with the tests' password; letters
    come by LMTP."""

    def __init__(self, certificate: Path) -> None:
        program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None or not Path("/usr/lib/dovecot/lmtp").exists():
            unavailable("needs dovecot-imapd and dovecot-lmtpd")
        self._program = program
        self._folder = Path(tempfile.mkdtemp(prefix="dispatcher-dovecot-"))
        self._folder.chmod(0o755)
        self.port, self.tls_port, self.lmtp_port = _free_ports(3)
        own = pwd.getpwuid(os.getuid())
        as_root = own.pw_uid == 0
        user = pwd.getpwnam("nobody") if as_root else own
        (self._folder / "mail").mkdir()
        os.chown(self._folder / "mail", user.pw_uid, user.pw_gid)
        config = _CONFIG.format(
            folder=self._folder,
            ssl="yes",
            certificate=certificate,
            internal="dovecot" if as_root else own.pw_name,
            group="dovecot" if as_root else own.pw_gid,
            login="dovenull" if as_root else own.pw_name,
            password=PASSWORD,
            user=user.pw_uid,
            group_of_user=user.pw_gid,
            port=self.port,
            tls_port=self.tls_port,
            lmtp_port=self.lmtp_port,
        )
        self._config = self._folder / "dovecot.conf"
        self._config.write_text(config)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "-F", "-c", str(self._config)], start_new_session=True
        )
        _wait_for_port(self.port)
        _wait_for_port(self.lmtp_port)

    def stop(self) -> None:
        """All its processes at once: asked politely, they would end their conversations first."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


class DovecotMailbox:
    """One user of a Dovecot."""

    keeps_keywords = True
    prompt_seconds = 2.0

    def __init__(self, dovecot: Dovecot, username: str) -> None:
        self._dovecot, self.username = dovecot, username
        self.port = dovecot.port

    def drop(self, raw: bytes) -> None:
        self.drop_many([raw])

    def drop_many(self, letters: list[bytes]) -> None:
        with smtplib.LMTP("127.0.0.1", self._dovecot.lmtp_port) as lmtp:
            for letter in letters:
                lmtp.sendmail("customer@example.org", [self.username], letter)

    def kill(self) -> None:
        self._dovecot.stop()

    def revive(self) -> None:
        self._dovecot.start()


@pytest.fixture(scope="session")
def dovecot(certificate: Path) -> Iterator[Dovecot]:
    server = Dovecot(certificate)
    yield server
    server.remove()


@pytest.fixture(params=["pymap", "dovecot"])
def mail_server(request: pytest.FixtureRequest) -> Iterator[MailServer]:
    """An empty mailbox on either server."""
    if request.param == "pymap":
        sandbox = SandboxMailbox()
        yield sandbox
        sandbox.kill()
    else:
        shared: Dovecot = request.getfixturevalue("dovecot")
        name = zlib.crc32(request.node.nodeid.encode())
        yield DovecotMailbox(shared, f"box-{name}@example.com")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        bound = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _one in range(count)
        ]
        return [int(one.getsockname()[1]) for one in bound]


def _wait_for_port(port: int) -> None:
    """Until a server answers; a refused connection returns at once, hence the pause between."""
    tick = threading.Event()
    for _try in range(500):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        tick.wait(0.02)
    unavailable("Dovecot does not start")
