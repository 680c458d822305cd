"""What moves by itself: pages that are watched, from one look a second for all who watch.

A feed belongs to what is looked at (a campaign, the day), and to one process. It begins with the
first who watches and ends with the last. A look and the pieces of the page made of it are done in
threads; whoever watches is sent what has changed since. Nobody is kept in by watching: every half a
minute the session is looked at, and not touched.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from dataclasses import dataclass, field

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from dispatcher.access.entering import is_still_in
from dispatcher.access.roles import Person
from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway, NotFound
from dispatcher.ledger import LedgerFault
from dispatcher.web.rendering import fragment
from dispatcher.web.visitor import visitor_of
from templates.i18n import speaking

log = structlog.get_logger()

STEP_SECONDS = 1.0
# A look that takes long is taken less often: at most this share of the time goes into looking.
MOST_BUSY = 0.25
# A proxy closes what is silent for a minute, and we notice nobody's leaving by silence.
ALIVE_SECONDS = 15.0
SESSION_SECONDS = 30.0
# A browser has six connections to a site: whoever opens more pages than these sees them stand.
MOST_OF_SESSION = 4
MOST_OF_PROCESS = 200
HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would hold back what it calls little
}


@dataclass(frozen=True, slots=True)
class Show:
    """What one look shows: pieces of the page by name, each a template, and what they are made of.
    After the last one, `is_over`, nothing changes any more."""

    pieces: Mapping[str, str]
    values: Mapping[str, object]
    is_over: bool = False


Look = Callable[[], Show]
Variant = tuple[str, str]  # language and role: all that pieces of a page differ by


@dataclass(eq=False)
class Feed:
    """One thing that is watched. Lives in the event loop; only `look` and rendering leave it."""

    engine: Engine
    look: Look
    step_seconds: float
    leaving: threading.Event  # set when the pages are about to end
    watchers: int = 0
    number: int = 0
    ended: bool = False
    _show: Show | None = None
    _made: dict[Variant, Mapping[str, str]] = field(default_factory=dict)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Look until nobody watches any more, it is over, or the process is to stop."""
        try:
            while self.watchers and not self.ended and not self._is_to_end():
                began = time.monotonic()
                show = await self._looked()
                if show is not None:
                    self._show, self._made = show, {}
                    self.number += 1
                    self._tell()
                    if show.is_over:
                        return
                if self.ended:
                    return
                took = time.monotonic() - began
                await asyncio.sleep(max(self.step_seconds - took, took / MOST_BUSY - took, 0.05))
        finally:
            self.ended = True
            self._tell()

    def _is_to_end(self) -> bool:
        return self.leaving.is_set() or self.engine.stopping.is_set()

    async def _looked(self) -> Show | None:
        try:
            return await run_in_threadpool(self.look)
        except (LedgerAway, *LedgerFault) as error:
            log.error("ledger.away", kind=type(error).__name__)
        except NotFound:
            self.ended = True  # taken back meanwhile; who leaves is still counted down
        return None

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def wait(self, after: int, seconds: float) -> bool:
        """Whether there is a later look than that, within so long."""
        if self.number > after or self.ended:
            return self.number > after
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        return self.number > after

    @property
    def is_over(self) -> bool:
        return self._show is not None and self._show.is_over

    async def pieces(self, person: Person) -> Mapping[str, str]:
        """The last look as people of this language and role see it, made once for all of them."""
        variant = (person.language, person.role.value)
        async with self._making:
            show, made = self._show, self._made
            if show is None:
                return {}
            if variant not in made:
                made[variant] = await run_in_threadpool(_render, self.engine, show, person)
            return made[variant]


def _render(engine: Engine, show: Show, person: Person) -> Mapping[str, str]:
    common = {"person": person, "zone": engine.settings.zone, "language": person.language}
    with speaking(person.language):
        return {
            name: fragment(template, **common, **show.values)
            for name, template in show.pieces.items()
        }


class Feeds:
    """All feeds of a process, and how many watch."""

    def __init__(
        self,
        engine: Engine,
        step_seconds: float = STEP_SECONDS,
        leaving: threading.Event | None = None,
    ) -> None:
        self.engine, self._step_seconds = engine, step_seconds
        self._leaving = leaving or threading.Event()
        self.feeds: dict[Hashable, Feed] = {}
        self.by_session: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def has_room(self, token: str) -> bool:
        return (
            self.by_session[token] < MOST_OF_SESSION and self.by_session.total() < MOST_OF_PROCESS
        )

    async def watch(
        self, key: Hashable, look: Look, person: Person, token: str
    ) -> AsyncIterator[str]:
        """Events for one who watches, until they leave, their session ends, or all is over. Who
        watches enough already is told so."""
        if not self.has_room(token):
            yield event("full", "")
            return
        feed = self._join(key, look)
        self.by_session[token] += 1
        try:
            async for text in self._events(feed, person, token):
                yield text
        finally:
            feed.watchers -= 1
            self.by_session -= Counter({token: 1})

    async def _events(self, feed: Feed, person: Person, token: str) -> AsyncIterator[str]:
        seen, sent = 0, dict[str, str]()
        asked_at = time.monotonic()
        yield "retry: 3000\n\n"
        while True:
            if await feed.wait(seen, ALIVE_SECONDS):
                seen = feed.number
                pieces = await feed.pieces(person)
                changed = {name: text for name, text in pieces.items() if sent.get(name) != text}
                if changed:
                    yield "".join(event(name, text) for name, text in changed.items())
                    sent.update(changed)
            elif not feed.ended:
                yield ": alive\n\n"
            if feed.is_over:
                yield event("over", "")
                return
            if feed.ended:
                return  # the process stops, or the ledger knows it no more; the browser asks again
            if time.monotonic() - asked_at > SESSION_SECONDS:
                asked_at = time.monotonic()
                if not await self._may_stay(token, person):
                    yield event("out", "")
                    return

    async def _may_stay(self, token: str, person: Person) -> bool:
        try:
            return await run_in_threadpool(is_still_in, self.engine, token, person)
        except (LedgerAway, *LedgerFault):
            return True  # nobody can tell; asked again in half a minute

    def _join(self, key: Hashable, look: Look) -> Feed:
        feed = self.feeds.get(key)
        if feed is None or feed.ended:
            feed = self.feeds[key] = Feed(self.engine, look, self._step_seconds, self._leaving)
            feed.watchers += 1
            task = asyncio.get_running_loop().create_task(self._run(key, feed))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            feed.watchers += 1
        return feed

    async def _run(self, key: Hashable, feed: Feed) -> None:
        try:
            await feed.run()
        except Exception as error:
            log.error("feed.broken", kind=type(error).__name__)
        finally:
            if self.feeds.get(key) is feed:
                del self.feeds[key]


def event(name: str, text: str) -> str:
    """One event as it goes over the wire."""
    lines = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {name}\n{lines}\n"


def feeds_of(request: Request, engine: Engine) -> Feeds:
    state = request.app.state
    if not hasattr(state, "feeds"):
        state.feeds = Feeds(engine, leaving=state.leaving)
    feeds: Feeds = state.feeds
    return feeds


def stream(request: Request, engine: Engine, key: Hashable, look: Look, person: Person) -> Response:
    """The answer to whoever wants to watch."""
    feeds, token = feeds_of(request, engine), visitor_of(request).token or ""
    if engine.stopping.is_set():
        return Response(status_code=503, headers={"Retry-After": "5"})
    events = feeds.watch(key, look, person, token)
    return StreamingResponse(events, media_type="text/event-stream", headers=HEADERS)
