"""deploy/systemd: read by systemd's own programs, and compared with the program."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.command_line import parse
from tests.deploy.env_files import DEPLOY
from tests.ledger.servers import unavailable

UNITS = DEPLOY / "systemd"
INSTALLED = "/opt/dispatcher/bin/dispatcher"
# The names of templates want an instance: a queue, a port.
STARTED = (
    "dispatcher.target",
    "dispatcher-migrate.service",
    "dispatcher-loop.service",
    "dispatcher-worker@send-phone.service",
    "dispatcher-receipts@8089.service",
    "dispatcher-web@8088.service",
    "dispatcher-mailrobot.service",
    "dispatcher-backup.service",
    "dispatcher-backup.timer",
)
# 0 is none, 10 is all that a service can be exposed to; systemd calls 2 “OK”.
MOST_EXPOSED = 2.0


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units as if the program were installed where they look for it."""
    if shutil.which("systemd-analyze") is None:
        unavailable("systemd-analyze is not installed")
    folder = tmp_path / "units"
    shutil.copytree(UNITS, folder)
    program = Path(sys.executable).with_name("dispatcher")
    for path in folder.glob("*.service"):
        path.write_text(path.read_text().replace(INSTALLED, str(program)))
    return folder


def analyze(units: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{units}:", "SYSTEMD_COLORS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_systemd_finds_nothing_to_complain_of(units: Path) -> None:
    done = analyze(units, "verify", "--man=no", *STARTED)
    told = [line for line in done.stderr.splitlines() if "dispatcher" in line]
    assert (done.returncode, told) == (0, [])


def test_systemd_would_find_a_mistake(units: Path) -> None:
    loop = units / "dispatcher-loop.service"
    loop.write_text(loop.read_text().replace("TimeoutStopSec", "TimeoutStoppSec"))
    told = analyze(units, "verify", "--man=no", loop.name).stderr
    assert "TimeoutStoppSec" in told


@pytest.mark.parametrize("name", [name for name in STARTED if name.endswith(".service")])
def test_no_service_is_exposed_more_than_it_needs(units: Path, name: str) -> None:
    done = analyze(units, "security", "--offline=true", "--no-pager", name)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd looks at running services only")
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= MOST_EXPOSED


def test_every_unit_runs_a_command_that_the_program_knows() -> None:
    run = {}
    for path in UNITS.glob("*.service"):
        line = next(line for line in path.read_text().splitlines() if line.startswith("ExecStart="))
        program, *arguments = shlex.split(line.partition("=")[2])
        assert program == INSTALLED
        run[path.name] = parse([word.replace("%i", "urgent") for word in arguments])
    assert run == {
        "dispatcher-migrate.service": "migrate",
        "dispatcher-loop.service": "loop",
        "dispatcher-worker@.service": "worker",
        "dispatcher-receipts@.service": "receipts",
        "dispatcher-web@.service": "web",
        "dispatcher-mailrobot.service": "mailrobot",
        "dispatcher-backup.service": "backup",
    }


def test_what_a_machine_says_of_itself_wins_over_what_is_the_same_everywhere() -> None:
    text = (UNITS / "dispatcher-.service.d" / "10-hardening.conf").read_text()
    assert re.findall(r"^EnvironmentFile=(\S+)$", text, re.MULTILINE) == [
        "/etc/dispatcher/dispatcher.env",
        "-/etc/dispatcher/machine.env",  # need not be there
    ]


def test_roles_come_back_by_themselves_and_are_given_time_to_end() -> None:
    roles = [
        path.read_text() for path in UNITS.glob("*.service") if "Type=exec" in path.read_text()
    ]
    assert len(roles) == 5
    for text in roles:
        assert "Restart=always" in text
        assert "StartLimitIntervalSec=0" in text
        assert int(re.search(r"TimeoutStopSec=(\d+)", text)[1]) >= 20  # type: ignore[index]
