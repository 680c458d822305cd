"""A wire between a client and a mail server that meddles with what passes."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Meddler:
    """Stands between a client and a mail server.

    `on_command` sees each line of the client with its line end and returns what goes on to the
    server (nothing: the line is swallowed), or raises Answer or CutOff. `on_answer` may rewrite
    what the server says. `is_silent`: nothing passes any more, and nobody is told.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.on_command: Callable[[bytes], bytes] = lambda line: line
        self.on_answer: Callable[[bytes], bytes] = lambda answer: answer
        self.is_silent = threading.Event()
        self.commands: list[bytes] = []
        self.connections = 0
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _shut(self._listening)
        for one in self._open:
            _shut(one)

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self.connections += 1
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open.append(one)
            for work in (self._pass_on, self._pass_back):
                threading.Thread(target=work, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        try:
            with client.makefile("rb") as lines:
                for line in lines:
                    self.commands.append(line)
                    if self.is_silent.is_set():
                        continue
                    try:
                        server.sendall(self.on_command(line))
                    except Answer as answer:
                        client.sendall(answer.text)
        except (OSError, CutOff):
            pass
        _shut(client)
        _shut(server)

    def _pass_back(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while answer := server.recv(1 << 16):
                if not self.is_silent.is_set():
                    client.sendall(self.on_answer(answer))
        _shut(client)


class Answer(Exception):
    """The meddler answers in the server's place."""

    def __init__(self, text: bytes) -> None:
        super().__init__()
        self.text = text


class CutOff(Exception):
    """The meddler cuts the connection."""


def _shut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
