"""One pace for the workers of many processes: the instants are reserved in Redis, by its own clock.

Redis decides in one step and one round trip. While it is away each process keeps the pace by
itself: there is hardly anything to send then, because the queue is away with it.
"""

import math
import threading
import time
from typing import Any

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import RedisError
from redis.retry import Retry

from dispatcher.pacing import LATENESS_SECONDS, LocalGate, Slot

log = structlog.get_logger()

NAMESPACE = "dispatcher:pace:"
# A Redis that hangs must not hold up the messages that it is to pace.
TIMEOUT_SECONDS = 1.0
ASK_AGAIN_SECONDS = 10.0

# All in microseconds. The key holds the next free instant and goes when it has passed. An instant
# further ahead than anybody may have reserved means that the clock was set back: begin anew.
_RESERVE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local interval, longest, lateness = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local at = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
if at < now - lateness then at = now end
if at - now > longest + interval then at = now + interval end
if at - now <= longest then
  local lasts = math.ceil((math.max(at - now, 0) + interval + lateness) / 1000) + 1000
  redis.call('SET', KEYS[1], string.format('%.0f', at + interval), 'PX', lasts)
  return {1, string.format('%.0f', at - now)}
end
return {0, string.format('%.0f', at - now)}
"""


class SharedGate:
    """The instants of a provider account for everybody who shares this Redis."""

    def __init__(self, client: "Redis", account: str, per_second: float) -> None:
        """`account` names the provider account, such as `sms.smsaero`."""
        self._account = account
        self._key = NAMESPACE + account
        self._interval = math.ceil(1_000_000 / per_second)
        self._script: Any = client.register_script(_RESERVE)
        self._own = LocalGate(per_second)
        self._lock = threading.Lock()
        self._away_until = float("-inf")
        self._is_away = False

    def reserve(self, longest_seconds: float) -> Slot:
        with self._lock:
            ask = time.monotonic() >= self._away_until
        if not ask:
            return self._own.reserve(longest_seconds)
        arguments = [self._interval, _micros(longest_seconds), _micros(LATENESS_SECONDS)]
        try:
            reserved, wait = self._script(keys=[self._key], args=arguments)
            slot = Slot(int(wait) / 1_000_000, bool(reserved))
        except (RedisError, OSError, ValueError, TypeError) as error:
            self._gone(error)
            return self._own.reserve(longest_seconds)
        self._back()
        return slot

    def _gone(self, error: Exception) -> None:
        with self._lock:
            self._away_until = time.monotonic() + ASK_AGAIN_SECONDS
            told, self._is_away = self._is_away, True
        if not told:
            log.warning("pace.alone", account=self._account, kind=type(error).__name__)

    def _back(self) -> None:
        with self._lock:
            told, self._is_away = not self._is_away, False
        if not told:
            log.info("pace.shared", account=self._account)


def connect(redis_url: str) -> "Redis":
    """A client that gives up soon; one more try, because Redis may have been started anew."""
    return Redis.from_url(
        redis_url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisAway,)),
    )


def _micros(seconds: float) -> int:
    return round(seconds * 1_000_000)
