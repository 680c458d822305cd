"""A machine whose wall clock is wrong: real processes under a clock that was set."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.chaos.town import ROOT, compile_shift
from tests.ledger.servers import unavailable

TELL = """
from datetime import UTC, datetime
from dispatcher.settings import Settings
from dispatcher.wiring import make_engine
clock = make_engine(Settings(_env_file=None)).clock
print(datetime.now(UTC).isoformat(), clock.now().isoformat())
"""


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_process_whose_wall_clock_is_wrong_goes_by_the_ledgers(
    hours: int, tmp_path: Path, postgres_url: str
) -> None:
    library = compile_shift(tmp_path)
    if library is None:
        unavailable("a C compiler is needed to give a process a clock of its own")
    shift = tmp_path / "shift"
    shift.write_bytes((hours * 3600).to_bytes(8, sys.byteorder, signed=True))
    environment = {
        "LD_PRELOAD": str(library),
        "CLOCK_SHIFT": str(shift),
        "PYTHONPATH": str(ROOT),
        "DISPATCHER_DATABASE_URL": postgres_url,
        "DISPATCHER_DATA_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", TELL], env=environment, capture_output=True, text=True, check=True
    )
    own, agreed = (datetime.fromisoformat(word) for word in done.stdout.splitlines()[-1].split())
    true = datetime.now(UTC)
    assert abs(own - true - timedelta(hours=hours)) < timedelta(minutes=1)
    assert abs(agreed - true) < timedelta(minutes=1)
