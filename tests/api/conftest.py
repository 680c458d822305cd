"""A town for each test: on SQLite, or where it matters on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.caller import Town, open_town


@pytest.fixture
def town(tmp_path: Path, sqlite_url: str) -> Iterator[Town]:
    with open_town(tmp_path, sqlite_url) as town:
        yield town


@pytest.fixture
def either_town(tmp_path: Path, ledger_url: str) -> Iterator[Town]:
    with open_town(tmp_path, ledger_url) as town:
        yield town


@pytest.fixture
def postgres_town(tmp_path: Path, postgres_url: str) -> Iterator[Town]:
    with open_town(tmp_path, postgres_url) as town:
        yield town
