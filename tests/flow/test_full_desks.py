"""A desk whose lines are all taken holds up nobody but its own customers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from campaigns.desk import Desk, Desks
from campaigns.recipient import Recipient
from channels.base import Message
from dispatcher.ledger import lines as ledger_lines
from dispatcher.lines import NO_LINE, desk_rooms
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import (
    EMAIL,
    HOUR,
    PHONE,
    Rehearsal,
    customer,
    scenario_text,
)
from tests.flow.talking import talk_scenario

NORTH, SOUTH = "Север", "Юг"
OPERATOR = "+73822000000"


def of_branch(branch: str, count: int, prefix: str) -> list[Recipient]:
    """Customers of a branch, as an export sorted by branch lists them."""
    return [
        replace(customer(f"{prefix}-{n}", f"+{prefix}{n:07}", row=n + 2), branch=branch)
        for n in range(count)
    ]


def crowd_then(others: Sequence[Recipient], count: int = 1200) -> list[Recipient]:
    return [*of_branch(NORTH, count, "7916"), *others]


@pytest.fixture
def silent(rehearse: Rehearse) -> Rehearsal:
    """Calls go on and on: whoever is called holds the line."""
    return rehearse()


def with_desks(rehearsal: Rehearsal, by_branch: Mapping[str, Desk], default: Desk) -> list[str]:
    rehearsal.engine.desks = Desks(default, by_branch)
    called: list[str] = []

    def note(message: Message) -> None:
        called.append(message.contact_point[:5])

    rehearsal.overhear(PHONE, before=note)
    return called


def turn(rehearsal: Rehearsal) -> int:
    claimed = rehearsal.works.loop.tick().claimed
    rehearsal.work()
    return claimed


def test_a_crowd_before_a_full_desk_does_not_hold_up_the_next_branch(silent: Rehearsal) -> None:
    called = with_desks(silent, {NORTH: Desk(lines=1), SOUTH: Desk(lines=5)}, Desk())
    silent.launch(crowd_then(of_branch(SOUTH, 10, "7917")), scenario_text("phone"))
    turn(silent)
    assert Counter(called) == {"+7916": 1, "+7917": 5}
    # Nothing is free: nothing is claimed, and nothing written.
    assert [turn(silent) for _n in range(3)] == [0, 0, 0]
    assert not [row for row in silent.rows().values() if row.reason == NO_LINE]


def test_a_branch_without_a_desk_of_its_own_is_not_held_up_either(silent: Rehearsal) -> None:
    called = with_desks(silent, {NORTH: Desk(lines=1)}, Desk(lines=2))
    silent.launch(crowd_then(of_branch("", 10, "7917")), scenario_text("phone"))
    turn(silent)
    assert Counter(called) == {"+7916": 1, "+7917": 2}


def test_busy_operators_of_one_branch_do_not_hold_up_the_others(silent: Rehearsal) -> None:
    busy = Desk(operator=OPERATOR, operators=1, expected_share=0.5, zone="Europe/Moscow")
    called = with_desks(silent, {NORTH: busy}, Desk())
    silent.launch(crowd_then(of_branch(SOUTH, 10, "7917")), talk_scenario(silent))
    turn(silent)
    assert Counter(called) == {"+7916": 2, "+7917": 10}
    assert turn(silent) == 0


def test_calls_that_offer_no_operator_do_not_wait_for_one(silent: Rehearsal) -> None:
    busy = Desk(operator=OPERATOR, operators=1, expected_share=1, lines=4, zone="Europe/Moscow")
    called = with_desks(silent, {NORTH: busy}, Desk())
    silent.launch(of_branch(NORTH, 5, "7916"), talk_scenario(silent))
    (silent.folder / "plain").mkdir()
    (silent.folder / "plain" / "call.txt").write_text("{{ greeting }} Спасибо!\n", "utf-8")
    silent.launch(of_branch(NORTH, 5, "7918"), scenario_text("phone", template="plain"))
    for _n in range(3):
        turn(silent)
    assert Counter(called) == {"+7916": 1, "+7918": 3}


def test_campaigns_have_the_lines_of_a_desk_alike_whichever_was_due_first(
    silent: Rehearsal,
) -> None:
    called = with_desks(silent, {NORTH: Desk(lines=4)}, Desk())
    silent.launch(of_branch(NORTH, 50, "7916"), scenario_text("phone"))
    silent.launch(of_branch(NORTH, 50, "7918"), scenario_text("phone"))
    turn(silent)
    assert Counter(called) == {"+7916": 2, "+7918": 2}


def test_everybody_is_called_in_the_end_and_no_desk_ever_has_more_than_its_lines(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse()
    with_desks(rehearsal, {NORTH: Desk(lines=1), SOUTH: Desk(lines=3)}, Desk(lines=2))
    most: Counter[str] = Counter()

    def look(_message: Message) -> None:
        with rehearsal.ledger.read() as tx:
            for name, load in ledger_lines.under_way(tx, rehearsal.clock.now())[1].items():
                most[name] = max(most[name], load.calls)

    rehearsal.overhear(PHONE, before=look)
    people = [
        *of_branch(NORTH, 8, "7916"),
        *of_branch(SOUTH, 8, "7917"),
        *of_branch("Центр", 8, "7918"),
    ]
    rehearsal.launch(people, scenario_text("phone"))
    rehearsal.run(3 * HOUR)
    assert len(rehearsal.taken(PHONE)) == 24
    assert most == {NORTH: 1, SOUTH: 3, "": 2}


def test_the_desk_is_planned_by_branch_for_calls_alone(rehearsal: Rehearsal) -> None:
    rehearsal.engine.desks = Desks(by_branch={NORTH: Desk(lines=1)})
    person = replace(customer("1", "+79160000001", "a@example.com"), branch=f" {NORTH.upper()} ")
    rehearsal.launch([person, customer("2", "+79160000002", row=3)], scenario_text())
    rows = rehearsal.rows()
    assert {key: row.desk for key, row in rows.items() if row.desk} == {("1", PHONE): NORTH}
    assert rows["1", EMAIL].desk == ""


def test_a_desk_that_is_gone_is_the_default_one_and_shares_its_lines(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    called = with_desks(rehearsal, {NORTH: Desk(lines=1)}, Desk(lines=2))
    people = [*of_branch(NORTH, 6, "7916"), *of_branch("", 6, "7917")]
    rehearsal.launch(people, scenario_text("phone"))
    rehearsal.engine.desks = Desks(Desk(lines=2))
    for _n in range(3):
        turn(rehearsal)
    assert len(called) == 2
    with rehearsal.ledger.write() as tx:
        rooms = desk_rooms(tx, rehearsal.engine, rehearsal.clock.now())
    assert rooms is not None
    assert (rooms.left(1, NORTH), rooms.left(1, "")) == (0, 0)
    rehearsal.run(2 * HOUR)
    assert len(called) == 12


def test_an_emergency_has_the_lines_of_a_desk_first(silent: Rehearsal) -> None:
    called = with_desks(silent, {NORTH: Desk(lines=2)}, Desk())
    silent.launch(of_branch(NORTH, 50, "7916"), scenario_text("phone"))
    emergency = scenario_text("phone", purpose="emergency", top="urgent = true")
    silent.launch(of_branch(NORTH, 50, "7918"), emergency)
    turn(silent)
    assert Counter(called) == {"+7918": 2}
