"""A campaign that goes wrong stops itself, before a mistake has reached everybody.

Two things are watched while a campaign runs: attempts that failed technically (failed at the
provider, or nobody knows whether they arrived), and messages whose words cannot be made. What
customers do (busy, no answer, a dead number) is no failure. Staff resume the campaign when they
have seen to it; what was before that does not count any more.
"""

from datetime import datetime, timedelta
from functools import partial

import structlog

from campaigns.outcome import Outcome
from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, campaigns
from dispatcher.ledger.campaigns import Stopped, Why

log = structlog.get_logger()

LOOK_EVERY = timedelta(seconds=10)
TECHNICAL = frozenset({Outcome.FAILED, Outcome.NOT_TAKEN, Outcome.UNCERTAIN})


def pause_failing(engine: Engine, now: datetime) -> int:
    """Look at every running campaign, at most every ten seconds; how many were paused."""
    if not engine.watch.is_time(now, LOOK_EVERY):
        return 0
    stopped = engine.ledger.insist(lambda tx: _pause_failing(tx, engine, now))
    for campaign_id, why in stopped:
        _tell(campaign_id, why)
    return len(stopped)


def _pause_failing(tx: Transaction, engine: Engine, now: datetime) -> list[tuple[int, Stopped]]:
    stopped = []
    for one in campaigns.running(tx):
        recent = campaigns.recent_outcomes(tx, one, engine.settings.pause_last_attempts)
        failed = sum(outcome in TECHNICAL for outcome in recent)
        why = Stopped(Why.FAILURES, failed, len(recent))
        if _is_too_much(engine, why) and campaigns.stop_itself(tx, one, why, "loop", now):
            stopped.append((one.id, why))
    return stopped


def pause_wordless(engine: Engine, now: datetime) -> int:
    """Pause the campaigns too many of whose messages could not be made in this process lately; how
    many those were. To be called when no transaction is open."""
    count = 0
    for one, (failed, of) in engine.watch.wordless().items():
        why = Stopped(Why.WORDS, failed, of)
        if _is_too_much(engine, why) and engine.ledger.insist(
            partial(campaigns.stop_itself, run=one, why=why, actor="worker", now=now)
        ):
            _tell(one.id, why)
            count += 1
    return count


def _is_too_much(engine: Engine, why: Stopped) -> bool:
    settings = engine.settings
    return why.of >= settings.pause_min_attempts and why.failed >= settings.pause_share * why.of


def _tell(campaign_id: int, why: Stopped) -> None:
    log.error("campaign.paused_itself", campaign=campaign_id, reason=str(why))
