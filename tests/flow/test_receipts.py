"""What comes back: late, twice, out of order, forged, or never."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
import requests
from twilio.request_validator import RequestValidator

from campaigns.channel import ChannelName, Purpose
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from campaigns.recipient import Consent
from channels.base import Receipt
from dispatcher import campaigning, receipts
from dispatcher.ledger import tables
from dispatcher.receipts import Effect, Refused
from dispatcher.tokens import TokenFor, attempt_key, sign
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import (
    DAY,
    EMAIL,
    HOUR,
    PHONE,
    PROVIDER,
    SECRET,
    SMS,
    WEEK,
    Rehearsal,
    customer,
    patterns,
    scenario_text,
)

NUMBER = "+79160000001"
ANNA = customer("1", NUMBER, "anna@example.com")
MARKETING = scenario_text(
    "email",
    template="service-offer",
    purpose="marketing",
    fields="[]",
    top='[values]\noffer_subject = "Тема"\noffer = "Счётчик."\noffer_details = "Подробности."',
)


def token(rehearsal: Rehearsal, channel: ChannelName, purpose: TokenFor, number: int = 1) -> str:
    return sign(SECRET, purpose, attempt_key(rehearsal.row("1", channel).id, number))


def tell(
    rehearsal: Rehearsal, channel: ChannelName, outcome: Outcome | None, number: int = 1
) -> Effect:
    """A receipt about the customer's attempt, read already."""
    name = token(rehearsal, channel, TokenFor.RECEIPT, number)
    return receipts.take(
        rehearsal.engine, channel, PROVIDER[channel], Receipt(name, None, outcome), {}
    )


def post(rehearsal: Rehearsal, path: str, form: Mapping[str, str] | bytes, **headers: str) -> int:
    url = f"{rehearsal.engine.receipts_url}{path}"
    return requests.post(url, data=form, headers=headers, timeout=10).status_code


def test_a_receipt_that_comes_twice_counts_once(rehearse: Rehearse) -> None:
    rehearsal = rehearse(
        patterns(phone={NUMBER: "duplicate_receipt"}, sms={NUMBER: "duplicate_receipt"})
    )
    rehearsal.launch([ANNA], scenario_text("phone", "sms"))
    rehearsal.run(DAY)
    assert {row.status for row in rehearsal.rows().values()} == {Status.POSITIVE}
    assert len(rehearsal.attempts()) == len(rehearsal.taken()) == 2
    assert rehearsal.count("receipts") > 3


def test_a_weaker_receipt_after_a_stronger_one_changes_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.launch([ANNA], scenario_text("phone"))
    rehearsal.works.loop.tick()
    rehearsal.work()
    assert tell(rehearsal, PHONE, Outcome.KEY_PRESSED) is Effect.RECORDED
    assert tell(rehearsal, PHONE, Outcome.HUNG_UP) is Effect.STALE
    assert tell(rehearsal, PHONE, None) is Effect.SIGN
    assert rehearsal.outcomes() == ["key_pressed"]
    assert rehearsal.status("1") is Status.POSITIVE


def test_a_late_positive_receipt_cancels_the_next_attempt_that_was_due(
    rehearse: Rehearse,
) -> None:
    """After 25 hours without a receipt the SMS is tried again the next morning; the receipt is 26
    hours late, and the second SMS never goes."""
    rehearsal = rehearse(patterns(sms={NUMBER: "late_receipt"}))
    # 20:59 in Moscow: 25 hours later the window is closed.
    late = rehearsal.clock.now() + 10 * HOUR + timedelta(minutes=59)
    rehearsal.launch([ANNA], scenario_text("sms", rules={"sms": 'retry = "25h"'}), start_at=late)
    rehearsal.run(late + DAY + HOUR + timedelta(minutes=30))
    assert rehearsal.status("1", SMS) is Status.PENDING
    assert rehearsal.outcomes() == ["no_receipt"]
    rehearsal.run(3 * DAY)
    assert rehearsal.status("1", SMS) is Status.POSITIVE
    assert rehearsal.outcomes() == ["delivered"]
    assert len(rehearsal.taken(SMS)) == 1


