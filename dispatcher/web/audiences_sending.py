"""A file as a browser sends it, written down piece by piece while it comes.

Of a file of any length a process holds one piece in memory. So many are taken in at a time; the
others wait, and their browsers with them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from dispatcher.access.entering import is_csrf_token
from dispatcher.access.roles import Person
from dispatcher.engine import Engine
from dispatcher.errors import NotPossible
from dispatcher.ledger import Transaction, trail, uploads
from dispatcher.uploading import plain_file_name
from dispatcher.web.screens import CSRF_FIELD, CSRF_HEADER, Forbidden
from dispatcher.web.visitor import visitor_of
from templates.i18n import _

PIECE_BYTES = 512 * 1024
AT_A_TIME = 4
SEAT_SECONDS = 60.0
# Whoever sends nothing for so long has gone; and nobody takes longer than this in all.
SILENT_SECONDS, LONGEST_SECONDS = 60.0, 900.0
_MOST_FIELDS, _MOST_FIELD_BYTES = 10, 2000


class _Form:
    """The form while it comes: small fields, and one file, whose content passes through."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.file_name: str | None = None
        self.content = bytearray()
        self.is_whole = False
        self._header = [b"", b""]
        self._name = ""
        self._value = bytearray()
        self._is_file = False

    def parser(self, content_type: str) -> MultipartParser:
        """Raises NotPossible for what is no such form."""
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise NotPossible(_("This is no file that a page of ours has sent."))
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._head(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._head(1, data[start:end]),
                "on_header_end": self._end_header,
                "on_part_data": lambda data, start, end: self._take(data[start:end]),
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    def _begin(self) -> None:
        self._name, self._is_file = "", False
        self._header = [b"", b""]
        self._value.clear()

    def _head(self, which: int, data: bytes) -> None:
        self._header[which] += data

    def _end_header(self) -> None:
        name, value = self._header
        self._header = [b"", b""]
        if name.lower() != b"content-disposition":
            return
        _kind, options = parse_options_header(value)
        self._name = options.get(b"name", b"").decode("utf-8", errors="replace")
        if b"filename" in options:
            if self.file_name is not None:
                raise NotPossible(_("Send one file at a time."))
            self._is_file = True
            self.file_name = _as_called(options[b"filename"].decode("utf-8", errors="replace"))

    def _take(self, data: bytes) -> None:
        if self._is_file:
            self.content += data
            return
        self._value += data
        if len(self._value) > _MOST_FIELD_BYTES or len(self.fields) >= _MOST_FIELDS:
            raise NotPossible(_("This is no file that a page of ours has sent."))

    def _end(self) -> None:
        self.is_whole = True

    def _end_part(self) -> None:
        if not self._is_file:
            self.fields[self._name] = self._value.decode("utf-8", errors="replace")


def _as_called(sent: str) -> str:
    """A file's name without what browsers do to it on the way (WHATWG HTML, multipart form data):
    they escape quotation marks and line breaks, and nothing else."""
    return sent.replace("%22", '"').replace("%0D", " ").replace("%0A", " ")


async def take_in(request: Request, engine: Engine, person: Person) -> tuple[int, dict[str, str]]:
    """The id of what was sent, whole, and the fields beside it.

    Raises Forbidden without the token of the session, which stands before the file; NotPossible for
    what is no file, or was broken off: then nothing of it is left.
    """
    async with _seat(request):
        form = _Form()
        arriving = _Arriving(engine, person)
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await _read(request, form, arriving)
        except Exception as error:
            await arriving.drop()
            if isinstance(error, (FormParserError, ClientDisconnect, TimeoutError)):
                raise NotPossible(_("The file did not come as a whole. Send it again.")) from error
            raise
        return arriving.upload_id, form.fields


async def _read(request: Request, form: _Form, arriving: "_Arriving") -> None:
    parser = form.parser(request.headers.get("content-type", ""))
    async for chunk in _chunks(request):
        parser.write(chunk)
        if form.file_name is None or not form.content:
            continue
        if not arriving.upload_id:
            _check_token(request, form)
            await arriving.begin(form.file_name)
        while len(form.content) >= PIECE_BYTES:
            await arriving.add(bytes(form.content[:PIECE_BYTES]))
            del form.content[:PIECE_BYTES]
    parser.finalize()
    _check_token(request, form)
    if not form.is_whole:
        raise ClientDisconnect
    if not arriving.upload_id:
        raise NotPossible(_("Choose a file first; an empty one cannot be read."))
    await arriving.finish(bytes(form.content))


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    stream = aiter(request.stream())
    while True:
        try:
            yield await asyncio.wait_for(anext(stream), SILENT_SECONDS)
        except StopAsyncIteration:
            return


def _check_token(request: Request, form: _Form) -> None:
    token = visitor_of(request).token
    given = request.headers.get(CSRF_HEADER) or form.fields.get(CSRF_FIELD, "")
    if token is None or not is_csrf_token(given, token):
        raise Forbidden(_("This page is too old. Open it again and repeat what you did."))


@asynccontextmanager
async def _seat(request: Request) -> AsyncIterator[None]:
    """One of the few who may send at the same time; what the others send waits in the network."""
    state = request.app.state
    if not hasattr(state, "upload_seats"):
        state.upload_seats = asyncio.Semaphore(AT_A_TIME)
    try:
        await asyncio.wait_for(state.upload_seats.acquire(), SEAT_SECONDS)
    except TimeoutError as error:
        raise NotPossible(
            _("Several files are being sent just now. Try again in a minute.")
        ) from error
    try:
        yield
    finally:
        state.upload_seats.release()


class _Arriving:
    """What has been written down of a file."""

    def __init__(self, engine: Engine, person: Person) -> None:
        self._engine, self._person = engine, person
        self.upload_id = self.size = self._pieces = 0

    async def begin(self, file_name: str) -> None:
        name, now = plain_file_name(file_name), self._engine.clock.now()
        self.upload_id = await run_in_threadpool(
            self._engine.ledger.insist,
            lambda tx: uploads.begin(tx, name, self._person.login, now),
        )

    async def add(self, content: bytes) -> None:
        number, now = self._pieces, self._engine.clock.now()
        await run_in_threadpool(
            self._engine.ledger.insist,
            lambda tx: uploads.add_piece(tx, self.upload_id, number, content, now),
        )
        self._pieces += 1
        self.size += len(content)

    async def finish(self, rest: bytes) -> None:
        if rest:
            await self.add(rest)
        now = self._engine.clock.now()

        def act(tx: Transaction) -> None:
            uploads.finish(tx, self.upload_id, self.size, now)
            subject = f"upload:{self.upload_id}"
            trail.note(tx, now, self._person.login, "audience.upload", subject, bytes=self.size)

        await run_in_threadpool(self._engine.ledger.insist, act)

    async def drop(self) -> None:
        if self.upload_id:
            await run_in_threadpool(
                self._engine.ledger.insist, lambda tx: uploads.discard(tx, self.upload_id)
            )
