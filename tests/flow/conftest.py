"""A rehearsal for each test that asks for one."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pytest

from channels.sandbox.patterns import Patterns
from tests.flow.rehearsing import MONDAY, Rehearsal, Rehearsing, open_rehearsal


class Rehearse(Protocol):
    """Opens a rehearsal with the given table of fates, beginning and settings."""

    def __call__(
        self, table: Patterns | None = None, start_at: datetime = MONDAY, **settings: object
    ) -> Rehearsal: ...


@pytest.fixture
def rehearse(tmp_path: Path, sqlite_url: str) -> Iterator[Rehearse]:
    opened: list[Rehearsing] = []

    def open_one(
        table: Patterns | None = None, start_at: datetime = MONDAY, **settings: object
    ) -> Rehearsal:
        one = open_rehearsal(tmp_path, sqlite_url, start_at=start_at, table=table, **settings)
        opened.append(one)
        return one.rehearsal

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def rehearsal(rehearse: Callable[..., Rehearsal]) -> Rehearsal:
    """Where everybody is reached at the first try."""
    return rehearse()