def test_a_positive_receipt_while_the_next_call_is_under_way_ends_the_delivery_either_way(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(patterns(sms={NUMBER: "no_receipt"}))
    rehearsal.launch([ANNA], scenario_text("sms"))
    rehearsal.run(DAY + HOUR)
    assert rehearsal.row("1", SMS).attempts == 2
    assert tell(rehearsal, SMS, Outcome.DELIVERED, 1) is Effect.RECORDED
    assert rehearsal.status("1", SMS) is Status.AWAITING
    assert tell(rehearsal, SMS, Outcome.UNDELIVERED, 2) is Effect.RECORDED
    assert rehearsal.status("1", SMS) is Status.POSITIVE
    rehearsal.run(3 * DAY)
    assert len(rehearsal.taken(SMS)) == 2


def test_the_failure_of_one_attempt_does_not_undo_the_success_of_another(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(patterns(sms={NUMBER: "no_receipt"}))
    rehearsal.launch([ANNA], scenario_text("sms"))
    rehearsal.run(DAY + HOUR)
    tell(rehearsal, SMS, Outcome.DELIVERED, 1)
    rehearsal.run(DAY + HOUR)  # the second one has got no receipt either
    assert rehearsal.status("1", SMS) is Status.POSITIVE
    assert tell(rehearsal, SMS, Outcome.UNDELIVERED, 2) is Effect.RECORDED
    assert rehearsal.status("1", SMS) is Status.POSITIVE


@pytest.mark.parametrize("way", ["token", "reference"])
def test_a_receipt_about_nothing_of_ours_is_kept_and_changes_nothing(
    rehearsal: Rehearsal, way: str
) -> None:
    rehearsal.launch([ANNA], scenario_text("sms"))
    forged = "1-1-" + "0" * 20 if way == "token" else None
    receipt = Receipt(forged, None if forged else "123456", Outcome.DELIVERED)
    assert receipts.take(rehearsal.engine, SMS, "smsaero", receipt, {}) is Effect.UNKNOWN
    assert rehearsal.count("receipts") == 1
    assert rehearsal.status("1", SMS) is Status.PENDING


def test_a_token_for_one_purpose_opens_nothing_else(rehearsal: Rehearsal) -> None:
    rehearsal.launch([ANNA], scenario_text("phone", "email"))
    rehearsal.run(HOUR)
    link = token(rehearsal, EMAIL, TokenFor.LINK)
    assert receipts.unsubscribe(rehearsal.engine, link) is Refused.FOREIGN
    assert (
        receipts.follow_link(rehearsal.engine, token(rehearsal, EMAIL, TokenFor.MESSAGE_ID))
        is False
    )
    call = token(rehearsal, PHONE, TokenFor.RECEIPT)
    receipt = Receipt(call, None, Outcome.DELIVERED)
    assert receipts.take(rehearsal.engine, SMS, "smsaero", receipt, {}) is Effect.UNKNOWN


@pytest.mark.parametrize("name", ["", "-", "1-1-", "а-б-в", "1-1-\ud800", "9" * 5000, "x-y-z"])
def test_whatever_stands_for_a_token_is_answered_calmly(rehearsal: Rehearsal, name: str) -> None:
    assert receipts.follow_link(rehearsal.engine, name) is False
    assert receipts.unsubscribe(rehearsal.engine, name) is Refused.FOREIGN


def test_a_call_back_with_a_forged_signature_is_403_and_changes_nothing(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.launch([ANNA], scenario_text("phone"))
    rehearsal.works.loop.tick()
    rehearsal.work()
    path = f"/twilio/status/{token(rehearsal, PHONE, TokenFor.RECEIPT)}"
    form = {"CallSid": "CA" + "0" * 32, "CallStatus": "busy"}
    other = RequestValidator("another token").compute_signature(
        rehearsal.engine.receipts_url + path, form
    )
    assert post(rehearsal, path, form) == 403
    assert post(rehearsal, path, form, **{"X-Twilio-Signature": other}) == 403
    assert rehearsal.outcomes() == [None]
    assert rehearsal.count("receipts") == 0


def test_an_sms_receipt_with_a_forged_token_changes_no_delivery(rehearsal: Rehearsal) -> None:
    rehearsal.launch([ANNA], scenario_text("sms"))
    rehearsal.works.loop.tick()
    rehearsal.work()
    real = token(rehearsal, SMS, TokenFor.RECEIPT)
    forged = real[:-1] + ("0" if real[-1] != "0" else "1")
    assert post(rehearsal, f"/smsaero/{forged}", {"id": "1\x00", "status": "1"}) < 500
    assert rehearsal.status("1", SMS) is Status.AWAITING
    assert post(rehearsal, f"/smsaero/{real}", {"id": "1", "status": "1"}) == 200
    assert rehearsal.status("1", SMS) is Status.POSITIVE


@pytest.mark.parametrize("path", ["/twilio/status/x", "/smsaero/x"])
def test_a_body_longer_than_any_provider_sends_is_413(rehearsal: Rehearsal, path: str) -> None:
    assert post(rehearsal, path, b"a=" + b"x" * 70_000) == 413
    assert rehearsal.count("receipts") == 0


def test_an_sms_lost_after_it_was_accepted_is_settled_by_its_receipt(rehearse: Rehearse) -> None:
    rehearsal = rehearse(patterns(sms={NUMBER: "drop_after_accept"}))
    rehearsal.launch([ANNA], scenario_text("sms"))
    rehearsal.works.loop.tick()
    rehearsal.work()
    assert rehearsal.status("1", SMS) is Status.UNCERTAIN
    rehearsal.run(HOUR)
    assert rehearsal.status("1", SMS) is Status.POSITIVE
    assert rehearsal.outcomes() == ["delivered"]
    assert len(rehearsal.taken(SMS)) == 1


def test_an_uncertain_letter_goes_again_as_the_same_letter_and_the_same_attempt(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(patterns(email={"anna@example.com": "drop_after_accept"}))
    rehearsal.keep_letters()
    rehearsal.launch([ANNA], scenario_text("email"))
    rehearsal.run(2 * HOUR)
    assert [one.number for one in rehearsal.attempts()] == [1]
    assert rehearsal.attempts()[0].sends == len(rehearsal.taken(EMAIL)) == 3
    assert len({one.reference for one in rehearsal.taken(EMAIL)}) == 1
    assert len(set(rehearsal.letters)) == 1
    assert rehearsal.status("1", EMAIL) is Status.UNCERTAIN


def test_a_letter_that_waits_to_go_again_stays_when_the_first_one_is_refused_after_all(
    rehearse: Rehearse,
) -> None:
    """A worker that was given up for lost writes down its answer late."""
    rehearsal = rehearse(patterns(email={"anna@example.com": "drop_after_accept"}))
    rehearsal.launch([ANNA], scenario_text("email"))
    rehearsal.works.loop.tick()
    rehearsal.work()
    assert rehearsal.row("1", EMAIL).reason == "resend"
    assert tell(rehearsal, EMAIL, Outcome.BAD_ADDRESS) is Effect.RECORDED
    assert rehearsal.status("1", EMAIL) is Status.GIVEN_UP
    rehearsal.run(DAY)
    assert len(rehearsal.taken(EMAIL)) == 1


def test_who_has_paid_is_not_reminded_when_the_doubt_is_over(rehearse: Rehearse) -> None:
    rehearsal = rehearse(patterns(sms={NUMBER: "no_receipt"}))
    campaign = rehearsal.launch([ANNA], scenario_text("sms"))
    rehearsal.works.loop.tick()
    rehearsal.work()
    campaigning.settle(rehearsal.engine, campaign.id, ["1"], "billing")
    tell(rehearsal, SMS, Outcome.UNCERTAIN)
    assert tell(rehearsal, SMS, Outcome.UNDELIVERED) is Effect.RECORDED
    assert rehearsal.status("1", SMS) is Status.SETTLED


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_bounce_after_the_campaign_is_over_starts_nothing(
    rehearsal: Rehearsal, cancelled: bool
) -> None:
    others = [customer("2", "+79160000002", "b@example.com")]
    campaign = rehearsal.launch([ANNA, *others], scenario_text("email", "phone"))
    rehearsal.run(2 * DAY)
    if cancelled:
        with rehearsal.ledger.write() as tx:
            tx.execute(tables.campaigns.update().values(status="cancelled"))
    assert tell(rehearsal, EMAIL, Outcome.BOUNCED) is Effect.RECORDED
    assert rehearsal.status("1", EMAIL) is Status.EXPIRED
    rehearsal.run(campaign.end_at)
    assert len(rehearsal.taken(EMAIL)) == 2


def test_a_bounce_within_a_running_campaign_is_tried_again_in_a_week(rehearsal: Rehearsal) -> None:
    later = customer("2", "later@example.com")
    rehearsal.launch(
        [ANNA, later], scenario_text("email", rules={"email": 'retry = "7d"'}), days=30
    )
    rehearsal.works.loop.tick()
    rehearsal.work()
    assert tell(rehearsal, EMAIL, Outcome.ACCEPTED) is Effect.RECORDED
    bounced_at = rehearsal.clock.now()
    assert tell(rehearsal, EMAIL, Outcome.BOUNCED) is Effect.RECORDED
    row = rehearsal.row("1", EMAIL)
    assert (row.status, row.due_at) == (Status.PENDING, bounced_at + WEEK)


def test_only_a_post_unsubscribes_and_from_then_on_no_letter_goes(rehearsal: Rehearsal) -> None:
    agreed = replace(ANNA, consents=(Consent(True, Purpose.MARKETING),))
    rehearsal.launch([agreed], MARKETING)
    rehearsal.run(HOUR)
    url = f"/unsubscribe/{token(rehearsal, EMAIL, TokenFor.UNSUBSCRIBE)}"
    assert requests.get(rehearsal.engine.receipts_url + url, timeout=10).status_code == 200
    assert rehearsal.count("suppressions") == 0
    for _ in range(2):
        assert post(rehearsal, url, {"List-Unsubscribe": "One-Click"}) == 200
    assert rehearsal.count("suppressions") == 1
    second = rehearsal.launch([agreed], MARKETING)
    assert rehearsal.row("1", EMAIL, second).reason == "suppressed"
    assert rehearsal.launch([agreed], scenario_text("email")).id  # a debt is another purpose
    assert rehearsal.status("1", EMAIL, rehearsal.campaigns[2]) is Status.PENDING


def test_a_followed_link_is_noted_and_leads_to_our_site(rehearsal: Rehearsal) -> None:
    rehearsal.launch(
        [ANNA], scenario_text("email", rules={"email": 'positive = ["link_followed"]'})
    )
    rehearsal.run(2 * DAY)
    assert rehearsal.outcomes() == ["accepted"]
    assert rehearsal.status("1", EMAIL) is Status.PENDING
    url = f"{rehearsal.engine.receipts_url}/link/{token(rehearsal, EMAIL, TokenFor.LINK)}"
    answer = requests.get(url, timeout=10, allow_redirects=False)
    assert answer.headers["location"] == rehearsal.engine.settings.company_site
    assert rehearsal.outcomes() == ["link_followed"]
    assert rehearsal.status("1", EMAIL) is Status.POSITIVE


@pytest.mark.parametrize(
    ("channel", "fate"), [(PHONE, "throttled"), (SMS, "throttled"), (EMAIL, "450")]
)
def test_a_postponement_is_no_attempt(rehearse: Rehearse, channel: ChannelName, fate: str) -> None:
    point = "anna@example.com" if channel is EMAIL else NUMBER
    rehearsal = rehearse(patterns(**{channel.value: {point: fate}}))  # type: ignore[arg-type]
    rehearsal.launch([ANNA], scenario_text(channel.value))
    rehearsal.works.loop.tick()
    rehearsal.work()
    row = rehearsal.row("1", channel)
    assert (row.status, row.attempts, row.postponed) == (Status.PENDING, 0, 1)
    assert not rehearsal.attempts()
    assert rehearsal.count("touches") == 0
    rehearsal.run(HOUR)
    if channel is not EMAIL:
        assert [one.number for one in rehearsal.attempts()] == [1]
        assert rehearsal.status("1", channel) is Status.POSITIVE
