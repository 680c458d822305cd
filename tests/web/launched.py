"""A list and a scenario in a house, and the launch of them by clicking."""

import re
from collections.abc import Sequence
from datetime import timedelta

from campaigns.channel import ContactKind
from campaigns.recipient import ContactPoint, Recipient, ZoneSource
from campaigns.scenario_file import library_path, read_scenario
from dispatcher.access.roles import Role
from dispatcher.ledger import audiences, scenarios
from dispatcher.rehearsal import stand_ins
from tests.web.house import Guest, House

ZONES = ("Europe/Kaliningrad", "Europe/Moscow", "Asia/Omsk", "Asia/Vladivostok")


def people(count: int, *, zones: Sequence[str] = ZONES, debt: int = 12_345) -> list[Recipient]:
    """Customers with a mobile number and an address; one in ten has neither."""
    return [
        Recipient(
            row=number + 2,
            account_number=f"7000{number:08}",
            contact_points=(
                ContactPoint(f"+7916{number:07}", ContactKind.MOBILE),
                ContactPoint(f"customer{number}@example.com", ContactKind.EMAIL),
            )
            if number % 10
            else (),
            name="Анна",
            patronymic="Петровна",
            zone=zones[number % len(zones)],
            zone_source=ZoneSource.COLUMN,
            fields={"debt_kopecks": debt},
        )
        for number in range(count)
    ]


def furnish(
    house: House,
    batch: Sequence[Recipient],
    name: str = "Должники",
    scenario: str = "debt-reminder",
) -> int:
    """Store a list and a scenario of the library, and ways out; the list's number."""
    house.engine.channels = stand_ins()
    now = house.engine.clock.now()
    with house.engine.ledger.write() as tx:
        scenarios.add(tx, read_scenario(library_path(scenario)), "tests", now)
        number = audiences.begin(tx, name, "list.csv", (), "tests", now)
        audiences.add_recipients(tx, number, batch)
        audiences.finish(tx, number, len(batch), ["debt_kopecks"], "tests", now)
    return number


def form(house: House, number: int, **changes: str) -> dict[str, str]:
    end_at = house.engine.clock.now() + timedelta(days=14)
    return {
        "scenario": "debt-reminder",
        "audience": str(number),
        "end": f"{end_at:%Y-%m-%dT%H:%M}",
        **changes,
    }


def rehearse(house: House, guest: Guest, audience: int, **changes: str) -> str:
    """Rehearse; the path of the rehearsal's page."""
    answer = guest.post("/launch/rehearsals", form(house, audience, **changes))
    assert answer.status_code == 200, answer.text
    house.do_jobs()
    return answer.url.removeprefix(house.url)


def ask(house: House, audience: int, role: Role = Role.EDITOR) -> str:
    """Rehearse and press the button; the path of the request's page."""
    guest = house.visit(role)
    path = rehearse(house, guest, audience)
    answer = guest.post(f"{path}/launch")
    assert answer.status_code == 200, answer.text
    return answer.url.removeprefix(house.url)


def number_of(path: str) -> int:
    found = re.search(r"(\d+)$", path)
    assert found, path
    return int(found[1])
