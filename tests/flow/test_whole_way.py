"""A campaign from its plan to its end, and the sandbox's own count beside the ledger's."""

from itertools import pairwise

import pytest
from sqlalchemy import select

from campaigns.content import SmsContent
from campaigns.delivery import Status
from dispatcher import campaigning, planner
from dispatcher.compose import content_of
from dispatcher.errors import NotPossible
from dispatcher.ledger import campaigns
from dispatcher.ledger.tables import attempts
from templates.sms import measure
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import (
    ACTOR,
    ALL,
    DAY,
    EMAIL,
    HOUR,
    PHONE,
    SMS,
    Rehearsal,
    customer,
    patterns,
    scenario_text,
)


def test_who_answers_is_reached_once_on_every_channel(rehearsal: Rehearsal) -> None:
    rehearsal.launch([customer("1", "+79160000001", "anna@example.com")])
    rehearsal.run(rehearsal.campaigns[0].end_at)
    assert {row.status for row in rehearsal.rows().values()} == {Status.POSITIVE}
    assert sorted(one.channel for one in rehearsal.taken()) == [EMAIL, PHONE, SMS]
    assert len(rehearsal.attempts()) == len(ALL)


def test_recipients_times_channels_are_rows_and_planning_again_adds_none(
    rehearsal: Rehearsal,
) -> None:
    people = [customer(str(n), *(["+7916000000" + str(n)] if n % 2 else [])) for n in range(6)]
    campaign = rehearsal.launch(people)
    before = rehearsal.rows()
    assert len(before) == len(people) * 3
    with pytest.raises(NotPossible):
        planner.plan(rehearsal.engine, campaign)
    assert rehearsal.rows() == before


def test_an_interrupted_plan_goes_on_where_it_came_to(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "CHUNK", 2)
    people = [customer(str(n), f"+7916000000{n}", f"c{n}@example.com") for n in range(7)]
    name = rehearsal.store(people, scenario_text())

    def interrupt(done: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        campaigning.launch(rehearsal.engine, "trial", name, ACTOR, told=interrupt)
    with rehearsal.ledger.read() as tx:
        [draft] = campaigns.everything(tx)
    rehearsal.run(HOUR)
    assert not rehearsal.taken()  # a draft sends nothing
    assert len(rehearsal.rows(draft)) == 4 * 3
    campaigning.resume(rehearsal.engine, draft.id, ACTOR)
    rehearsal.run(DAY)
    assert len(rehearsal.rows(draft)) == 7 * 3
    assert len(rehearsal.taken()) == 7 * 3


def test_a_campaign_cancelled_while_it_is_planned_waits_for_nothing(
    rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "CHUNK", 1)
    people = [customer(str(n), f"+7916000000{n}") for n in range(3)]
    name = rehearsal.store(people, scenario_text("sms"))

    def stop(done: int) -> None:
        with rehearsal.ledger.read() as tx:
            [draft] = campaigns.everything(tx)
        if done == 1:
            campaigning.cancel(rehearsal.engine, draft.id, ACTOR)

    with pytest.raises(NotPossible):
        campaigning.launch(rehearsal.engine, "trial", name, ACTOR, told=stop)
    with rehearsal.ledger.read() as tx:
        [draft] = campaigns.everything(tx)
    assert {row.status for row in rehearsal.rows(draft).values()} == {Status.CANCELLED}


def test_a_busy_customer_is_called_every_two_hours_on_all_numbers_in_turn(
    rehearse: Rehearse,
) -> None:
    points = ["+79160000001", "+79160000002", "+79160000003"]
    rehearsal = rehearse(patterns(phone=dict.fromkeys(points, "busy")))
    rehearsal.launch([customer("1", *points)], scenario_text("phone"))
    rehearsal.run(9 * HOUR)
    calls = rehearsal.taken(PHONE)
    assert [one.contact_point for one in calls] == [*points, *points[:2]]
    made = rehearsal.attempts()
    for earlier, later in pairwise(made):
        assert earlier.ended_at is not None
        assert later.started_at - earlier.ended_at >= 2 * HOUR
        assert earlier.next_due_at is not None


def test_a_dead_number_is_left_for_the_next_one(rehearse: Rehearse) -> None:
    rehearsal = rehearse(patterns(phone={"+79160000001": "bad_number"}))
    rehearsal.launch([customer("1", "+79160000001", "+79160000002")], scenario_text("phone"))
    rehearsal.run(DAY)
    assert rehearsal.outcomes() == ["bad_address", "heard"]
    assert rehearsal.status("1") is Status.POSITIVE


def test_who_has_only_dead_numbers_is_given_up(rehearse: Rehearse) -> None:
    rehearsal = rehearse(patterns(phone={"+79160000001": "bad_number"}))
    rehearsal.launch([customer("1", "+79160000001")], scenario_text("phone"))
    rehearsal.run(DAY)
    row = rehearsal.row("1")
    assert (row.status, row.reason, row.attempts) == (Status.GIVEN_UP, "bad_address", 1)


def test_after_the_last_attempt_the_delivery_is_given_up(rehearse: Rehearse) -> None:
    rehearsal = rehearse(patterns(sms={"+79160000001": "undelivered"}))
    text = scenario_text("sms", rules={"sms": "max_attempts = 3"})
    rehearsal.launch([customer("1", "+79160000001")], text)
    rehearsal.run(5 * DAY)
    row = rehearsal.row("1", SMS)
    assert (row.status, row.reason) == (Status.GIVEN_UP, "max_attempts")
    assert len(rehearsal.taken()) == 3


def test_the_same_account_twice_is_one_recipient_with_both_numbers(rehearse: Rehearse) -> None:
    rehearsal = rehearse(patterns(phone=dict.fromkeys(["+79160000001", "+79160000002"], "busy")))
    twice = [customer("1", "+79160000001"), customer("1", "+79160000002", row=3)]
    rehearsal.launch(twice, scenario_text("phone"))
    rehearsal.run(3 * HOUR)
    assert len(rehearsal.rows()) == 1
    assert [one.contact_point for one in rehearsal.taken()] == ["+79160000001", "+79160000002"]


def test_an_attempt_keeps_how_many_parts_its_sms_went_in(rehearsal: Rehearsal) -> None:
    who = customer("1", "+79160000001", "anna@example.com")
    campaign = rehearsal.launch([who])
    rehearsal.run(campaign.end_at)
    engine, a = rehearsal.engine, attempts.c
    with rehearsal.ledger.read() as tx:
        stored = engine.scenario(tx, campaign.scenario_id)
        kept = {row.channel: row.parts for row in tx.execute(select(a.channel, a.parts))}
    text = content_of(engine, stored, SMS, [who], "1.1")
    assert isinstance(text, SmsContent)
    assert kept == {SMS: len(measure(text.text).parts), PHONE: None, EMAIL: None}
