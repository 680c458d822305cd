"""What a call says first, decided at the instant when somebody, or something, has answered."""

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import cast

import pytest
import requests
from structlog.testing import capture_logs

from campaigns.channel import Purpose
from campaigns.consent import Suppression
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from campaigns.scenario import RETRY
from channels.base import CallStage, Receipt
from dispatcher import campaigning, conversation
from dispatcher.ledger import deliveries, suppressions
from dispatcher.tokens import TokenFor, attempt_key, sign
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import DAY, HOUR, PHONE, SECRET, Rehearsal, customer, patterns
from tests.flow.talking import ANNA, NUMBER, Talk, call, call_back_after, said, with_desk
from tests.flow.test_conversation import FIVE_TO_SIX, MINUTE

ACTOR = "anna"
DEBT = "сто двадцать три рубля сорок пять копеек"
EXCUSE = "Извините за беспокойство. До свидания."


def test_a_person_hears_the_message_and_the_menu_and_is_listened_to(rehearsal: Rehearsal) -> None:
    with_desk(rehearsal)
    talk = call(rehearsal)
    [gather] = talk.answered()
    assert (gather.tag, gather.attrib["action"][-8:]) == ("Gather", "&round=1")
    assert DEBT in said(gather)
    assert said(gather).endswith("Для связи с оператором нажмите ноль.")
    assert talk.attempt.sign is None  # answered is not yet heard
    talk.hangs_up(60)
    assert rehearsal.outcomes() == ["heard"]


@pytest.mark.parametrize("by", ["machine_start", "machine_end_beep", "fax"])
def test_a_machine_hears_nothing_and_counts_as_one_whatever_its_end_says(
    rehearsal: Rehearsal, by: str
) -> None:
    talk = call(rehearsal)
    assert [verb.tag for verb in talk.answered(by)] == ["Hangup"]
    assert talk.attempt.sign is Outcome.MACHINE
    talk.hangs_up(60)
    assert rehearsal.outcomes() == ["machine"]
    assert call_back_after(talk) == RETRY[PHONE]


def test_who_cannot_be_told_from_a_machine_is_taken_for_a_person(rehearsal: Rehearsal) -> None:
    assert DEBT in said(call(rehearsal).answered("unknown"))


def test_asked_twice_it_says_the_same(rehearsal: Rehearsal) -> None:
    talk = call(rehearsal)
    assert said(talk.answered()) == said(talk.answered(tries=2))
    assert rehearsal.outcomes() == [None]


def test_the_message_speaks_of_every_joined_account(rehearsal: Rehearsal) -> None:
    both = [customer("1", NUMBER, debt=10_000), customer("2", NUMBER, debt=20_000, row=3)]
    assert "триста рублей" in said(call(rehearsal, both).answered())


def test_of_joined_accounts_one_that_was_paid_meanwhile_is_not_spoken_of(
    rehearsal: Rehearsal,
) -> None:
    both = [customer("1", NUMBER, debt=10_000), customer("2", NUMBER, debt=20_000, row=3)]
    talk = call(rehearsal, both)
    campaigning.settle(rehearsal.engine, talk.attempt.campaign_id, ["2"], ACTOR)
    assert "триста рублей" not in said(talk.answered())


