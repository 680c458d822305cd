"""A clerk who brings lists in by the pages while everything goes wrong, and what must come of it.

Whoever finds no answer presses again. A list is whole in the end, or absent, and never there twice.
"""

from dataclasses import dataclass, field

import requests

from dispatcher.access import entering
from dispatcher.access.roles import Role
from dispatcher.engine import Engine
from dispatcher.errors import LedgerAway
from dispatcher.ledger import LedgerFault, audiences

PASSWORD = "correct horse battery"
PEOPLE = 300
PATIENCE_SECONDS = 10
_HEADER = "Лицевой счет;ФИО;Телефон;Регион;Задолженность\n"


@dataclass
class Clerk:
    """`url` is where the pages are; `brought` are the lists that a page has taken."""

    engine: Engine
    url: str
    brought: dict[str, int] = field(default_factory=dict)
    _token: str = ""

    def bring(self, name: str) -> bool:
        """Send a file and accept it; False when no answer came, and it is to be done again."""
        try:
            session = self._session()
            given = {"csrf": entering.csrf_token(self._token)}
            file = {"file": (f"{name}.csv", _export(name).encode(), "text/csv")}
            sent = session.post(
                f"{self.url}/audiences/upload", data=given, files=file, timeout=PATIENCE_SECONDS
            )
            if sent.status_code != 200:
                return False
            accepted = session.post(
                sent.url.partition("?")[0] + "/accept",
                data={**given, "name": name},
                timeout=PATIENCE_SECONDS,
            )
        except (requests.RequestException, LedgerAway, *LedgerFault):
            return False
        # 422: an earlier press has taken the name already.
        if accepted.status_code not in (200, 422):
            return False
        self.brought[name] = PEOPLE
        return True

    def _session(self) -> requests.Session:
        if not self._token:
            invited = entering.invite(self.engine, "clerk", "Clerk", Role.EDITOR, "storm")
            self._token = entering.accept(self.engine, invited, PASSWORD).token
        session = requests.Session()
        session.cookies.set("session", self._token)
        return session

    def found(self) -> dict[str, list[int]]:
        """The lists that are ready, by name: how many people each of that name holds."""
        with self.engine.ledger.read() as tx:
            ready = audiences.all_ready(tx)
        found: dict[str, list[int]] = {name: [] for name in self.brought}
        for one in ready:
            if one.name in found:
                found[one.name].append(one.recipients)
        return found


def _export(name: str) -> str:
    number = int(name.rpartition("-")[2])
    rows = (
        f"9{number:03}{row:07};Иванова Мария;+7916{number:03}{row:04};Омская область;100,00\n"
        for row in range(PEOPLE)
    )
    return _HEADER + "".join(rows)
