"""imap-tools over a connection of ours: the protocol is theirs, sockets and limits are ours."""

import imaplib
import ssl
from collections.abc import Callable

from imap_tools import BaseMailBox
from imap_tools.errors import MailboxStarttlsError

from channels.mailbox.imap_wire import Wire


class Client(imaplib.IMAP4):
    """Speaks over a `Wire`: certificates are verified, sizes and times are bounded."""

    def __init__(
        self, wire: Wire, host: str, port: int, *, tls: str, context: ssl.SSLContext | None
    ) -> None:
        self.wire = wire
        self._tls, self._context = tls, context
        super().__init__(host, port)
        if tls == "starttls":
            self._start_tls()

    def open(
        self,
        host: str = "",
        port: int = 143,
        timeout: float | None = None,  # noqa: ARG002 - the wire has its own
    ) -> None:
        self.host, self.port = host, port
        self.wire.connect(host, port)
        if self._tls == "tls":
            self.wire.encrypt(self._trusted(), host)
        self.sock = self.wire.socket

    def read(self, size: int) -> bytes:
        return self.wire.read(size)

    def readline(self) -> bytes:
        return self.wire.readline()

    def send(self, data: bytes) -> None:  # type: ignore[override]  # a Buffer there
        self.wire.send(data)

    def shutdown(self) -> None:
        self.wire.close()

    def _start_tls(self) -> None:
        """RFC 3501, section 6.2.1. A server that does not offer it is not spoken to in the clear:
        somebody on the way may have cut the offer out."""
        typ, answer = self._simple_command("STARTTLS")
        if typ != "OK":
            raise MailboxStarttlsError((typ, answer), "OK")
        self.wire.encrypt(self._trusted(), self.host)
        self.sock = self.wire.socket
        self._tls_established = True
        self._get_capabilities()

    def _trusted(self) -> ssl.SSLContext:
        return self._context or ssl.create_default_context()


class Box(BaseMailBox):
    """What imap-tools does with folders and searches, on a client of ours.

    Its `flag`, `delete` and (without MOVE) `move` send a plain EXPUNGE, which removes what other
    people marked for deletion: they are not used here.
    """

    client: Client

    def __init__(self, connect: Callable[[], Client]) -> None:
        self._connect = connect
        super().__init__()

    def _get_mailbox_client(self) -> Client:
        return self._connect()
