"""Letters that come of a campaign: taken in by the robot, and the campaign knows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.consent import Suppression
from campaigns.delivery import Status
from campaigns.inquiry.verdict import Reason
from campaigns.outcome import Outcome
from channels.mailbox.arrived import Arrived
from dispatcher.ledger import suppressions
from dispatcher.mailrobot.taking_in import TakingIn
from dispatcher.record import Finding, record
from dispatcher.tokens import TokenFor, attempt_key, sign
from tests.flow.letters_by_hand import ANNA, bounce, letter, read_receipt
from tests.flow.rehearsing import EMAIL, SECRET, Rehearsal, customer, open_rehearsal, scenario_text
from tests.flow.robot_post import DESK

BORIS = "boris@example.org"
BY_MAIL = scenario_text("email")
MARKETING = scenario_text(
    "email",
    template="service-offer",
    purpose="marketing",
    fields="[]",
    top='[values]\noffer_subject = "Тема"\noffer = "Счётчик."\noffer_details = "Подробности."',
)


@pytest.fixture
def running(tmp_path: Path, ledger_url: str) -> Iterator[Rehearsal]:
    """A campaign's letter has gone to Anna, and a server has taken it."""
    one = open_rehearsal(
        tmp_path, ledger_url, mail_bounces_to="bounces@example.com", inquiries_to=DESK
    )
    running = one.rehearsal
    running.launch([customer("4012345678", ANNA)], BY_MAIL)
    running.works.loop.tick()
    running.work()
    now = running.clock.now()
    with running.ledger.write() as tx:
        taken = [Finding(a.id, Outcome.ACCEPTED, now) for a in running.attempts()]
        record(tx, running.engine, taken, now)
    yield running
    one.close()


def named(running: Rehearsal, purpose: TokenFor = TokenFor.MESSAGE_ID) -> str:
    token = sign(SECRET, purpose, attempt_key(running.row("4012345678", EMAIL).id, 1))
    return f"<{token}@example.com>" if purpose is TokenFor.MESSAGE_ID else token


def arrive(running: Rehearsal, *raws: bytes) -> None:
    now = running.clock.now()
    TakingIn(running.engine).take([Arrived("info", raw, now) for raw in raws])


def stops(running: Rehearsal) -> list[Suppression]:
    with running.ledger.read() as tx:
        return [one.suppression for one in suppressions.standing(tx, running.clock.now())]


def test_a_letter_that_came_back_for_good_ends_its_delivery_and_stops_its_address(
    running: Rehearsal,
) -> None:
    arrive(running, bounce(named(running), ANNA))
    assert running.outcomes() == ["bad_address"]
    assert running.status("4012345678", EMAIL) is Status.GIVEN_UP
    assert [(one.contact_point, one.reason) for one in stops(running)] == [(ANNA, "bounced")]
    assert running.count("inquiries") == running.count("outbox") == 0
    assert running.count("letters") == running.count("mail_reports") == 1
    arrive(running, bounce(named(running), ANNA))
    assert running.count("mail_reports") == 1


def test_a_letter_that_was_shown_is_read(running: Rehearsal) -> None:
    arrive(running, read_receipt(named(running), ANNA))
    assert running.outcomes() == ["read"]
    assert running.count("inquiries") == running.count("outbox") == 0


def test_a_persons_answer_is_the_campaigns_success_and_an_inquiry_of_the_customer(
    running: Rehearsal,
) -> None:
    arrive(running, letter("Уже оплатил.", sender=BORIS, in_reply_to=named(running)))
    assert running.outcomes() == ["answered"]
    assert running.status("4012345678", EMAIL) is Status.POSITIVE
    assert running.count("inquiries") == 1
    assert running.count("outbox") == 2
    with running.ledger.read() as tx:
        told = tx.exec_driver_sql(
            "SELECT i.account_number, l.reason, l.attempt_id FROM inquiries i "
            "JOIN letters l ON l.inquiry_id = i.id"
        ).one()
    assert tuple(told) == ("4012345678", Reason.REPLY, running.attempts()[0].id)


def test_what_a_program_answers_proves_nothing(running: Rehearsal) -> None:
    arrive(
        running,
        letter(
            "Я в отпуске.",
            in_reply_to=named(running),
            headers={"Auto-Submitted": "auto-replied"},
        ),
    )
    assert running.outcomes() == ["accepted"]
    assert running.count("inquiries") == running.count("outbox") == 0


def test_a_stop_in_answer_to_a_letter_stops_whom_it_went_to_and_who_wrote(
    running: Rehearsal,
) -> None:
    path = f"Return-Path: <{BORIS}>\r\n"
    arrive(running, letter("Стоп", sender=BORIS, in_reply_to=named(running), above=path))
    assert {one.contact_point for one in stops(running)} == {ANNA, BORIS}
    assert running.outcomes() == ["answered"]


@pytest.mark.parametrize("path", ["", "eve@example.org"])
def test_who_has_our_letter_stops_no_address_but_the_one_it_went_to(
    running: Rehearsal, path: str
) -> None:
    above = f"Return-Path: <{path}>\r\n" if path else ""
    arrive(running, letter("Стоп", sender=BORIS, in_reply_to=named(running), above=above))
    assert {one.contact_point for one in stops(running)} == {ANNA}
    assert running.outcomes() == ["answered"]


def test_what_a_program_may_have_written_is_registered_and_proves_nothing(
    running: Rehearsal,
) -> None:
    words = "Прошу сделать перерасчёт за время отпуска."
    arrive(running, letter(words, subject="В отпуске до 15 июля", in_reply_to=named(running)))
    assert running.count("inquiries") == 1
    assert running.outcomes() == ["accepted"]


@pytest.mark.parametrize("twice", [False, True])
def test_a_letter_from_list_unsubscribe_is_obeyed_in_silence(
    running: Rehearsal, twice: bool
) -> None:
    token = named(running, TokenFor.UNSUBSCRIBE)
    raw = letter("", subject=f"unsubscribe {token}")
    arrive(running, raw)
    if twice:
        arrive(running, letter("", subject=f"unsubscribe {token}", message_id="<2@example.org>"))
    [stop] = stops(running)
    assert (stop.contact_point, stop.purpose, stop.reason) == (ANNA, "service", "unsubscribed")
    assert running.count("inquiries") == running.count("outbox") == 0


def test_many_reports_in_one_batch_each_have_their_effect(running: Rehearsal) -> None:
    """With letters between them that are registered: nobody waits for himself."""
    arrive(
        running,
        letter("Вопрос", sender=BORIS),
        read_receipt(named(running), ANNA),
        letter("Ответ", in_reply_to=named(running)),
        bounce(named(running), ANNA),
    )
    assert running.count("letters") == 4
    assert running.count("inquiries") == 2
    assert running.count("mail_reports") == 2
    assert running.outcomes() == ["answered"]
