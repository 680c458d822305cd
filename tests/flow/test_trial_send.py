"""A test message to oneself: through the real provider, marked, and counted nowhere."""

from datetime import timedelta

import pytest

from campaigns.channel import ChannelName
from campaigns.consent import Suppression
from channels.base import MailMessage, Message, SmsMessage
from dispatcher.access.roles import Person, Role
from dispatcher.errors import NotPossible
from dispatcher.ledger import circuits, scenarios, suppressions, trail
from dispatcher.ledger.scenarios import StoredScenario
from dispatcher.trial_send import MOST, send_trial
from tests.flow.rehearsing import (
    ACTOR,
    EMAIL,
    HOUR,
    PHONE,
    PROVIDER,
    SMS,
    Rehearsal,
    customer,
    scenario_text,
)

CLERK = Person(1, "editor", "Редактор", Role.EDITOR, "ru")
NUMBER, ADDRESS = "8 (916) 123-45-67", "me@example.com"


def stored(rehearsal: Rehearsal) -> StoredScenario:
    rehearsal.store([customer("1", "+79160000001")], scenario_text())
    with rehearsal.ledger.read() as tx:
        return scenarios.find(tx, "trial")


def send(rehearsal: Rehearsal, channel: ChannelName = SMS, to: str = NUMBER) -> None:
    send_trial(rehearsal.engine, stored(rehearsal), channel, to, CLERK)


def test_it_is_marked_as_a_test_and_no_campaign_or_attempt_knows_of_it(
    rehearsal: Rehearsal,
) -> None:
    seen: list[Message] = []
    for channel in (SMS, EMAIL):
        rehearsal.overhear(channel, before=seen.append)
    send(rehearsal)
    send(rehearsal, EMAIL, ADDRESS)
    sms, letter = seen
    assert isinstance(sms, SmsMessage)
    assert isinstance(letter, MailMessage)
    assert sms.contact_point == "+79161234567"
    assert sms.text.startswith("[ТЕСТ] ")
    assert [one.channel for one in rehearsal.sandbox.received] == [SMS, EMAIL]
    assert (rehearsal.count("campaigns"), rehearsal.count("attempts")) == (0, 0)
    with rehearsal.ledger.read() as tx:
        acts = trail.of(tx, "trial:editor")
    assert [act.details["contact_point"] for act in acts] == ["+7916***67", "m***@example.com"]


def test_a_customers_own_data_go_only_with_the_right_to_export_and_are_noted_as_an_export(
    rehearsal: Rehearsal,
) -> None:
    found, first = stored(rehearsal), (7, customer("1", "+79160000001"))
    reader = Person(2, "reader", "Читатель", Role.READER, "ru")
    with pytest.raises(NotPossible):
        send_trial(rehearsal.engine, found, SMS, NUMBER, reader, first)
    assert rehearsal.sandbox.received == []
    send_trial(rehearsal.engine, found, SMS, NUMBER, CLERK, first)
    with rehearsal.ledger.read() as tx:
        [act] = trail.of(tx, "recipient:7")
    assert (act.actor, act.action) == ("editor", "export.trial")
    assert act.details["contact_point"] == "+7916***67"
    send(rehearsal)  # with the values of nobody
    with rehearsal.ledger.read() as tx:
        assert len(trail.of(tx, "recipient:7")) == 1


def test_two_letters_are_two_for_every_mail_system(rehearsal: Rehearsal) -> None:
    seen: list[Message] = []
    rehearsal.overhear(EMAIL, before=seen.append)
    for _time in range(2):
        send(rehearsal, EMAIL, ADDRESS)
    assert len({one.message_id for one in seen if isinstance(one, MailMessage)}) == 2


def test_the_receipt_of_a_test_disturbs_nobody(rehearsal: Rehearsal) -> None:
    send(rehearsal)
    rehearsal.run(HOUR)
    assert rehearsal.count("attempts") == 0


def test_eleven_in_an_hour_are_one_too_many(rehearsal: Rehearsal) -> None:
    for _time in range(MOST):
        send(rehearsal)
    with pytest.raises(NotPossible):
        send(rehearsal)
    rehearsal.clock.move_to(rehearsal.clock.now() + timedelta(minutes=61))
    send(rehearsal)


def test_at_night_no_sms_goes_but_a_letter_does(rehearsal: Rehearsal) -> None:
    rehearsal.clock.move_to(rehearsal.clock.now() + timedelta(hours=14))
    with pytest.raises(NotPossible, match="10:00"):
        send(rehearsal)
    send(rehearsal, EMAIL, ADDRESS)


def test_the_stop_list_holds_for_a_test_too(rehearsal: Rehearsal) -> None:
    with rehearsal.ledger.write() as tx:
        stop = Suppression(contact_point="+79161234567", reason="asked")
        suppressions.add(tx, stop, ACTOR, rehearsal.clock.now())
    with pytest.raises(NotPossible):
        send(rehearsal)
    assert rehearsal.sandbox.received == []


def test_a_provider_that_is_left_alone_is_left_alone_by_a_test(rehearsal: Rehearsal) -> None:
    now = rehearsal.clock.now()
    with rehearsal.ledger.write() as tx:
        circuits.open_(tx, (SMS, PROVIDER[SMS]), "failures", now, now + HOUR)
    with pytest.raises(NotPossible):
        send(rehearsal)


@pytest.mark.parametrize(
    ("channel", "to"),
    [
        (SMS, ""),
        (SMS, "495 123-45-67"),
        (SMS, "+79161234567, +79161234568"),
        (SMS, ADDRESS),
        (EMAIL, NUMBER),
        (EMAIL, "me@example.com you@example.com"),
        (PHONE, NUMBER),
    ],
)
def test_what_is_no_single_number_or_address_for_the_channel_is_refused(
    rehearsal: Rehearsal, channel: ChannelName, to: str
) -> None:
    with pytest.raises(NotPossible):
        send(rehearsal, channel, to)
    assert rehearsal.sandbox.received == []
