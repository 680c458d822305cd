"""The sandbox as a whole: a world to rehearse in, in one thread beside the program."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from channels.sandbox.customers import Customers
from channels.sandbox.http_server import HttpServer, listening_socket
from channels.sandbox.journal import Journal, Taken
from channels.sandbox.patterns import Patterns, load_patterns
from channels.sandbox.postman import Postman
from channels.sandbox.smsaero_server import SmsAeroServer
from channels.sandbox.smtp_server import MailServer
from channels.sandbox.sounds import SoundShelf
from channels.sandbox.timeline import Event, Timeline
from channels.sandbox.twilio_rest import Account
from channels.sandbox.twilio_server import TwilioServer
from channels.sandbox.world import World
from channels.server_thread import ServerThread

T = TypeVar("T")

# A clock of the machine may be set while we sleep: look again at least this often.
_LOOK_SECONDS = 1.0


class Sandbox(ServerThread):
    """Local servers that speak SMTP, SMS Aero's and Twilio's API and act like customers.

    `now` is the program's clock and may be called from the sandbox's thread. With
    `simulated=False` what follows (rings, ends of calls, receipts) happens when its time comes.
    With `simulated=True` nothing happens by itself: move the clock to `next_event_at()` and call
    `run_due()`. The same seed makes the same world whatever order requests arrive in.
    `speed` 20 lets twenty seconds of that world pass in one of ours: rings, talks and receipts come
    twenty times sooner, and are told with the lengths they would have had.
    Listens on `host` only; ports 0 are free ones. `inbound_urls` tells by provider ("smsaero",
    "twilio") where customers' SMS are posted to; it may be filled later.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        seed: int = 0,
        patterns: Patterns | None = None,
        journal_path: Path | None = None,
        simulated: bool = False,
        speed: float = 1.0,
        host: str = "127.0.0.1",
        smtp_port: int = 0,
        http_port: int = 0,
        smtp_username: str | None = None,
        smtp_password: str | None = None,
        smtp_tls_context: ssl.SSLContext | None = None,
        smsaero_email: str = "sandbox@example.com",
        smsaero_api_key: str = "sandbox-api-key-of-smsaero",
        smsaero_signs: Sequence[str] = ("SMS Aero", "Energosbyt"),
        twilio_account_sid: str = f"AC{'5a' * 16}",
        twilio_auth_token: str = "sandbox-auth-token-of-twilio",  # noqa: S107 - opens nothing real
        inbound_urls: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__("sandbox", None, None)
        self.smtp_host = host
        self.smtp_port = smtp_port
        self.smtp_username, self.smtp_password = smtp_username, smtp_password
        self.smsaero_email, self.smsaero_api_key = smsaero_email, smsaero_api_key
        self.twilio_account_sid, self.twilio_auth_token = twilio_account_sid, twilio_auth_token
        self.smsaero_signs = smsaero_signs
        self.inbound_urls = dict(inbound_urls or {})
        self.http_port = http_port
        self._now = now
        self._seed = seed
        self._patterns = patterns or load_patterns()
        self._simulated = simulated
        self._speed = speed
        self._journal = Journal(journal_path, simulated=simulated)
        self._smtp_tls_context = smtp_tls_context
        self._running: _Running | None = None

    @property
    def smsaero_gate(self) -> str:
        """The value for `SmsAeroChannel(url_gate=…)`."""
        return f"@{self.smtp_host}:{self.http_port}/v2/"

    @property
    def twilio_base_url(self) -> str:
        """The value for `TwilioChannel(base_url=…)`."""
        return f"http://{self.smtp_host}:{self.http_port}"

    @property
    def received(self) -> list[Taken]:
        """Everything taken so far, in the order of arrival."""
        return list(self._journal.taken)

    def counts(self) -> dict[str, int]:
        """What was taken by channel, `refused`, and the `callbacks` and `sounds` fetched, with
        those that failed."""
        counts = {"phone": 0, "sms": 0, "email": 0}
        for taken in self.received:
            counts[taken.channel.value] += 1
        if self._running is not None:
            world = self._running.world
            counts["refused"] = world.refused
            counts["callbacks"] = world.postman.posted
            counts["callbacks_failed"] = world.postman.failed
            counts["sounds"] = world.sounds.fetched
            counts["sounds_missing"] = world.sounds.missing
        return counts

    def start(self) -> Self:
        """Listen; returns when every server takes connections. Raises OSError for a taken port."""
        self._begin()
        return self

    def stop(self) -> None:
        """Close every connection, finish the journal, and wait until the thread has ended."""
        if self._thread is None:
            return
        super().stop()
        self._thread = None
        self._journal.close()

    def __enter__(self) -> Self:
        return self.start()

    def next_event_at(self) -> datetime | None:
        """When something happens next; None when nothing is to come."""
        return self._running.world.timeline.next_at if self._running else None

    def run_due(self) -> int:
        """Let everything happen that is due now, one after the other, and say how many it was.

        Returns when each callback has been answered, what it led to at once included.
        """
        running = self._running
        if running is None:
            raise RuntimeError("the sandbox is not running")
        return self._in_loop(running.run_due())

    def text_us(
        self, number: str, text: str, *, provider: str, reference: str | None = None
    ) -> int | None:
        """A customer writes to us by that provider, now; the status our endpoint answers with.

        None when it failed three times. `reference` is the provider's name for the SMS, to post
        the same one again. Raises KeyError for a provider without an address in `inbound_urls`.
        """
        running = self._running
        if running is None:
            raise RuntimeError("the sandbox is not running")
        if provider not in self.inbound_urls:
            raise KeyError(provider)
        now = running.world.now()
        writing = running.customers.write(provider, number, text, now, reference=reference)
        answer = self._in_loop(writing)
        return answer.status if answer is not None else None

    def flush(self) -> None:
        """Write what the journal still holds back."""

        async def flush() -> None:
            self._journal.flush()

        self._in_loop(flush())

    def _in_loop(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            raise RuntimeError("the sandbox is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _serve(self, begun: Callable[[], None], leaving: asyncio.Event) -> None:
        world = self._world()
        customers = Customers(world, self._account(), self.inbound_urls)
        running = _Running(world, customers, leaving)
        mail = MailServer(
            running.world,
            running.closing,
            username=self.smtp_username,
            password=self.smtp_password,
            tls_context=self._smtp_tls_context,
        )
        try:
            bound = listening_socket(self.smtp_host, self.http_port)
            self.http_port = bound.getsockname()[1]
            http = HttpServer(self._routes(running), bound)
            self.smtp_port = await mail.listen(self.smtp_host, self.smtp_port)
            self._running = running
            begun()
            if self._simulated:
                await running.closing.wait()
            else:
                await running.fire_until_closing()
            await http.close()
        finally:
            await mail.close()
            await running.world.postman.close()
            await running.world.sounds.close()

    def _world(self) -> World:
        changed = asyncio.Event()
        return World(
            clock=self._now,
            seed=self._seed,
            patterns=self._patterns,
            journal=self._journal,
            timeline=Timeline(on_change=changed.set),
            postman=Postman(),
            sounds=SoundShelf(),
            changed=changed,
            speed=self._speed,
        )

    def _account(self) -> Account:
        return Account(self.twilio_account_sid, self.twilio_auth_token)

    def _routes(self, running: "_Running") -> list[Any]:
        account = self._account()
        twilio = TwilioServer(running.world, running.closing, account, running.customers)
        smsaero = SmsAeroServer(
            running.world,
            running.closing,
            self.smsaero_email,
            self.smsaero_api_key,
            self.smsaero_signs,
            running.customers,
        )
        return [*smsaero.routes(), *twilio.routes()]


class _Running:
    """What lives as long as the loop does."""

    def __init__(self, world: World, customers: Customers, closing: asyncio.Event) -> None:
        self.world = world
        self.customers = customers
        self.closing = closing
        self._firing: set[asyncio.Task[None]] = set()

    async def run_due(self) -> int:
        fired = 0
        while (event := self.world.timeline.pop_due(self.world.now())) is not None:
            await event.happen(event.at)
            fired += 1
        return fired

    async def fire_until_closing(self) -> None:
        """Real time: each event in a task of its own, for one slow receiver must not stop all."""
        closing = asyncio.create_task(self.closing.wait())
        while not closing.done():
            self.world.changed.clear()
            while (event := self.world.timeline.pop_due(self.world.now())) is not None:
                self._fire(event)
            changed = asyncio.create_task(self.world.changed.wait())
            await asyncio.wait(
                {closing, changed},
                timeout=self._seconds_to_wait(),
                return_when=asyncio.FIRST_COMPLETED,
            )
            changed.cancel()
        for task in self._firing:
            task.cancel()
        await asyncio.gather(*self._firing, return_exceptions=True)

    def _fire(self, event: Event) -> None:
        task = asyncio.ensure_future(_happen(event))
        self._firing.add(task)
        task.add_done_callback(self._firing.discard)

    def _seconds_to_wait(self) -> float:
        next_at = self.world.timeline.next_at
        if next_at is None:
            return _LOOK_SECONDS
        return min(max((next_at - self.world.now()).total_seconds(), 0.0), _LOOK_SECONDS)


async def _happen(event: Event) -> None:
    await event.happen(event.at)
