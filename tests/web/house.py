"""The staff's screen on a real socket, over a ledger of its own, with somebody logged in."""

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import requests
from argon2 import PasswordHasher
from pydantic import SecretStr

from dispatcher.access import entering, passwords
from dispatcher.access.roles import Role
from dispatcher.clock import SharedClock
from dispatcher.engine import Engine
from dispatcher.jobs import JobRunner
from dispatcher.ledger import open_ledger
from dispatcher.settings import Settings
from dispatcher.web.jobs import make_runner
from dispatcher.web.server import WebServer
from dispatcher.wiring import make_engine

PASSWORD = "correct horse battery"
# As in production, with less work: hundreds of tests log in.
passwords._hasher = cache(lambda: PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@dataclass
class House:
    """The pages and what is behind them. `runner` does jobs when a test says so."""

    engine: Engine
    server: WebServer
    runner: JobRunner
    _tokens: dict[Role, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.server.url

    def token(self, role: Role) -> str:
        """A session of somebody of that role, whose login is the role's name."""
        if role not in self._tokens:
            invited = entering.invite(self.engine, role.value, f"Тест {role.value}", role, "tests")
            self._tokens[role] = entering.accept(self.engine, invited, PASSWORD).token
        return self._tokens[role]

    def guest(self) -> "Guest":
        return Guest(self.url)

    def visit(self, role: Role = Role.ADMINISTRATOR) -> "Guest":
        """Somebody who has come in."""
        guest = self.guest()
        token = self.token(role)
        guest.session.cookies.set("session", token)
        guest.csrf = entering.csrf_token(token)
        return guest

    def do_jobs(self) -> None:
        """Everything that was asked for."""
        while self.runner.do_next():
            pass


@dataclass
class Guest:
    """A browser without a screen: it follows redirects, keeps cookies, and sends the token."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)
    csrf: str = ""

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.session.get(self.url + path, timeout=30, **options)

    def post(
        self, path: str, fields: Mapping[str, Any] | None = None, **options: Any
    ) -> requests.Response:
        """Send a form of this session."""
        given = {"csrf": self.csrf, **(fields or {})}
        return self.session.post(self.url + path, data=given, timeout=30, **options)


def words_of(answer: requests.Response) -> str:
    """What a reader sees of a page, in one line."""
    text = re.sub(r"<(script|style)\b.*?</\1>", " ", answer.text, flags=re.S)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text))).strip()


@cache
def _empty_ledger() -> bytes:
    """A ledger with the whole schema: quicker than migrating for every test."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.sqlite3"
        open_ledger(f"sqlite:///{path}").close()
        return path.read_bytes()


@contextmanager
def open_house(folder: Path, ledger_url: str | None = None, **settings: Any) -> Iterator[House]:
    """A house whose settings are the defaults and `settings`; jobs wait for `do_jobs`."""
    given = {"data_dir": folder / "var", "secret": SecretStr("of the tests"), **settings}
    if ledger_url:
        given["database_url"] = SecretStr(ledger_url)
    elif not (ledger := given["data_dir"] / "dispatcher.sqlite3").exists():
        ledger.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        ledger.write_bytes(_empty_ledger())
    engine = make_engine(Settings(_env_file=None, **given))
    try:
        with house_over(engine) as house:
            yield house
    finally:
        if isinstance(engine.clock, SharedClock):
            engine.clock.stop()  # it would open the ledger once more
        engine.ledger.close()


@contextmanager
def house_over(engine: Engine) -> Iterator[House]:
    """Pages over an engine that a test has made, and closes itself."""
    with WebServer("127.0.0.1", 0) as server:
        yield House(engine, server.start(engine), make_runner(engine))
