"""Another system of the company: it holds a key, and knows nothing but addresses."""

import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from campaigns.channel import ChannelName
from campaigns.scenario_file import read_scenario
from dispatcher.access import keys
from dispatcher.access.keys import Scope
from dispatcher.ledger import scenarios
from dispatcher.web.jobs import make_runner
from dispatcher.web.server import WebServer
from tests.flow.rehearsing import ACTOR, Rehearsal, open_rehearsal, scenario_text

PROBLEM = "urn:dispatcher:problem:"
ACCOUNT = "70001850005"
PHONE_NUMBER, ADDRESS = "+79161234567", "anna@example.com"


def customer(account: str = ACCOUNT, **more: Any) -> dict[str, Any]:
    """A customer as billing tells of one."""
    return {
        "account": account,
        "name": "Анна",
        "patronymic": "Петровна",
        "zone": "Europe/Moscow",
        "phones": [PHONE_NUMBER],
        "emails": [ADDRESS],
        "fields": {"debt_kopecks": 254730},
        **more,
    }


@dataclass
class System:
    """One key and what is asked with it."""

    url: str
    key: str
    session: requests.Session = field(default_factory=requests.Session)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> requests.Response:
        given = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        if idempotency_key is not None:
            given["Idempotency-Key"] = idempotency_key
        if body is not None:
            options["json"] = body
        address = f"{self.url}/api/v1{path}"
        return self.session.request(method, address, headers=given, timeout=60, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, body: Any, **options: Any) -> requests.Response:
        return self.ask("POST", path, body, **options)

    def send(self, **changes: Any) -> requests.Response:
        """One message, under a key of its own."""
        body = {"scenario": "trial", "customer": customer(), **changes}
        return self.post("/messages", body, idempotency_key=uuid.uuid4().hex)


@dataclass
class Town:
    """The engine with everybody at work, and the API before it."""

    rehearsal: Rehearsal
    server: WebServer

    def system(self, *scopes: Scope, name: str = "billing") -> System:
        token = keys.make(self.rehearsal.engine, name, scopes or tuple(Scope), "tests")
        return System(self.server.url, token)

    def store(self, text: str = "") -> None:
        """Put the scenario “trial” into the ledger."""
        path = self.rehearsal.folder / "trial.toml"
        path.write_text(text or scenario_text("sms", "email"), "utf-8")
        with self.rehearsal.ledger.write() as tx:
            scenarios.add(tx, read_scenario(path), ACTOR, self.rehearsal.clock.now())

    def do_jobs(self) -> None:
        runner = make_runner(self.rehearsal.engine)
        while runner.do_next():
            pass

    def received(self, channel: ChannelName) -> int:
        """How many messages the provider has taken."""
        return len(self.rehearsal.taken(channel))


@contextmanager
def open_town(folder: Path, ledger_url: str, **settings: object) -> Iterator[Town]:
    running = open_rehearsal(folder, ledger_url, **settings)  # type: ignore[arg-type]
    try:
        with WebServer("127.0.0.1", 0) as server:
            server.start(running.rehearsal.engine)
            yield Town(running.rehearsal, server)
    finally:
        running.close()


def kind_of(answer: requests.Response) -> str:
    """The type of a problem, without what all of them begin with."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return str(answer.json()["type"]).removeprefix(PROBLEM)


def pointers(answer: requests.Response) -> Collection[str]:
    return {error["pointer"] for error in answer.json()["errors"] if "pointer" in error}
