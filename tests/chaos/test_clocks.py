"""A machine whose wall clock is wrong: real processes under a clock that was set."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from dispatcher.ledger import Ledger, campaigns, trail
from dispatcher.ledger import tables as t
from dispatcher.ledger.campaigns import CampaignStatus
from tests.chaos.town import ROOT, compile_shift
from tests.deploy.conftest import programs_path
from tests.ledger.making import ACTOR, campaign_of
from tests.ledger.servers import unavailable

__all__ = ["programs_path"]  # a fixture

TELL = """
from datetime import UTC, datetime
from dispatcher.settings import Settings
from dispatcher.wiring import make_engine
clock = make_engine(Settings(_env_file=None)).clock
print(datetime.now(UTC).isoformat(), clock.now().isoformat())
"""
DISPATCHER = [sys.executable, "-m", "dispatcher"]
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=[-2, 2])
def hours(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def wrong(hours: int, tmp_path: Path, postgres_url: str, programs_path: str) -> dict[str, str]:
    """The environment of a process whose wall clock is wrong by so much."""
    library = compile_shift(tmp_path)
    if library is None:
        unavailable("a C compiler is needed to give a process a clock of its own")
    shift = tmp_path / "shift"
    shift.write_bytes((hours * 3600).to_bytes(8, sys.byteorder, signed=True))
    return {
        "PATH": programs_path,
        "LD_PRELOAD": str(library),
        "CLOCK_SHIFT": str(shift),
        "PYTHONPATH": str(ROOT),
        "DISPATCHER_DATABASE_URL": postgres_url,
        "DISPATCHER_DATA_DIR": str(tmp_path),
        "DISPATCHER_RECEIPTS_PORT": "0",
        "DISPATCHER_POLL_SECONDS": "0.1",
    }


@pytest.fixture
def books(postgres_url: str) -> Iterator[Ledger]:
    with closing(Ledger(postgres_url)) as ledger:
        yield ledger


def told_by(command: list[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return done.stdout


def test_a_process_whose_wall_clock_is_wrong_goes_by_the_ledgers(
    hours: int, wrong: dict[str, str]
) -> None:
    told = told_by([sys.executable, "-c", TELL], wrong)
    own, agreed = (datetime.fromisoformat(word) for word in told.splitlines()[-1].split())
    true = datetime.now(UTC)
    assert abs(own - true - timedelta(hours=hours)) < MINUTE
    assert abs(agreed - true) < MINUTE


def test_up_starts_a_campaign_at_its_hour_and_dates_it_so(
    wrong: dict[str, str], books: Ledger
) -> None:
    with books.write() as tx:
        campaign = campaign_of(tx, (), running=False)
        campaigns.change(tx, campaign, CampaignStatus.SCHEDULED, ACTOR, datetime.now(UTC))
        due = {"start_at": datetime.now(UTC) - MINUTE, "end_at": datetime.now(UTC) + 600 * MINUTE}
        tx.execute(update(t.campaigns).values(due))
    up = subprocess.Popen([*DISPATCHER, "up"], env=wrong, stdout=subprocess.DEVNULL)
    try:
        started_at = _started_at(books, campaign.subject)
    finally:
        up.terminate()
        up.wait(30)
    assert abs(started_at - datetime.now(UTC)) < MINUTE


def _started_at(books: Ledger, subject: str) -> datetime:
    """When the loop began with it, as the books say; waited for."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with books.read() as tx:
            for act in trail.of(tx, subject):
                if act.action == "campaign.running":
                    return act.at
        time.sleep(0.1)
    pytest.fail("the campaign was not started")


def test_a_copy_and_what_the_doctor_says_are_of_the_ledgers_time(
    wrong: dict[str, str], books: Ledger, tmp_path: Path
) -> None:
    began_at = datetime.now(UTC).replace(microsecond=0)
    copied = json.loads(told_by([*DISPATCHER, "backup", str(tmp_path), "--json"], wrong))
    found = re.search(r"ledger-(\w+)Z\.dump", copied["file"])
    assert found is not None
    named_at = datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    with books.write() as tx:
        [made] = trail.of(tx, "ledger")
        campaign_of(tx, (), running=False)  # a draft, begun this minute: nothing is left behind
        tx.execute(update(t.campaigns).values(created_at=datetime.now(UTC)))
    assert began_at <= named_at <= made.at <= datetime.now(UTC)
    told = json.loads(told_by([*DISPATCHER, "doctor", "--json"], wrong))
    assert {one["code"] for one in told["findings"]} & {"clocks", "draft"} == {"clocks"}
