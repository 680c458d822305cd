"""What customers write to us: stops obeyed once and for all, questions kept, floods held."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import select
from structlog.testing import capture_logs
from twilio.request_validator import RequestValidator

from campaigns.channel import ChannelName, Purpose
from campaigns.consent import Suppression
from campaigns.delivery import Status
from campaigns.inquiry.status import CloseReason, InquiryStatus
from campaigns.outcome import Outcome
from campaigns.stop_words import Wish
from channels.base import (
    Handover,
    Inbound,
    Message,
    Payload,
    Unread,
    accepted,
    postponed,
    refused,
    uncertain,
)
from channels.routing import only
from dispatcher import replies, unread
from dispatcher.inbound import (
    LONGEST_TEXT,
    MOST_A_DAY,
    Taken,
    addresses,
    confirmation,
    inbound_token,
    take_in,
)
from dispatcher.ledger import inquiries, inquiry_lists, suppressions
from dispatcher.ledger import replies as ledger_replies
from dispatcher.ledger import tables as t
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.ledger.inquiry_lists import ALL, Wanted
from dispatcher.ledger.replies import ReplyStatus
from dispatcher.receipts import Effect, take
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import (
    ACTOR,
    DAY,
    HOUR,
    PHONE,
    SECRET,
    SMS,
    Overheard,
    Rehearsal,
    Rehearsing,
    customer,
    open_rehearsal,
    patterns,
    scenario_text,
)

NUMBER = "+79160000001"
ANNA = customer("1", NUMBER)
COUNT = iter(range(1, 1_000_000))


def write(rehearsal: Rehearsal, text: str, number: str = NUMBER, reference: str = "") -> Taken:
    """The customer writes to us by SMS."""
    message = Inbound(reference or f"in-{next(COUNT)}", number, text)
    return take_in(rehearsal.engine, "smsaero", message)


def all_of(rehearsal: Rehearsal) -> list[Inquiry]:
    with rehearsal.ledger.read() as tx:
        return sorted(inquiry_lists.found(tx, Wanted(ALL)), key=lambda one: -one.id)


def stops(rehearsal: Rehearsal) -> set[tuple[ChannelName | None, Purpose | None]]:
    with rehearsal.ledger.read() as tx:
        standing = suppressions.of_parties(tx, [NUMBER], rehearsal.clock.now())
    return {(stop.channel, stop.purpose) for stop in standing.get(NUMBER, ())}


def reply_rows(rehearsal: Rehearsal) -> list[tuple[str, str | None]]:
    with rehearsal.ledger.read() as tx:
        rows = tx.execute(select(t.replies.c.status, t.replies.c.reference))
        return [(row.status, row.reference) for row in rows]


class Scripted(Overheard):
    """The provider, which answers as the test says."""

    def __init__(self, rehearsal: Rehearsal, *answers: Handover) -> None:
        super().__init__(rehearsal.engine.channels[SMS].first, lambda _m: None, lambda _m: None)
        self.answers, self.sent = list(answers), list[Message]()
        rehearsal.engine.channels = {**rehearsal.engine.channels, SMS: only(self)}

    async def deliver(self, message: Message) -> Handover:
        self.sent.append(message)
        return self.answers.pop(0) if self.answers else accepted(f"r-{len(self.sent)}")


# Stops ------------------------------------------------------------------------------------------


def test_a_stop_ends_every_sms_that_may_be_refused_and_is_confirmed_once(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.launch([ANNA], scenario_text("sms"))
    rehearsal.run(HOUR)
    assert write(rehearsal, "С т о п!") is Taken.STOPPED
    assert write(rehearsal, "СТОП") is Taken.STOPPED_BEFORE
    rehearsal.run(2 * HOUR)
    assert stops(rehearsal) == {
        (SMS, Purpose.SERVICE), (SMS, Purpose.MARKETING), (SMS, Purpose.SURVEY)
    }  # fmt: skip
    [(status, reference)] = reply_rows(rehearsal)
    assert status == "sent"
    assert [one.reference for one in rehearsal.taken(SMS)][1:] == [reference]
    assert {one.kind for one in all_of(rehearsal)} == {Wish.STOP}
    second = rehearsal.launch([ANNA], scenario_text("sms"))
    assert rehearsal.row("1", SMS, second).reason == "suppressed"


def test_a_stop_reaches_what_is_due_already(rehearse: Rehearse) -> None:
    rehearsal = rehearse(patterns(sms={NUMBER: "undelivered"}))
    rehearsal.launch([ANNA], scenario_text("sms"))
    rehearsal.run(HOUR)
    assert rehearsal.status("1", SMS) is Status.PENDING
    write(rehearsal, "хватит")
    rehearsal.run(3 * DAY)
    assert rehearsal.status("1", SMS) is Status.WITHDRAWN
    assert len(rehearsal.taken(SMS)) == 2  # the message and the confirmation


def test_who_says_do_not_call_is_not_called_either(rehearsal: Rehearsal) -> None:
    write(rehearsal, "Не звоните!")
    assert {channel for channel, _purpose in stops(rehearsal)} == {SMS, PHONE}


def test_a_stop_of_a_customer_we_stopped_already_is_not_confirmed(rehearsal: Rehearsal) -> None:
    standing = Suppression(reason="staff", contact_point=NUMBER)
    with rehearsal.ledger.write() as tx:
        suppressions.add(tx, standing, ACTOR, rehearsal.clock.now())
    assert write(rehearsal, "стоп") is Taken.STOPPED_BEFORE
    assert not reply_rows(rehearsal)


def test_a_stop_for_a_while_gives_way_to_a_stop_for_good(rehearsal: Rehearsal) -> None:
    until = rehearsal.clock.now() + DAY
    with rehearsal.ledger.write() as tx:
        stop = Suppression(reason="staff", contact_point=NUMBER, until_at=until)
        suppressions.add(tx, stop, ACTOR, rehearsal.clock.now())
    assert write(rehearsal, "стоп") is Taken.STOPPED
    rehearsal.clock.move_to(until + HOUR)
    assert (SMS, Purpose.SERVICE) in stops(rehearsal)


def test_who_comes_back_and_stops_again_is_told_again(rehearsal: Rehearsal) -> None:
    write(rehearsal, "стоп")
    with rehearsal.ledger.write() as tx:
        suppressions.remove(tx, NUMBER, SMS, ACTOR, rehearsal.clock.now())
    assert write(rehearsal, "стоп") is Taken.STOPPED
    assert len(reply_rows(rehearsal)) == 2


def test_emergencies_reach_who_has_said_stop(rehearsal: Rehearsal) -> None:
    write(rehearsal, "стоп")
    assert (SMS, Purpose.EMERGENCY) not in stops(rehearsal)


def test_the_confirmation_is_one_part_where_it_can_be() -> None:
    short = confirmation("Энергосбыт", "8 800 100-00-00", "ru")
    assert short == "Вы отписаны от сообщений Энергосбыт. Вопросы: тел. 8 800 100-00-00"
    for company in ("Энергосбыт", "Томскэнергосбыт и партнёры", "Ы" * 200):
        assert len(confirmation(company, "+78001000000", "ru")) <= 70
    assert confirmation("Energo", "1", "en").startswith("You are unsubscribed")


# Answers ----------------------------------------------------------------------------------------


def test_a_question_is_kept_with_account_and_message_and_proves_that_it_arrived(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(patterns(sms={NUMBER: "no_receipt"}))
    rehearsal.launch([ANNA], scenario_text("sms"))
    rehearsal.run(HOUR)
    assert write(rehearsal, "Я уже оплатила!\x00") is Taken.INQUIRY
    [one] = all_of(rehearsal)
    assert (one.account_number, one.kind, one.text) == ("1", Wish.QUESTION, "Я уже оплатила!\ufffd")
    assert one.attempt_id == rehearsal.attempts()[0].id
    assert rehearsal.outcomes() == ["answered"]
    assert rehearsal.status("1", SMS) is Status.POSITIVE
    assert not reply_rows(rehearsal)
    rehearsal.run(3 * DAY)
    assert len(rehearsal.taken(SMS)) == 1


def test_an_answer_cancels_the_next_sms_that_was_due(rehearse: Rehearse) -> None:
    rehearsal = rehearse(patterns(sms={NUMBER: "no_receipt"}))
    rehearsal.launch([ANNA], scenario_text("sms", rules={"sms": 'retry = "2d"'}))
    rehearsal.run(DAY + 3 * HOUR)
    assert rehearsal.status("1", SMS) is Status.PENDING
    write(rehearsal, "какой долг?")
    assert rehearsal.status("1", SMS) is Status.POSITIVE
    rehearsal.run(3 * DAY)
    assert len(rehearsal.taken(SMS)) == 1


@pytest.mark.parametrize(
    ("fate", "days"), [("undelivered", 0), ("delivered", 8)], ids=["not arrived", "long ago"]
)
def test_what_did_not_arrive_or_came_long_ago_is_not_what_they_answer(
    rehearse: Rehearse, fate: str, days: int
) -> None:
    rehearsal = rehearse(patterns(sms={NUMBER: fate}))
    rehearsal.launch([ANNA], scenario_text("sms"))
    rehearsal.run(HOUR + days * DAY)
    before = rehearsal.outcomes()
    assert write(rehearsal, "кто это?") is Taken.INQUIRY
    assert rehearsal.outcomes() == before == [fate]
    assert all_of(rehearsal)[0].attempt_id is None


def test_a_stranger_is_kept_without_an_account(rehearsal: Rehearsal) -> None:
    assert write(rehearsal, "вопрос", "+79999999999") is Taken.INQUIRY
    assert all_of(rehearsal)[0].account_number is None


def test_the_same_message_twice_is_one(rehearsal: Rehearsal) -> None:
    assert write(rehearsal, "стоп", reference="7") is Taken.STOPPED
    with rehearsal.ledger.write() as tx:
        suppressions.remove(tx, NUMBER, SMS, ACTOR, rehearsal.clock.now())
    assert write(rehearsal, "стоп", reference="7") is Taken.KNOWN  # a late repetition
    assert not stops(rehearsal)
    nameless = Inbound("", NUMBER, "вопрос")
    assert take_in(rehearsal.engine, "smsaero", nameless) is Taken.INQUIRY
    assert take_in(rehearsal.engine, "smsaero", nameless) is Taken.KNOWN


def unstop(rehearsal: Rehearsal) -> None:
    with rehearsal.ledger.write() as tx:
        assert suppressions.remove(tx, NUMBER, SMS, ACTOR, rehearsal.clock.now())


def test_a_stop_without_name_and_date_is_obeyed_however_often_staff_take_it_back(
    rehearsal: Rehearsal,
) -> None:
    nameless = {"number": NUMBER, "text": "СТОП"}
    for after in (timedelta(), timedelta(), HOUR, 30 * DAY):
        rehearsal.clock.move_to(rehearsal.clock.now() + after)
        for _repetition in range(2):
            assert requests.post(address(rehearsal), data=nameless, timeout=10).status_code == 200
        assert stops(rehearsal)
        unstop(rehearsal)
    assert len(all_of(rehearsal)) == len(reply_rows(rehearsal)) == 4


def test_the_same_question_without_a_name_is_a_repetition_for_some_minutes_only(
    rehearsal: Rehearsal,
) -> None:
    nameless, dated = (Inbound("", NUMBER, "вопрос", at) for at in (None, rehearsal.clock.now()))
    taken = []
    for after in (0, 9, 10):
        rehearsal.clock.move_to(rehearsal.clock.now() + timedelta(minutes=after))
        taken += [take_in(rehearsal.engine, "smsaero", one) for one in (nameless, dated)]
    new, known = Taken.INQUIRY, Taken.KNOWN
    assert taken == [new, new, known, known, new, known]


def test_a_stop_under_a_name_that_another_customer_or_message_bore_is_obeyed(
    rehearsal: Rehearsal,
) -> None:
    assert write(rehearsal, "стоп", "+79160000002", reference="7") is Taken.STOPPED
    assert write(rehearsal, "вопрос", reference="7") is Taken.INQUIRY
    assert write(rehearsal, "стоп", reference="7") is Taken.STOPPED  # no repetition of a question
    assert write(rehearsal, "стоп", reference="7") is Taken.KNOWN
    unstop(rehearsal)
    rehearsal.clock.move_to(rehearsal.clock.now() + 8 * DAY)  # the provider counts from one again
    assert write(rehearsal, "стоп", reference="7") is Taken.STOPPED
    assert stops(rehearsal)


@pytest.mark.parametrize(
    "number", ["", "MegaFon", "900", "+7916", "+7 916 000-00-01", "79160000001"]
)
def test_a_sender_that_is_no_number_is_refused(rehearsal: Rehearsal, number: str) -> None:
    with pytest.raises(ValueError, match="no number"):
        write(rehearsal, "стоп", number)
    assert not all_of(rehearsal)


# Floods -----------------------------------------------------------------------------------------


def test_two_robots_that_answer_each_other_end_in_one_inquiry_and_no_sms(
    rehearsal: Rehearsal,
) -> None:
    for number in range(60):
        write(rehearsal, f"Ваше сообщение получено, номер {number}. " + "x" * 200)
    rehearsal.run(HOUR)
    found = all_of(rehearsal)
    assert len(found) == MOST_A_DAY
    assert len(found[0].text) == LONGEST_TEXT
    assert found[0].text.endswith("номер 59. " + "x" * 200)
    assert not rehearsal.taken(SMS)


def test_a_thousand_stops_are_one_stop_and_one_confirmation(rehearsal: Rehearsal) -> None:
    taken = {write(rehearsal, "стоп") for _ in range(60)}
    assert taken == {Taken.STOPPED, Taken.STOPPED_BEFORE}
    rehearsal.run(HOUR)
    assert len(all_of(rehearsal)) == MOST_A_DAY
    assert len(rehearsal.taken(SMS)) == 1


def test_a_stop_after_a_flood_of_questions_is_obeyed_and_a_question_opens_the_inquiry_again(
    rehearsal: Rehearsal,
) -> None:
    for number in range(MOST_A_DAY):
        write(rehearsal, f"вопрос {number}")
    for one in all_of(rehearsal):
        with rehearsal.ledger.write() as tx:
            assert inquiries.close(tx, one.id, ACTOR, rehearsal.clock.now(), CloseReason.DONE)
    assert write(rehearsal, "СТОП") is Taken.STOPPED
    for _ in range(2):
        assert write(rehearsal, "и ещё вопрос") is Taken.MERGED
    with rehearsal.ledger.read() as tx:
        [again] = inquiry_lists.found(tx, Wanted())
    assert again.text == f"вопрос {MOST_A_DAY - 1}\nи ещё вопрос"
    rehearsal.clock.move_to(rehearsal.clock.now() + DAY)
    assert write(rehearsal, "на другой день") is Taken.INQUIRY


def test_after_a_flood_the_newest_words_stand_whole_and_the_oldest_give_way(
    rehearsal: Rehearsal,
) -> None:
    for number in range(MOST_A_DAY):
        write(rehearsal, f"{number:02}" + "x" * (LONGEST_TEXT - 10))
    for one in all_of(rehearsal):
        with rehearsal.ledger.write() as tx:
            inquiries.close(tx, one.id, ACTOR, rehearsal.clock.now(), CloseReason.DONE)
    for words in ("Провод искрит, помогите", "Провод искрит,\nпомогите"):
        assert write(rehearsal, words) is Taken.MERGED
        text = all_of(rehearsal)[0].text
        assert text.startswith("…x")
        assert text.endswith(f"x\n{words}") or text.endswith(f"помогите\n{words}")
        assert len(text) == LONGEST_TEXT
    with rehearsal.ledger.read() as tx:
        assert len(inquiry_lists.found(tx, Wanted())) == 1
    longest = "y" * LONGEST_TEXT
    write(rehearsal, longest)
    assert all_of(rehearsal)[0].text == f"…{longest}"


# The confirmation -------------------------------------------------------------------------------


def answer(rehearsal: Rehearsal, after: timedelta = timedelta()) -> None:
    rehearsal.clock.move_to(rehearsal.clock.now() + after)
    rehearsal.works.loop.tick()
    rehearsal.work()


@pytest.mark.parametrize(
    ("handover", "status"),
    [
        (accepted("11"), "sent"),
        (refused(Outcome.REJECTED, "no"), "failed"),
        (uncertain("no answer"), "uncertain"),
    ],
)
def test_a_confirmation_is_handed_over_once_whatever_comes_of_it(
    rehearsal: Rehearsal, handover: Handover, status: str
) -> None:
    provider = Scripted(rehearsal, handover)
    write(rehearsal, "стоп")
    answer(rehearsal)
    assert [row[0] for row in reply_rows(rehearsal)] == [status]
    rehearsal.run(3 * DAY)
    assert len(provider.sent) == 1
    assert [row[0] for row in reply_rows(rehearsal)] == [status]


def test_a_postponed_confirmation_waits_and_is_given_up_after_a_day(rehearsal: Rehearsal) -> None:
    provider = Scripted(rehearsal, *[postponed("away")] * 3)
    write(rehearsal, "стоп")
    rehearsal.run(HOUR)
    assert [row[0] for row in reply_rows(rehearsal)] == ["sent"]
    assert len(provider.sent) == 4

    Scripted(rehearsal, *[postponed("away")] * 1000)
    write(rehearsal, "стоп", "+79160000002")
    rehearsal.run(2 * DAY)
    assert [row[0] for row in reply_rows(rehearsal)] == ["sent", "failed"]


def test_a_worker_that_dies_over_a_confirmation_leaves_it_in_doubt_for_good(
    rehearsal: Rehearsal,
) -> None:
    provider = Scripted(rehearsal)
    write(rehearsal, "стоп")
    [one] = all_of(rehearsal)
    now = rehearsal.clock.now()
    with rehearsal.ledger.write() as tx:  # claimed, and then nothing more
        assert ledger_replies.claim(tx, one.id, now + timedelta(minutes=5))
    rehearsal.run(HOUR)
    assert [row[0] for row in reply_rows(rehearsal)] == ["uncertain"]
    assert not provider.sent


def test_a_restart_does_not_send_a_confirmation_again(rehearsal: Rehearsal) -> None:
    provider = Scripted(rehearsal)
    write(rehearsal, "стоп")
    with rehearsal.ledger.write() as tx:
        later = rehearsal.clock.now() + DAY
        assert ledger_replies.claim(tx, all_of(rehearsal)[0].id, later)
    rehearsal.works.loop.recover()
    rehearsal.run(HOUR)
    assert [row[0] for row in reply_rows(rehearsal)] == ["uncertain"]
    assert not provider.sent


def test_the_same_hint_to_many_workers_sends_one_confirmation(rehearsal: Rehearsal) -> None:
    provider = Scripted(rehearsal)
    write(rehearsal, "стоп")
    [one] = all_of(rehearsal)
    with ThreadPoolExecutor(4) as workers:
        sent = workers.map(lambda _n: replies.send_batch(rehearsal.engine, [one.id]), range(8))
        assert sum(sent) == 1
    assert len(provider.sent) == 1


@pytest.mark.parametrize("handover", [accepted("r-1"), uncertain("no answer"), postponed("away")])
def test_a_receipt_of_a_confirmation_says_what_became_of_it_and_the_first_final_one_stands(
    rehearsal: Rehearsal, handover: Handover
) -> None:
    provider = Scripted(rehearsal, handover)
    write(rehearsal, "стоп")
    answer(rehearsal)
    [message] = provider.sent
    url = f"{rehearsal.engine.receipts_url}/smsaero/{message.token}"

    def told(status: str, by: str = "smsaero") -> tuple[Effect, str | None]:
        form = {"id": "1", "status": status}
        assert requests.post(url, data=form, timeout=10).status_code == 200
        effect = take(rehearsal.engine, SMS, by, provider.receipt(Payload(url, form)), {})
        with rehearsal.ledger.read() as tx:
            return effect, tx.execute(select(t.replies.c.outcome)).scalar_one()

    with capture_logs() as logged:
        assert told("3") == (Effect.SIGN, None)  # on its way
        assert told("1") == (Effect.STALE, "delivered")  # of the two, the first was recorded
        assert told("2") == (Effect.STALE, "delivered")
    assert not [line for line in logged if line["event"] == "receipt.unknown"]
    assert [status for status, _reference in reply_rows(rehearsal)] == ["sent"]
    assert (
        take(
            rehearsal.engine,
            SMS,
            "twilio",
            provider.receipt(Payload(url, {"id": "1", "status": "1"})),
            {},
        )
        is Effect.UNKNOWN
    )  # it was not sent by that provider
    rehearsal.run(2 * DAY)
    assert len(provider.sent) == 1


# Two at once, on either database ----------------------------------------------------------------


@pytest.fixture
def on_either(tmp_path: Path, ledger_url: str) -> Iterator[Rehearsal]:
    one: Rehearsing = open_rehearsal(tmp_path, ledger_url)
    yield one.rehearsal
    one.close()


def test_stops_at_the_same_moment_are_one_stop_and_one_confirmation(on_either: Rehearsal) -> None:
    together = threading.Barrier(6)

    def stop(number: int) -> Taken:
        together.wait(10)
        return write(on_either, "стоп", reference=f"ref-{number // 2}")

    with ThreadPoolExecutor(6) as customers:
        taken = sorted(customers.map(stop, range(6)))
    assert taken == [Taken.KNOWN] * 3 + [Taken.STOPPED] + [Taken.STOPPED_BEFORE] * 2
    assert len(reply_rows(on_either)) == 1
    on_either.run(HOUR)
    assert [row[0] for row in reply_rows(on_either)] == [ReplyStatus.SENT]
    assert len(on_either.taken(SMS)) == 1


# The doors --------------------------------------------------------------------------------------


def post(
    rehearsal: Rehearsal, path: str, form: dict[str, str], **headers: str
) -> requests.Response:
    url = rehearsal.engine.receipts_url + path
    return requests.post(url, data=form, headers=headers, timeout=10)


def test_sms_aero_posts_to_the_address_that_check_prints(rehearsal: Rehearsal) -> None:
    url = addresses(rehearsal.engine.receipts_url, SECRET)["smsaero"]
    form = {"id": "5", "from": NUMBER.lstrip("+"), "text": "стоп"}
    assert requests.post(url, data=form, timeout=10).status_code == 200
    assert requests.post(url, json=form, timeout=10).status_code == 200  # again, otherwise written
    assert len(all_of(rehearsal)) == 1
    assert stops(rehearsal)


@pytest.mark.parametrize(
    "token", ["smsaero", "smsaero-", "twilio", "x" * 500, "%00", "smsaero-0000"]
)
def test_an_address_we_never_gave_is_403(rehearsal: Rehearsal, token: str) -> None:
    form = {"id": "5", "from": NUMBER, "text": "стоп"}
    assert post(rehearsal, f"/smsaero/inbound/{token}", form).status_code == 403
    other = inbound_token(SECRET, "twilio")
    assert post(rehearsal, f"/smsaero/inbound/{other}", form).status_code == 403
    assert not stops(rehearsal)


@pytest.mark.parametrize(
    "body",
    [{"msisdn": NUMBER, "body": "СТОП"}, [{"number": NUMBER, "text": "СТОП"}]],
    ids=["other names", "a list"],
)
def test_a_stop_in_a_form_we_were_not_told_of_is_obeyed(rehearsal: Rehearsal, body: object) -> None:
    assert requests.post(address(rehearsal), json=body, timeout=10).status_code == 200
    assert stops(rehearsal)
    assert [one.kind for one in all_of(rehearsal)] == [Wish.STOP]


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b"id=5", '{"id": "5"}'),
        ("from=x&text=стоп".encode(), '{"from": "x", "text": "стоп"}'),
        (b'{"who": 1, "what": "stop"}', '{"who": 1, "what": "stop"}'),
        ("<sms>стоп</sms>".encode(), "<sms>стоп</sms>"),
        (b"\x00\xff", "\ufffdя"),
    ],
)
def test_what_nobody_can_read_is_kept_whole_and_shown_to_staff(
    rehearsal: Rehearsal, body: bytes, kept: str
) -> None:
    for _time in range(2):
        assert requests.post(address(rehearsal), data=body, timeout=10).status_code == 200
    [one] = all_of(rehearsal)
    assert (one.kind, one.text, one.contact_point) == (Wish.UNREADABLE, kept, "")
    assert one.status is InquiryStatus.REGISTERED
    with rehearsal.ledger.read() as tx:
        [row] = tx.execute(select(t.receipts.c.effect, t.receipts.c.payload)).all()
    assert (row.effect, row.payload["raw"]) == ("unreadable", kept)
    assert not stops(rehearsal)


def test_whose_answer_cannot_be_read_is_told_where_it_is_known(rehearsal: Rehearsal) -> None:
    body = {"number": NUMBER, "what": "стоп"}
    assert requests.post(address(rehearsal), json=body, timeout=10).status_code == 200
    assert [one.contact_point for one in all_of(rehearsal)] == [NUMBER]


def test_the_same_unreadable_words_on_another_day_may_be_anothers(rehearsal: Rehearsal) -> None:
    requests.post(address(rehearsal), json={"what": "стоп"}, timeout=10)
    rehearsal.clock.move_to(rehearsal.clock.now() + DAY)
    requests.post(address(rehearsal), json={"what": "стоп"}, timeout=10)
    assert len(all_of(rehearsal)) == 2


def test_a_provider_that_posts_nothing_else_buries_no_other_inquiry(rehearsal: Rehearsal) -> None:
    for number in range(unread.MOST_A_DAY + 5):
        unread.keep(rehearsal.engine, "smsaero", Unread(f"message {number}"))
    assert len(all_of(rehearsal)) == unread.MOST_A_DAY
    assert rehearsal.count("receipts") == unread.MOST_A_DAY + 5


@pytest.mark.parametrize("method", ["HEAD", "GET", "POST"])
def test_a_request_without_a_word_leaves_nothing_behind(rehearsal: Rehearsal, method: str) -> None:
    assert requests.request(method, address(rehearsal), timeout=10).status_code == 200
    assert not all_of(rehearsal)


def address(rehearsal: Rehearsal) -> str:
    return addresses(rehearsal.engine.receipts_url, SECRET)["smsaero"]


def test_twilio_must_sign_and_is_told_to_say_nothing(rehearse: Rehearse) -> None:
    rehearsal = rehearse(twilio_sms_sender="+74951000001")
    form = {"From": NUMBER, "Body": "STOP", "MessageSid": "SM" + "0" * 32}
    settings = rehearsal.engine.settings
    url = f"{rehearsal.engine.receipts_url}/twilio/inbound"
    validator = RequestValidator(settings.twilio_auth_token.get_secret_value())
    assert post(rehearsal, "/twilio/inbound", form).status_code == 403
    signature = validator.compute_signature(url, form)
    done = post(rehearsal, "/twilio/inbound", form, **{"X-Twilio-Signature": signature})
    assert (done.status_code, done.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert done.text.endswith("<Response/>")
    rehearsal.run(HOUR)
    with rehearsal.ledger.read() as tx:
        [row] = tx.execute(select(t.replies.c.provider, t.replies.c.status)).all()
    assert tuple(row) == ("twilio", "sent")
