"""Retention by night: the loop does what is due by itself, in hours when nobody may be called.

A thread of its own, so that no campaign waits for it; between two pieces it rests a little, and
stops at once when the process does. Of several loops each looks once a night: what one has done,
the others find done. By day and by night files that were sent and never accepted go, too: their day
is a promise, whether or not anybody sends another file.
"""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway
from dispatcher.ledger import LedgerFault, uploads
from dispatcher.retention.carrying_out import work

log = structlog.get_logger()

# By the house's own clock (DISPATCHER_ZONE).
BEGINS, ENDS = time(1), time(6)
LOOK_SECONDS = 60.0
SWEEPS_EVERY = timedelta(hours=1)
REST_SECONDS = 0.05
# A piece that is under way is short.
STOP_SECONDS = 5.0


def start_keeping(engine: Engine) -> Callable[[], None]:
    """From now on what is due is done every night, unless DISPATCHER_RETENTION says off; files that
    nobody accepted go within an hour after their day, whatever it says. Returns what ends it."""
    keeper = threading.Thread(
        target=_keep, args=(engine, engine.stopping), name="retention", daemon=True
    )
    keeper.start()
    return lambda: keeper.join(STOP_SECONDS)


def is_quiet(now: datetime, zone: str) -> bool:
    return BEGINS <= now.astimezone(ZoneInfo(zone)).time() < ENDS


def night(engine: Engine, stopped: threading.Event) -> bool:
    """One night's work; False when it was stopped, or the night was over, before all was done."""
    done: Counter[str] = Counter()
    finished = True
    for piece in work(engine, engine.clock.now()):
        done[piece.kind.value] += piece.count
        if stopped.wait(REST_SECONDS) or not _is_night(engine):
            finished = False
            break
    told = {kind: count for kind, count in done.items() if count}
    if told:
        log.info("retention.done", finished=finished, **told)
    return finished


def sweep(engine: Engine) -> int:
    """Files that were broken off, or that nobody has accepted in time; how many went."""
    count = engine.ledger.insist(lambda tx: uploads.sweep(tx, engine.clock.now()))
    if count:
        log.info("uploads.swept", count=count)
    return count


def _is_night(engine: Engine) -> bool:
    return is_quiet(engine.clock.now(), engine.settings.zone)


def _keep(engine: Engine, stopped: threading.Event) -> None:
    zone = ZoneInfo(engine.settings.zone)
    looked_on: date | None = None
    swept_at: datetime | None = None
    nights = engine.settings.retention != "off"
    while not stopped.wait(LOOK_SECONDS):
        now = engine.clock.now()
        today = now.astimezone(zone).date()
        try:
            if swept_at is None or abs(now - swept_at) >= SWEEPS_EVERY:
                sweep(engine)
                swept_at = now
        except (*LedgerFault, LedgerAway) as error:
            log.error("uploads.away", kind=type(error).__name__)
        except Exception:
            log.exception("uploads.broken")
            swept_at = now
        if not nights or looked_on == today or not _is_night(engine):
            continue
        try:
            if night(engine, stopped):
                looked_on = today
        except (*LedgerFault, LedgerAway) as error:
            log.error("retention.away", kind=type(error).__name__)
        except Exception:
            log.exception("retention.broken")
            looked_on = today
