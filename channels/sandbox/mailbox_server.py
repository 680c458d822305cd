"""The mailbox of the sandbox: a real IMAP server in memory, with IDLE, in a thread of its own."""

import asyncio
import contextlib
import imaplib
import logging
import socket
import threading
from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Self

from imap_tools import MailBoxUnencrypted
from imap_tools.errors import ImapToolsError
from proxyprotocol.reader import ProxyProtocolReader
from proxyprotocol.sock import SocketInfo
from pymap.backend.dict import Config, Identity, Login, Session
from pymap.concurrent import Event, Subsystem
from pymap.imap import IMAPServer
from pymap.interfaces.login import IdentityInterface
from pymap.selected import SelectedMailbox
from pymap.user import Passwords, UserMetadata
from pysasl.hashing import Cleartext

from channels.server_thread import ServerThread, bound_socket

logger = logging.getLogger(__name__)

# They tell of clients that hang up in the middle of a word, which is what a rehearsal is for.
logging.getLogger("pymap").setLevel(logging.ERROR)

TIMEOUT_SECONDS = 10.0


class _Config(Config):
    @property
    def greeting(self) -> bytes:
        return b"Dispatcher sandbox"  # the library would ask DNS for our name each time


class _Session(Session):
    """Tells a client that begins to IDLE what has come since its last command, as other servers
    do; the library would wait for the next letter."""

    async def check_mailbox(
        self,
        selected: SelectedMailbox,
        *,
        wait_on: Event | None = None,
        housekeeping: bool = False,
    ) -> SelectedMailbox:
        mailbox = await self.mailbox_set.get_mailbox(selected.lookup)
        if selected.mod_sequence != mailbox._mod_sequences.highest:
            wait_on = None
        return await super().check_mailbox(selected, wait_on=wait_on, housekeeping=housekeeping)


class _Identity(Identity):
    @asynccontextmanager
    async def new_session(self) -> AsyncIterator[Session]:
        async with super().new_session() as session:
            yield _Session(session.owner, session.config, session.mailbox_set, session.filter_set)


class _Login(Login):
    async def authorize(self, authenticated: IdentityInterface, authzid: str) -> Identity:
        identity = await super().authorize(authenticated, authzid)
        return _Identity(identity.name, self, None, identity.roles)


class MailboxServer(ServerThread):
    """One account with an INBOX. Letters are gone when it stops.

    `port` is known as soon as it is made; a server made with the port of one that stopped takes its
    place, under another UIDVALIDITY.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        username: str = "robot@example.com",
        password: str = "sandbox",  # noqa: S107 - of a server that lives in memory
    ) -> None:
        super().__init__("mailbox", TIMEOUT_SECONDS, TIMEOUT_SECONDS)
        self.username, self.password = username, password
        self._socket = bound_socket(host, port, backlog=64)
        self.host, self.port = host, int(self._socket.getsockname()[1])
        self._connections: set[asyncio.StreamWriter] = set()
        self._client: MailBoxUnencrypted | None = None
        self._client_turn = threading.Lock()

    def start(self) -> Self:
        """Answer; returns when it does."""
        self._begin()
        return self

    def stop(self) -> None:
        """Cut all connections, and forget every letter."""
        with self._client_turn:
            self._hang_up()
        super().stop()
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def drop(self, raw: bytes, when: datetime | None = None) -> None:
        """Deliver a letter; whoever waits with IDLE is told at once."""
        with self._client_turn:
            try:
                self._connected().append(raw, "INBOX", dt=when)
            except (OSError, imaplib.IMAP4.error):  # the kept connection was cut
                self._hang_up()
                self._connected().append(raw, "INBOX", dt=when)

    def messages(self, folder: str = "INBOX") -> list[bytes]:
        """What lies in a folder, the oldest first; nothing where there is no such folder."""
        with self._client_turn, self._connect() as box:
            try:
                box.folder.set(folder, readonly=True)
            except ImapToolsError:
                return []
            found = []
            for uid in box.uids():
                _typ, answer = box.client.uid("FETCH", uid, "(BODY.PEEK[])")
                found += [part[1] for part in answer if isinstance(part, tuple)]
            return found

    def _connected(self) -> MailBoxUnencrypted:
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _connect(self) -> MailBoxUnencrypted:
        box = MailBoxUnencrypted(self.host, self.port, timeout=TIMEOUT_SECONDS)
        box.client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        box.login(self.username, self.password, initial_folder=None)
        return box

    def _hang_up(self) -> None:
        if self._client is not None:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                self._client.client.shutdown()
            self._client = None

    async def _serve(self, begun: Callable[[], None], leaving: asyncio.Event) -> None:
        config = _Config(
            Namespace(passlib_cfg=None, proxy_protocol=None),
            host=None,
            port=0,
            tls_enabled=False,
            invalid_user_sleep=0.0,
            hash_context=Cleartext(),  # a slow hash would protect a password that everybody knows
            cpu_subsystem=Subsystem.for_asyncio(),
            demo_data=False,
            demo_user=self.username,
            demo_password=self.password,
        )
        config.apply_context()
        login = _Login(config)
        secret = await Passwords(config).hash_password(self.password)
        await login.demo_user_identity.set(UserMetadata(config, self.username, password=secret))
        imap = IMAPServer(login, config)

        async def serve(
            incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter, peer: SocketInfo
        ) -> None:
            self._connections.add(outgoing)
            try:
                await imap(incoming, outgoing, peer)
            except Exception as error:
                logger.warning(
                    "the sandbox's mailbox gave up on a client: %s", type(error).__name__
                )
            finally:
                self._connections.discard(outgoing)

        answer = ProxyProtocolReader(config.proxy_protocol).get_callback(serve)
        server = await asyncio.start_server(answer, sock=self._socket)
        begun()
        await leaving.wait()
        server.close()
        for connection in list(self._connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # lets the aborted connections say so
