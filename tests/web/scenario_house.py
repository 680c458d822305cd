"""A house with wordings to work on: fields of the editor as a browser sends them, an audience."""

import re
from datetime import UTC, datetime
from html import unescape

import requests

from campaigns.recipient import Recipient
from dispatcher.ledger import audiences, scenarios
from dispatcher.ledger.scenarios import StoredScenario
from tests.flow.builders import address, mobile, recipient
from tests.web.house import Guest, House

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
PEOPLE = (
    recipient("70001", mobile("+79161112233"), address("ivan@example.ru"), debt_kopecks=254730),
    recipient("70002", mobile("+79161112244"), row=3, debt_kopecks=99900, zone="UTC+7"),
    recipient("70003", row=4, debt_kopecks=100),
)


def fields_of(page: requests.Response) -> dict[str, str]:
    """What a browser would send of the editor on this page if nobody typed anything."""
    form = page.text[page.text.index('id="editor"') :]
    fields = {
        unescape(name): unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    }
    for name, value in re.findall(
        r'<textarea[^>]* name="([^"]*)"[^>]*>\n?(.*?)</textarea>', form, flags=re.S
    ):
        # Whatever the page says, browsers end the lines of a field like those of a letter.
        fields[unescape(name)] = unescape(value).replace("\n", "\r\n")
    fields["audience"] = ""
    return fields


def editing(guest: Guest, name: str = "debt-reminder") -> dict[str, str]:
    return fields_of(guest.get(f"/scenarios/{name}/edit"))


def newest(house: House, name: str = "debt-reminder") -> StoredScenario:
    with house.engine.ledger.read() as tx:
        return scenarios.find(tx, name)


def add_audience(house: House, *people: Recipient, name: str = "Должники") -> int:
    with house.engine.ledger.write() as tx:
        audience_id = audiences.begin(tx, name, "list.csv", [], "tests", NOW)
        audiences.add_recipients(tx, audience_id, people or PEOPLE)
        audiences.finish(tx, audience_id, len(people or PEOPLE), ["debt_kopecks"], "tests", NOW)
    return audience_id
