"""The demonstration: a billing export carried through phone, SMS and e-mail to a report.

Two simulated weeks in seconds, over real sockets to the sandbox, with the code that runs in
production. The same seed gives the same books.
"""

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from campaigns.desk import Desk, Desks
from campaigns.scenario import ANY_TIME
from campaigns.scenario_file import ScenarioFile
from dispatcher import campaigning
from dispatcher.clock import SimulatedClock
from dispatcher.endpoint import Endpoint
from dispatcher.engine import Engine
from dispatcher.importing import Imported, import_audience
from dispatcher.ledger import scenarios
from dispatcher.ledger.campaigns import Campaign
from dispatcher.rehearsal import open_sandbox, toward
from dispatcher.settings import Settings
from dispatcher.simulation import simulate
from dispatcher.wiring import make_engine, make_works, serving

ACTOR = "demo"
LEDGER = "ledger"
JOURNAL = "received.jsonl"
LETTERS = "letters.csv"
ANSWERS = "answers.jsonl"  # of the mail-robot; what the mail server took, written by it alone
# What an earlier demonstration left would be taken for the books of this one, should it fail.
BOOKS = (
    JOURNAL,
    "report.html",
    "report.xlsx",
    "attempts.csv",
    "skips.csv",
    "row-errors.csv",
    LETTERS,
    ANSWERS,
)
# Who takes calls in the rehearsal: three at any hour, for its customers live in eleven time zones.
# Hardly anybody is expected to ask for them, so that calls never compete for lines: who gets the
# last one would depend on which worker is quicker, and the books on the machine.
DESKS = Desks(Desk(operator="+74951000001", operators=3, expected_share=0.001, hours=ANY_TIME))
# Words for a call may take their time where nobody listens: a slow machine must not change the
# books.
PATIENCE_SECONDS = 600.0
# After the end of the campaign receipts may still come, and letters still bounce.
AFTERMATH = timedelta(days=4)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a demonstration leaves behind."""

    engine: Engine
    imported: Imported
    campaign: Campaign
    received: dict[str, int]


@dataclass(frozen=True, slots=True)
class Telling:
    """Who hears how far it has come."""

    imported: Callable[[int], None]
    planned: Callable[[int], None]
    now: Callable[[datetime, Engine, int], None]


def rehearse(
    settings: Settings,
    scenario: ScenarioFile,
    audience: Path,
    out: Path,
    *,
    start_at: datetime,
    days: int,
    seed: int,
    mapping: Mapping[str, str],
    telling: Telling,
) -> Rehearsed:
    """Import, launch, and run a campaign to its end against the sandbox.

    `out` is emptied of an earlier demonstration first. Raises Refused, NotPossible and NoRowTaken
    like the steps it is made of; the bad rows lie in `out` by then.
    """
    home = out / LEDGER
    if home.exists():
        shutil.rmtree(home)
    out.mkdir(parents=True, exist_ok=True)
    home.mkdir(mode=0o700)  # its ledger holds everybody's personal data
    for name in BOOKS:
        (out / name).unlink(missing_ok=True)
    journal = out / JOURNAL
    settings = settings.model_copy(
        update={
            "data_dir": home,
            "database_url": None,
            "redis_url": None,
            "secret": SecretStr(hashlib.sha256(f"demo:{seed}".encode()).hexdigest()),
            "sandbox_seed": seed,
            "receipts_host": "127.0.0.1",
            "receipts_port": 0,
            "receipts_url": "",
            "max_in_flight": 10_000,
            # A pace is kept in real seconds: under a clock that jumps two weeks would last two.
            "limits": {},
        }
    )
    clock = SimulatedClock(start_at)
    endpoint = Endpoint("127.0.0.1", 0, patience_seconds=PATIENCE_SECONDS)
    with open_sandbox(settings, clock, journal=journal, simulated=True) as sandbox:
        settings = toward(sandbox, settings)
        engine = make_engine(
            settings, clock=clock, receipts_url=f"http://127.0.0.1:{endpoint.port}"
        )
        if settings.desks_file is None:
            engine.desks = DESKS
        works = make_works(engine)
        worker = works.crew()
        worker.start()
        try:
            with serving(engine, endpoint):
                with engine.ledger.write() as tx:
                    scenarios.add(tx, scenario, ACTOR, clock.now())
                imported = import_audience(
                    engine,
                    audience,
                    audience.stem,
                    ACTOR,
                    mapping=mapping,
                    errors_path=out / "row-errors.csv",
                    told=telling.imported,
                )
                campaign = campaigning.launch(
                    engine,
                    scenario.scenario.name,
                    audience.stem,
                    ACTOR,
                    end_at=start_at + timedelta(days=days),
                    told=telling.planned,
                )
                simulate(
                    works,
                    worker,
                    sandbox,
                    clock,
                    campaign.end_at + AFTERMATH,
                    lambda now: telling.now(now, engine, campaign.id),
                )
        finally:
            worker.stop()
        received = sandbox.counts()
    return Rehearsed(engine, imported, campaign, received)
