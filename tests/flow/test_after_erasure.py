"""Who was erased on request may still write and click, and providers may still report of them: a
"no" is never lost, and nothing of them comes back in."""

import pytest
import requests
from sqlalchemy import select

from campaigns.inquiry import bounce_rules
from campaigns.outcome import Outcome
from channels.base import Receipt
from dispatcher import receipts
from dispatcher.ledger import tables as t
from dispatcher.receipts import Effect, Refused
from dispatcher.retention import person
from dispatcher.tokens import TokenFor, attempt_key, sign
from tests.flow.letters_by_hand import ANNA, bounce, letter
from tests.flow.rehearsing import EMAIL, SECRET, Rehearsal
from tests.flow.test_mailrobot_campaigns import BORIS, arrive, running, stops

__all__ = ["running"]

VOUCHED = {"Return-Path": f"<{ANNA}>"}
FAILED = {"Authentication-Results": "mx.example.com; spf=fail smtp.mailfrom=example.org"}


@pytest.fixture
def erased(running: Rehearsal) -> Rehearsal:
    """A letter has gone to Anna, and then she was erased on request."""
    person.erase(running.engine, account="4012345678", point=None, request="15", actor="olga")
    return running


def token_of(erased: Rehearsal, purpose: TokenFor) -> str:
    [attempt] = erased.attempts()
    return sign(SECRET, purpose, attempt_key(attempt.delivery_id, attempt.number))


def test_the_link_in_an_erased_customers_letter_says_what_to_do_instead(erased: Rehearsal) -> None:
    token = token_of(erased, TokenFor.UNSUBSCRIBE)
    assert receipts.unsubscribe(erased.engine, token) is Refused.ERASED
    url = f"{erased.engine.receipts_url}/unsubscribe/{token}"
    answer = requests.post(url, data={"List-Unsubscribe": "One-Click"}, timeout=10)
    assert answer.status_code == 410
    assert erased.engine.settings.company_phone in answer.text
    assert stops(erased) == []


def test_who_was_erased_and_writes_no_is_heard_by_the_address_of_that_letter(
    erased: Rehearsal,
) -> None:
    token = token_of(erased, TokenFor.UNSUBSCRIBE)
    arrive(erased, letter("", subject=f"unsubscribe {token}", headers=VOUCHED))
    [stop] = stops(erased)
    assert (stop.contact_point, stop.purpose, stop.reason) == (ANNA, "service", "unsubscribed")
    assert erased.count("inquiries") == 0


def test_a_no_for_whom_no_mail_system_vouches_stops_nobody_and_is_read_by_staff(
    erased: Rehearsal,
) -> None:
    token = token_of(erased, TokenFor.UNSUBSCRIBE)
    words = "Прошу больше не присылать мне таких писем по этому счёту."
    arrive(erased, letter(words, subject=f"unsubscribe {token}", sender=BORIS, headers=FAILED))
    assert stops(erased) == []
    assert erased.count("inquiries") == 1


def test_a_report_about_an_erased_letter_stops_no_address_and_is_kept(erased: Rehearsal) -> None:
    arrive(erased, bounce(f"<{token_of(erased, TokenFor.MESSAGE_ID)}@example.com>", ANNA))
    assert stops(erased) == []
    with erased.ledger.read() as tx:
        report = tx.execute(select(t.mail_reports)).one()
    assert (report.address, report.effect) == ("", bounce_rules.Effect.STALE)


def test_a_receipt_that_comes_after_the_erasure_brings_nothing_back_but_its_outcome(
    erased: Rehearsal,
) -> None:
    token = token_of(erased, TokenFor.RECEIPT)
    told = Receipt(token, "ref-of-the-server", Outcome.READ, detail=f"read by {ANNA}")
    assert receipts.take(erased.engine, EMAIL, "smtp", told, {"To": ANNA}) is Effect.RECORDED
    receipts.keep_unreadable(erased.engine, EMAIL, "smtp", token, {"From": ANNA})
    assert erased.outcomes() == ["read"]
    with erased.ledger.read() as tx:
        kept = tx.execute(select(t.receipts).order_by(t.receipts.c.id)).all()
        attempt = tx.execute(select(t.attempts)).one()
    assert [(one.effect, one.payload, one.reference) for one in kept] == [
        (Effect.RECORDED, {}, None),
        (Effect.UNREADABLE, {}, None),
    ]
    assert (attempt.contact_point, attempt.reference, attempt.reason) == ("", None, "")