def test_an_operator_who_was_not_at_work_when_it_was_dialled_is_not_offered(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(start_at=FIVE_TO_SIX + 10 * MINUTE)
    with_desk(rehearsal)
    heard = said(call(rehearsal).answered())
    assert DEBT in heard
    assert "оператором" not in heard


# --- what has changed between dialling and answering -----------------------------------------


def stop(rehearsal: Rehearsal, suppression: Suppression) -> None:
    with rehearsal.ledger.write() as tx:
        suppressions.add(tx, suppression, "customer", rehearsal.clock.now())


def stops_number(talk: Talk) -> None:
    stop(talk.rehearsal, Suppression("asked", contact_point=NUMBER, channel=PHONE))


def stops_account(talk: Talk) -> None:
    stop(talk.rehearsal, Suppression("asked", account_number="1", purpose=Purpose.SERVICE))


def pays(talk: Talk) -> None:
    campaigning.settle(talk.rehearsal.engine, talk.attempt.campaign_id, ["1"], ACTOR)


def staff_pause(talk: Talk) -> None:
    campaigning.pause(talk.rehearsal.engine, talk.attempt.campaign_id, ACTOR)


def staff_cancel(talk: Talk) -> None:
    campaigning.cancel(talk.rehearsal.engine, talk.attempt.campaign_id, ACTOR)


@pytest.mark.parametrize(
    ("happens", "status"),
    [
        (stops_number, Status.WITHDRAWN),
        (stops_account, Status.WITHDRAWN),
        (pays, Status.SETTLED),
        (staff_pause, Status.PENDING),
        (staff_cancel, Status.CANCELLED),
    ],
)
def test_who_need_not_be_told_any_more_hears_an_excuse_and_counts_as_not_told(
    rehearsal: Rehearsal, happens: Callable[[Talk], None], status: Status
) -> None:
    talk = call(rehearsal)
    happens(talk)
    answer = talk.answered()
    assert [verb.tag for verb in answer] == ["Say", "Hangup"]
    assert said(answer) == EXCUSE
    talk.hangs_up(60)  # however long that took
    assert rehearsal.outcomes() == ["hung_up"]
    rehearsal.run(3 * HOUR)
    assert len(rehearsal.attempts()) == 1
    assert rehearsal.status("1") is status


def test_a_campaign_that_goes_on_calls_again_who_heard_only_an_excuse(
    rehearsal: Rehearsal,
) -> None:
    talk = call(rehearsal)
    staff_pause(talk)
    talk.answered()
    campaigning.resume(rehearsal.engine, talk.attempt.campaign_id, ACTOR)
    assert said(talk.answered(tries=2)) == EXCUSE  # the same question, the same answer
    talk.hangs_up(3)
    rehearsal.run(DAY)
    assert rehearsal.outcomes() == ["hung_up", "heard"]


def test_a_stop_for_another_purpose_keeps_nobody_from_hearing_this(rehearsal: Rehearsal) -> None:
    talk = call(rehearsal)
    stop(rehearsal, Suppression("asked", contact_point=NUMBER, purpose=Purpose.MARKETING))
    assert DEBT in said(talk.answered())


def test_who_was_reached_elsewhere_but_has_picked_up_is_told(rehearsal: Rehearsal) -> None:
    """An SMS arrived while the telephone rang: nothing in the message is wrong, so no excuses."""
    talk = call(rehearsal)
    with rehearsal.ledger.write() as tx:
        deliveries.mark_in_flight(tx, [talk.attempt.delivery_id], Status.SUPERSEDED)
    assert DEBT in said(talk.answered())


# --- late, out of order, of nothing ------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations(("answered", "silent", "ends"))))
def test_a_call_heard_to_its_end_is_heard_in_whatever_order_it_is_told(
    rehearsal: Rehearsal, order: tuple[str, ...]
) -> None:
    talk = call(rehearsal)
    happens: dict[str, Callable[[], object]] = {
        "answered": talk.answered,
        "silent": lambda: talk.press(""),
        "ends": lambda: talk.hangs_up(60),
    }
    for what in order:
        happens[what]()
    assert rehearsal.outcomes() == ["heard"]


def test_a_call_that_is_over_says_nothing_of_the_debt(rehearsal: Rehearsal) -> None:
    talk = call(rehearsal)
    talk.hangs_up(3)
    answer = talk.answered()
    assert answer.find("Hangup") is not None
    assert DEBT not in said(answer)
    assert [verb.tag for verb in talk.answered("machine_start")] == ["Hangup"]
    assert rehearsal.outcomes() == ["hung_up"]


def test_a_call_of_which_nobody_knew_speaks_when_it_is_answered(rehearsal: Rehearsal) -> None:
    """The provider's answer was lost, so it is uncertain; it is the same call all the same."""
    talk = call(rehearsal)
    talk.hangs_up(0, "strange")
    assert rehearsal.status("1") is Status.UNCERTAIN
    assert DEBT in said(talk.answered())
    talk.press("")
    talk.hangs_up(60)
    assert rehearsal.outcomes() == ["heard"]


def test_a_call_that_was_given_its_words_when_it_was_dialled_goes_on_as_it_began(
    rehearsal: Rehearsal,
) -> None:
    """Placed by an earlier release: it never asks for its first words."""
    talk = call(rehearsal)
    assert said(talk.press("1"))
    talk.hangs_up(30)
    assert rehearsal.outcomes() == ["key_pressed"]


def test_an_unknown_call_is_hung_up_on_without_a_word(rehearsal: Rehearsal) -> None:
    call(rehearsal)
    strange = sign(SECRET, TokenFor.RECEIPT, attempt_key(4711, 1))
    receipt = Receipt(
        strange, None, None, stage=CallStage.BEGUN, reply="<Hangup/>", late_reply="<Redirect/>"
    )
    assert conversation.converse(rehearsal.engine, "twilio", receipt, {}) == "<Hangup/>"


def test_words_that_cannot_be_made_any_more_are_an_excuse_and_no_error(
    rehearsal: Rehearsal,
) -> None:
    talk = call(rehearsal)
    with rehearsal.ledger.read() as tx:
        stored = rehearsal.engine.scenario(tx, 1)
    texts = cast(dict[str, str], stored.templates[PHONE])
    texts["call.txt"] = "{{ no_such_field }}"
    with capture_logs() as logged:
        assert said(talk.answered()) == EXCUSE
    assert "conversation.without_words" in [line["event"] for line in logged]


def test_a_forged_question_learns_nothing(rehearsal: Rehearsal) -> None:
    talk = call(rehearsal)
    url = f"{rehearsal.engine.receipts_url}/twilio/begin/{talk.token}?expects=20"
    forged = {"X-Twilio-Signature": "AAAA"}
    answer = requests.post(url, data={"AnsweredBy": "human"}, headers=forged, timeout=10)
    assert (answer.status_code, answer.text) == (403, "forbidden")
    assert rehearsal.count("receipts") == 0


def test_beside_the_sandbox_a_machine_is_on_the_line_for_no_longer_than_its_detection(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(patterns(phone={NUMBER: "machine"}))
    rehearsal.launch([ANNA])
    rehearsal.run(timedelta(minutes=10))
    [attempt] = [a for a in rehearsal.attempts() if a.channel is PHONE]
    assert (attempt.outcome, attempt.sign) == (Outcome.MACHINE, Outcome.MACHINE)
    assert attempt.seconds is not None
    assert attempt.seconds <= 2
