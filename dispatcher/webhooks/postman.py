"""The thread that tells webhooks what happened: each event once at least, under one id.

A post is claimed for a while, sent with no transaction open, and written down. Whoever dies in
between leaves a claim that lapses, and the event is told again. A webhook that does not answer
holds up nobody else: see `shares`.
"""

import http.client
import random
import ssl
import threading
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import structlog

from dispatcher import metrics
from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway
from dispatcher.ledger import LedgerFault, Transaction, idempotency, trail, webhook_posts, webhooks
from dispatcher.ledger.webhook_posts import Post
from dispatcher.ledger.webhooks import Webhook
from dispatcher.rounds import LOOK_SECONDS, Rounds
from dispatcher.webhooks.address import BadAddress, place_of
from dispatcher.webhooks.connection import post
from dispatcher.webhooks.keeping import MOST
from dispatcher.webhooks.shares import SPARE, Shares
from dispatcher.webhooks.signing import signatures

log = structlog.get_logger()

# As the specification proposes: three days in all, the first tries close together.
BACKOFF: Sequence[timedelta] = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
# Sooner where something was sent: there is room for more.
SOON_SECONDS = 0.05
LEASE = timedelta(minutes=2)
THREADS = MOST + SPARE
# Of the ledger's connections pages want some, too.
WRITING_AT_ONCE = 4
SWEEP_EVERY = timedelta(hours=1)
SWEPT_AT_ONCE = 1000  # posts in a turn: telling goes on meanwhile
POSTS_KEPT = timedelta(days=30)
ANSWERS_KEPT = timedelta(days=7)
JOIN_SECONDS = 15.0
GONE = 410


class Postman(Rounds):
    """Each process of the web role has one; any number may work at once.

    What is being sent when it stops may end; what is claimed and not sent is told by somebody else.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__("webhooks", JOIN_SECONDS)
        self.engine = engine
        self._sent = threading.Event()
        self._shares = Shares()
        self._writing = threading.Semaphore(WRITING_AT_ONCE)
        self._swept_at: datetime | None = None
        self._swept_to: int | None = None  # None: not under way

    def stop(self) -> None:
        self._ended.set()
        self._sent.set()
        super().stop()

    def turn(self, pool: ThreadPoolExecutor) -> int:
        """Claim what is due, and let the pool send it; how many posts that were."""
        self.sweep()
        with self.engine.ledger.read() as tx:
            waiting = webhook_posts.waiting(tx, self.engine.clock.now())
        count = 0
        for webhook_id in waiting:
            room = self._shares.room(webhook_id)
            if not room:
                continue
            claim, now = str(uuid.uuid4()), self.engine.clock.now()

            def take(
                tx: Transaction,
                webhook_id: int = webhook_id,
                claim: str = claim,
                now: datetime = now,
                room: int = room,
            ) -> tuple[Webhook, Sequence[Post]]:
                webhook = webhooks.get(tx, webhook_id, now)
                if webhook.ended_at is not None:
                    # Written by who did not see yet that it ended.
                    webhooks.end(tx, webhook_id, now)
                    return webhook, ()
                return webhook, webhook_posts.claim(tx, webhook_id, claim, now, now + LEASE, room)

            webhook, posts = self.engine.ledger.insist(take)
            for one in posts:
                self._shares.begin(webhook_id)
                pool.submit(self._send, webhook, one, claim)
            count += len(posts)
        return count

    def sweep(self) -> None:
        """Once an hour: what was told or given up long ago, and answers that nobody asks for."""
        now = self.engine.clock.now()
        if self._swept_to is None:
            if self._swept_at is not None and now - self._swept_at < SWEEP_EVERY:
                return
            self._swept_at, self._swept_to = now, 0
            self.engine.ledger.insist(lambda tx: idempotency.forget_old(tx, now - ANSWERS_KEPT))
        swept_to = self._swept_to
        self._swept_to = self.engine.ledger.insist(
            lambda tx: webhook_posts.forget_old(tx, now - POSTS_KEPT, swept_to, SWEPT_AT_ONCE)
        )

    def _send(self, webhook: Webhook, one: Post, claim: str) -> None:
        was_heard = None
        try:
            if self._ended.is_set():
                return
            status, answer = self._told(webhook, one)
            metrics.webhook_told(status)
            was_heard = _is_heard(status)
            finish = partial(self._finish, webhook, one, claim, status, answer)
            with self._writing:
                self.engine.ledger.insist(finish)
            log.info(
                "webhook.post", webhook=webhook.id, kind=one.kind, tries=one.tries, answer=answer
            )
        except (LedgerAway, *LedgerFault) as error:
            log.error("ledger.away", kind=type(error).__name__)
        except Exception as error:
            log.error("webhook.broken", webhook=webhook.id, kind=type(error).__name__)
        finally:
            self._shares.end(webhook.id, was_heard=was_heard)
            self._sent.set()

    def _told(self, webhook: Webhook, one: Post) -> tuple[int, str]:
        """The status of the answer, 0 where there was none; and what the page shows of it."""
        timestamp, body = int(self.engine.clock.now().timestamp()), one.body.encode()
        keys = [key for key in (webhook.secret, webhook.former_secret) if key is not None]
        headers = {
            "content-type": "application/json",
            "user-agent": "Dispatcher-Webhooks/1",
            "webhook-id": one.event_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures(keys, one.event_id, timestamp, body),
        }
        try:
            loopback = self.engine.settings.webhooks_to_this_machine
            place = place_of(webhook.url, loopback=loopback)
            status = post(place, body, headers, loopback=loopback)
        except BadAddress:
            return 0, "address"
        except TimeoutError:
            return 0, "timeout"
        except ssl.SSLError:
            return 0, "tls"
        except (OSError, http.client.HTTPException) as error:
            return 0, type(error).__name__
        except Exception as error:
            # Whatever it is: a try that failed, of which there are not more than of others.
            log.error("webhook.broken", webhook=webhook.id, kind=type(error).__name__)
            return 0, "broken"
        return status, str(status)

    def _finish(
        self, webhook: Webhook, one: Post, claim: str, status: int, answer: str, tx: Transaction
    ) -> None:
        now = self.engine.clock.now()
        was_heard, due_at = _is_heard(status), None
        if not was_heard and status != GONE and one.tries <= len(BACKOFF):
            # Not everything that failed together comes again together.
            due_at = now + BACKOFF[one.tries - 1] * random.uniform(1, 1.1)  # noqa: S311
        heard_at = now if was_heard else None
        if status == GONE:
            webhooks.hold(tx, webhook.id)  # before the post, as everybody who ends one does
        webhook_posts.finish(tx, one.id, claim, heard_at=heard_at, due_at=due_at, answer=answer)
        if status == GONE and webhooks.end(tx, webhook.id, now):
            # The specification: whoever says 410 wants to hear no more.
            trail.note(tx, now, "webhook", "webhook.gone", f"webhook:{webhook.id}")

    def _run(self) -> None:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="webhook") as pool:
            self._go_round(lambda: self.turn(pool))

    def _rest(self, *, found: bool) -> None:
        if not found:
            self._sent.wait(LOOK_SECONDS)
        self._sent.clear()
        self._ended.wait(SOON_SECONDS)


def _is_heard(status: int) -> bool:
    return 200 <= status < 300
