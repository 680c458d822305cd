"""SMS by two providers through the whole engine: sent by one, receipted at its own address."""

from collections.abc import Sequence

import pytest
import requests

from campaigns.delivery import Status
from campaigns.outcome import Outcome
from channels.routing import Route
from dispatcher.inbound import addresses
from dispatcher.tokens import TokenFor, attempt_key, sign
from tests.channels.twins import signed_by_twilio
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import DAY, HOUR, SECRET, SMS, Rehearsal, customer, patterns
from tests.flow.rehearsing import scenario_text as scenario

NUMBER = "+79160000001"
SENDER = "+74951000001"
TWILIO_FIRST = (Route(provider="twilio"), Route(provider="smsaero", weight=0))


def providers_of(rehearsal: Rehearsal) -> Sequence[str]:
    return [attempt.provider for attempt in rehearsal.attempts()]


@pytest.mark.parametrize(
    ("fate", "status", "outcome"),
    [
        ("delivered", Status.POSITIVE, Outcome.DELIVERED),
        ("duplicate_receipt", Status.POSITIVE, Outcome.DELIVERED),
        ("drop_after_accept", Status.POSITIVE, Outcome.DELIVERED),
        ("timeout_after_accept", Status.POSITIVE, Outcome.DELIVERED),
    ],
)
def test_an_sms_by_twilio_is_known_by_its_signed_receipt(
    rehearse: Rehearse, fate: str, status: Status, outcome: Outcome
) -> None:
    rehearsal = rehearse(
        patterns(sms={NUMBER: fate}),
        twilio_sms_sender=SENDER,
        sms_routes=TWILIO_FIRST,
        provider_timeout_seconds=3,
    )
    rehearsal.launch([customer("1", NUMBER)], scenario("sms"))
    rehearsal.run(HOUR)
    assert providers_of(rehearsal) == ["twilio"]
    assert rehearsal.outcomes() == [outcome.value]
    assert rehearsal.row("1", SMS).status is status
    [taken] = rehearsal.taken(SMS)
    assert taken.reference.startswith("SM")


def test_an_sms_that_one_provider_turns_away_is_sent_by_the_other_and_once(
    rehearse: Rehearse,
) -> None:
    # The fates are those of numbers, alike at both gates: this one is turned away the first time.
    rehearsal = rehearse(
        patterns(sms={NUMBER: "throttled"}), twilio_sms_sender=SENDER, sms_routes=TWILIO_FIRST
    )
    rehearsal.launch([customer("1", NUMBER)], scenario("sms"))
    rehearsal.run(HOUR)
    assert providers_of(rehearsal) == ["smsaero"]
    assert rehearsal.outcomes() == [Outcome.DELIVERED.value]
    assert len(rehearsal.taken(SMS)) == 1


def test_an_sms_nobody_answered_for_is_not_sent_by_the_other_provider(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(
        patterns(sms={NUMBER: "html_502"}), twilio_sms_sender=SENDER, sms_routes=TWILIO_FIRST
    )
    rehearsal.launch([customer("1", NUMBER)], scenario("sms"))
    rehearsal.run(HOUR / 12)
    assert providers_of(rehearsal) == ["twilio"]
    assert rehearsal.taken(SMS) == []


def test_a_forged_receipt_of_an_sms_changes_nothing(rehearse: Rehearse) -> None:
    rehearsal = rehearse(
        patterns(sms={NUMBER: "no_receipt"}), twilio_sms_sender=SENDER, sms_routes=TWILIO_FIRST
    )
    rehearsal.launch([customer("1", NUMBER)], scenario("sms"))
    rehearsal.run(HOUR)
    token = sign(SECRET, TokenFor.RECEIPT, attempt_key(rehearsal.row("1", SMS).id, 1))
    url = f"{rehearsal.engine.receipts_url}/twilio/sms/{token}"
    form = {"MessageSid": rehearsal.taken(SMS)[0].reference, "MessageStatus": "delivered"}
    forged = requests.post(url, form, headers={"X-Twilio-Signature": "AAAA"}, timeout=5)
    assert forged.status_code == 403
    other = signed_by_twilio(url, form, token="somebody's token")
    again = requests.post(url, form, headers=dict(other.headers), timeout=5)
    assert again.status_code == 403
    assert rehearsal.outcomes() == [None]
    genuine = signed_by_twilio(url, form, token=rehearsal.sandbox.twilio_auth_token)
    told = requests.post(url, form, headers=dict(genuine.headers), timeout=5)
    assert told.status_code == 200
    assert rehearsal.outcomes() == [Outcome.DELIVERED.value]
    rehearsal.run(DAY)
    assert len(rehearsal.taken(SMS)) == 1


@pytest.mark.parametrize("provider", ["smsaero", "twilio"])
def test_a_customer_who_answers_stop_is_on_the_stop_list_whoever_carried_the_sms(
    rehearse: Rehearse, provider: str
) -> None:
    rehearsal = rehearse(
        patterns(sms={NUMBER: "replies_stop"}),
        twilio_sms_sender=SENDER,
        sms_routes=(Route(provider=provider),),
    )
    engine = rehearsal.engine
    rehearsal.sandbox.inbound_urls.update(addresses(engine.receipts_url, engine.secret))
    rehearsal.launch([customer("1", NUMBER)], scenario("sms"))
    rehearsal.run(HOUR)
    assert providers_of(rehearsal) == [provider]
    assert rehearsal.count("suppressions") > 0
    # The confirmation is answered with СТОП as well: two robots must not talk for ever.
    assert rehearsal.count("replies") == 1
    assert len(rehearsal.taken(SMS)) == 2
    assert rehearsal.row("1", SMS).status is Status.POSITIVE


@pytest.mark.parametrize("provider", ["smsaero", "twilio"])
def test_a_question_by_sms_becomes_an_inquiry_once_however_often_it_is_posted(
    rehearse: Rehearse, provider: str
) -> None:
    rehearsal = rehearse(twilio_sms_sender=SENDER)
    engine = rehearsal.engine
    rehearsal.sandbox.inbound_urls.update(addresses(engine.receipts_url, engine.secret))
    reference = {"smsaero": "5", "twilio": f"SM{'1' * 32}"}[provider]
    for _again in range(3):
        status = rehearsal.sandbox.text_us(
            NUMBER, "Нет света с утра, когда дадут?", provider=provider, reference=reference
        )
        assert status in {200, 204}
    assert rehearsal.count("inquiries") == 1
    assert rehearsal.count("suppressions") == 0
