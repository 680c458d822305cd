"""Landlords: one number under several accounts, merged, once or separate; and cascades."""

from email import message_from_bytes, policy

import pytest

from campaigns.consent import Suppression
from campaigns.delivery import Status
from dispatcher import campaigning
from dispatcher.ledger import suppressions
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import (
    ACTOR,
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

LANDLORD = ("+79160000001", "landlord@example.com")
FLATS = [customer(account, *LANDLORD, debt=10_000) for account in ("1", "2", "3")]


def letters(rehearsal: Rehearsal) -> list[str]:
    """The text of every letter, as it would be sent now."""
    texts = []
    for content in rehearsal.letters:
        message = message_from_bytes(content, policy=policy.SMTP)
        body = message.get_body(("plain",))
        assert body is not None
        texts.append(body.get_content().replace("\xa0", " "))
    return texts


def test_a_landlord_is_told_once_of_all_flats_with_the_total(rehearsal: Rehearsal) -> None:
    rehearsal.keep_letters()
    rehearsal.launch(FLATS)
    rehearsal.run(3 * DAY)
    assert len(rehearsal.taken()) == 3  # one a channel
    [text] = letters(rehearsal)
    assert "300,00" in text
    assert text.count("100,00") == 3
    assert {rehearsal.row(a, c).reason for a in "23" for c in (PHONE, SMS, EMAIL)} == {"merged"}


@pytest.mark.parametrize(("how", "messages"), [("once", 1), ("separate", 3), ("merge", 1)])
def test_a_shared_number_gets_as_many_messages_as_the_scenario_says(
    rehearsal: Rehearsal, how: str, messages: int
) -> None:
    rehearsal.launch(FLATS, scenario_text("sms", top=f'same_contact = "{how}"'))
    rehearsal.run(3 * DAY)
    assert len(rehearsal.taken(SMS)) == messages
    assert len(rehearsal.rows()) == 3


def test_the_flats_of_a_lead_that_has_paid_are_told_by_the_next(rehearsal: Rehearsal) -> None:
    rehearsal.keep_letters()
    campaign = rehearsal.launch(FLATS, scenario_text("email"))
    assert campaigning.settle(rehearsal.engine, campaign.id, ["1", "1", "nobody"], ACTOR) == (1, 1)
    rehearsal.run(3 * DAY)
    [text] = letters(rehearsal)
    assert "200,00" in text
    assert rehearsal.status("1", EMAIL) is Status.SETTLED
    assert rehearsal.status("2", EMAIL) is Status.POSITIVE


def test_a_flat_that_has_paid_with_its_lead_inherits_no_message(rehearsal: Rehearsal) -> None:
    rehearsal.keep_letters()
    campaign = rehearsal.launch(FLATS, scenario_text("email"))
    ended, _unknown = campaigning.settle(rehearsal.engine, campaign.id, ["1", "2"], ACTOR)
    rehearsal.run(3 * DAY)
    assert ended == 2
    [text] = letters(rehearsal)
    assert "100,00" in text
    assert [rehearsal.status(a, EMAIL) for a in "123"] == [
        Status.SETTLED,
        Status.SETTLED,
        Status.POSITIVE,
    ]


def test_a_suppressed_lead_hands_on_at_the_instant_of_sending(rehearsal: Rehearsal) -> None:
    rehearsal.launch(FLATS, scenario_text("sms"))
    with rehearsal.ledger.write() as tx:
        stop = Suppression("asked", account_number="1")
        suppressions.add(tx, stop, ACTOR, rehearsal.clock.now())
    rehearsal.run(DAY)
    assert rehearsal.status("1", SMS) is Status.WITHDRAWN
    assert rehearsal.status("2", SMS) is Status.POSITIVE
    assert len(rehearsal.taken(SMS)) == 1


def test_a_lead_that_is_called_too_soon_does_not_keep_the_others_waiting(
    rehearsal: Rehearsal,
) -> None:
    other = "+79160000009"
    rehearsal.launch([customer("1", other)], scenario_text("phone"))
    rehearsal.run(HOUR)
    second = rehearsal.launch(FLATS, scenario_text("phone"), days=3)
    rehearsal.run(DAY)
    assert rehearsal.row("1", PHONE, second).reason == "too_soon"
    assert rehearsal.status("2", PHONE, second) is Status.POSITIVE


def test_a_landlord_reached_by_phone_gets_no_sms_in_another_flats_name(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse()
    text = scenario_text(
        "phone", "sms", top='stop_on = "any"', order='kind = "cascade"\ndelay = "1d"'
    )
    rehearsal.launch(FLATS, text)
    rehearsal.run(5 * DAY)
    assert [one.channel for one in rehearsal.taken()] == [PHONE]
    assert rehearsal.status("1", SMS) is Status.SUPERSEDED
    assert {rehearsal.row(a, SMS).reason for a in "23"} == {"merged"}


@pytest.mark.parametrize("stop_on", ["any", "channel"])
def test_a_cascade_goes_on_only_if_the_former_channel_failed(
    rehearse: Rehearse, stop_on: str
) -> None:
    rehearsal = rehearse(patterns(phone={"+79160000001": "no_answer"}))
    people = [customer("busy", "+79160000001"), customer("heard", "+79160000002")]
    text = scenario_text(
        "phone", "sms", top=f'stop_on = "{stop_on}"', order='kind = "cascade"\ndelay = "1d"'
    )
    campaign = rehearsal.launch(people, text)
    rehearsal.run(DAY - HOUR)
    assert not rehearsal.taken(SMS)
    rehearsal.run(2 * DAY)
    [sms] = rehearsal.taken(SMS)
    assert sms.contact_point == "+79160000001"
    assert sms.received_at >= campaign.start_at + DAY
    assert rehearsal.status("heard", SMS) is Status.SUPERSEDED


def test_a_cascade_counts_its_delay_from_when_the_former_channel_could_begin(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse()
    closed = rehearsal.clock.now() + 12 * HOUR  # 22:00: the first call waits for the morning
    text = scenario_text("phone", "sms", order='kind = "cascade"\ndelay = "30h"')
    rehearsal.launch([customer("1", "+79160000001")], text, start_at=closed)
    phone, sms = rehearsal.row("1", PHONE).due_at, rehearsal.row("1", SMS).due_at
    assert phone is not None
    assert sms is not None
    assert sms - phone >= 30 * HOUR


def test_a_positive_on_any_channel_ends_the_others_where_the_scenario_says_so(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(patterns(phone={"+79160000001": "busy"}))
    rehearsal.launch(
        [customer("1", "+79160000001")], scenario_text("phone", "sms", top='stop_on = "any"')
    )
    rehearsal.run(DAY)
    assert rehearsal.status("1", SMS) is Status.POSITIVE
    assert rehearsal.status("1", PHONE) is Status.SUPERSEDED
    assert len(rehearsal.taken(PHONE)) == 1
