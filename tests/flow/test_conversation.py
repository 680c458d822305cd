"""A call in progress: keys, an operator, a stop, a survey; twice, late, out of order."""

from datetime import UTC, datetime, time, timedelta

import pytest

from campaigns.channel import Purpose
from campaigns.delivery import Status
from campaigns.outcome import ABANDONED, Outcome
from campaigns.scenario import CALL_BACK, RETRY
from dispatcher.ledger import suppressions
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import DAY, HOUR, PHONE, Rehearsal, customer
from tests.flow.talking import (
    ANNA,
    NUMBER,
    OPERATOR,
    Talk,
    call,
    call_back_after,
    said,
    with_desk,
)

MINUTE = timedelta(minutes=1)
FIVE_TO_SIX = datetime(2026, 9, 7, 14, 55, tzinfo=UTC)  # 17:55 in Moscow: operators leave at 18:00


def stops(rehearsal: Rehearsal) -> list[tuple[str, Purpose | None, str]]:
    with rehearsal.ledger.read() as tx:
        found = suppressions.standing(tx, rehearsal.clock.now())
    return [
        (one.suppression.contact_point or "", one.suppression.purpose, one.suppression.reason)
        for one in found
    ]


def test_silence_gets_the_scripts_farewell_and_the_message_counts_as_heard(
    rehearsal: Rehearsal,
) -> None:
    talk = call(rehearsal)
    assert said(talk.press("")) == "Всего доброго!"
    assert talk.attempt.sign is Outcome.HEARD
    talk.hangs_up(3)  # the length alone would say: early
    assert rehearsal.outcomes() == ["heard"]


def test_a_key_that_confirms_is_recorded_at_once_and_the_end_changes_nothing(
    rehearsal: Rehearsal,
) -> None:
    talk = call(rehearsal)
    assert talk.press("1").find("Hangup") is not None
    assert (talk.attempt.outcome, talk.attempt.pressed) == (Outcome.KEY_PRESSED, "1")
    talk.hangs_up(3)
    assert rehearsal.outcomes() == ["key_pressed"]
    assert rehearsal.status("1") is Status.POSITIVE


def test_repeating_says_the_same_words_again_and_hears_the_next_key(rehearsal: Rehearsal) -> None:
    with_desk(rehearsal)
    talk = call(rehearsal)
    again = talk.press("2")
    gather = again.find("Gather")
    assert gather is not None
    assert "сто двадцать три рубля сорок пять копеек" in said(again)
    assert "оператором" in said(again)
    assert "round=2" in gather.attrib["action"]
    talk.press("2", 2)
    assert said(talk.press("2", 3)) == "Всего доброго!"
    talk.hangs_up(60)
    assert rehearsal.outcomes() == ["key_pressed"]


def test_a_repeated_message_speaks_of_every_joined_account(rehearsal: Rehearsal) -> None:
    both = [customer("1", NUMBER, debt=10_000), customer("2", NUMBER, debt=20_000, row=3)]
    talk = call(rehearsal, both)
    assert "триста рублей" in said(talk.press("2"))


def test_an_operator_who_was_not_offered_is_not_offered_when_the_message_is_repeated(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(start_at=FIVE_TO_SIX + 10 * MINUTE)
    with_desk(rehearsal)
    talk = call(rehearsal)
    assert "оператором" not in said(talk.press("2"))


def test_a_survey_keeps_the_answers_name(rehearsal: Rehearsal) -> None:
    talk = call(rehearsal)
    assert said(talk.press("5")) == "Спасибо за ответ. До свидания."
    assert (talk.attempt.answer, talk.attempt.pressed) == ("bad", "5")
    assert talk.attempt.outcome is Outcome.KEY_PRESSED


class TestStop:
    def test_the_number_is_stopped_for_this_purpose_at_once_and_told_so(
        self, rehearsal: Rehearsal
    ) -> None:
        talk = call(rehearsal)
        assert "больше не будем звонить" in said(talk.press("9"))
        assert stops(rehearsal) == [(NUMBER, Purpose.SERVICE, "key")]
        assert rehearsal.status("1") is Status.POSITIVE

    def test_asked_twice_it_says_the_same_and_writes_one_stop(self, rehearsal: Rehearsal) -> None:
        talk = call(rehearsal)
        first, second = said(talk.press("9")), said(talk.press("9"))
        assert first == second
        assert rehearsal.count("suppressions") == 1
        assert rehearsal.outcomes() == ["key_pressed"]

    def test_told_again_after_staff_lifted_it_the_stop_does_not_come_back(
        self, rehearsal: Rehearsal
    ) -> None:
        talk = call(rehearsal)
        talk.press("9")
        with rehearsal.ledger.write() as tx:
            suppressions.remove(tx, NUMBER, PHONE, "staff", rehearsal.clock.now())
        talk.press("9")
        assert stops(rehearsal) == []

    def test_a_stop_that_comes_when_the_call_is_long_over_is_a_stop(
        self, rehearsal: Rehearsal
    ) -> None:
        talk = call(rehearsal)
        talk.hangs_up(3)
        assert rehearsal.outcomes() == ["hung_up"]
        assert "больше не будем звонить" in said(talk.press("9"))
        assert stops(rehearsal) == [(NUMBER, Purpose.SERVICE, "key")]
        assert rehearsal.outcomes() == ["key_pressed"]
        rehearsal.run(DAY)
        assert len(rehearsal.attempts()) == 1

    def test_what_other_campaigns_have_planned_for_the_number_does_not_go(
        self, rehearsal: Rehearsal
    ) -> None:
        talk = call(rehearsal, rules='positive = ["connected"]')
        talk.press("9")  # negative by this scenario: it would be tried again
        rehearsal.run(3 * DAY)
        assert len(rehearsal.attempts()) == 1
        assert rehearsal.status("1") is Status.WITHDRAWN


class TestOperator:
    def test_a_free_operator_is_dialled_and_a_talk_is_positive(self, rehearsal: Rehearsal) -> None:
        with_desk(rehearsal)
        talk = call(rehearsal)
        dial = talk.press("0").find("Dial/Number")
        assert dial is not None
        assert dial.text == OPERATOR
        assert talk.attempt.operator_at == rehearsal.clock.now()
        talk.operator_answers()
        assert said(talk.operator_done("completed", DialCallDuration="90")) == (
            "Спасибо. До свидания."
        )
        talk.hangs_up(130)
        assert rehearsal.outcomes() == ["connected"]
        assert rehearsal.status("1") is Status.POSITIVE

    def test_the_same_question_twice_dials_once_more_and_takes_no_second_operator(
        self, rehearsal: Rehearsal
    ) -> None:
        """The answer to the first was lost on its way; the second must not say 'nobody is free'."""
        with_desk(rehearsal, operators=1)
        talk = call(rehearsal)
        assert talk.press("0").find("Dial") is not None
        assert talk.press("0").find("Dial") is not None

    def test_the_last_operator_goes_to_one_and_the_other_is_called_back_in_a_quarter_of_an_hour(
        self, rehearsal: Rehearsal
    ) -> None:
        with_desk(rehearsal, operators=1)
        people = [ANNA, customer("2", "+79160000002", row=3)]
        first = call(rehearsal, people)
        second = Talk(rehearsal, "2")
        assert first.press("0").find("Dial") is not None
        refused = second.press("0")
        assert refused.find("Dial") is None
        assert "перезвоним вам в течение пятнадцати минут" in said(refused)
        assert said(second.press("0")) == said(refused)
        second.hangs_up(30)
        assert second.attempt.outcome is Outcome.NOBODY_FREE
        assert call_back_after(second) == CALL_BACK
        assert rehearsal.status("2") is Status.PENDING

    def test_an_operator_is_free_again_when_the_call_is_over(self, rehearsal: Rehearsal) -> None:
        with_desk(rehearsal, operators=1)
        people = [ANNA, customer("2", "+79160000002", row=3)]
        first = call(rehearsal, people)
        first.press("0")
        first.hangs_up(30)
        assert Talk(rehearsal, "2").press("0").find("Dial") is not None

    def test_who_hangs_up_while_it_rings_asked_in_vain(self, rehearsal: Rehearsal) -> None:
        with_desk(rehearsal)
        talk = call(rehearsal)
        talk.press("0")
        talk.operator_done("no-answer", CallStatus="completed")
        talk.hangs_up(30)
        assert (talk.attempt.outcome, talk.attempt.reason) == (Outcome.NOBODY_FREE, ABANDONED)
        assert call_back_after(talk) == CALL_BACK

    @pytest.mark.parametrize("status", ["busy", "no-answer", "failed"])
    def test_a_telephone_that_rings_in_vain_promises_a_call_back(
        self, rehearsal: Rehearsal, status: str
    ) -> None:
        with_desk(rehearsal)
        talk = call(rehearsal)
        talk.press("0")
        assert "перезвоним" in said(talk.operator_done(status))
        talk.hangs_up(60)
        assert talk.attempt.outcome is Outcome.NOBODY_FREE
        assert talk.attempt.reason != ABANDONED

    def test_out_of_hours_nothing_is_promised_and_the_message_counts_as_heard(
        self, rehearse: Rehearse
    ) -> None:
        rehearsal = rehearse(start_at=FIVE_TO_SIX)
        with_desk(rehearsal)
        talk = call(rehearsal)
        rehearsal.clock.move_to(FIVE_TO_SIX + 6 * MINUTE)
        answer = said(talk.press("0"))
        assert "по рабочим дням с девяти часов до восемнадцати часов" in answer
        assert "перезвоним" not in answer
        assert talk.attempt.outcome is Outcome.KEY_PRESSED
        assert talk.attempt.operator_at is None

    def test_no_call_back_is_promised_for_when_the_operators_have_left(
        self, rehearse: Rehearse
    ) -> None:
        rehearsal = rehearse(start_at=FIVE_TO_SIX)
        with_desk(rehearsal, operators=1)
        people = [ANNA, customer("2", "+79160000002", row=3)]
        call(rehearsal, people).press("0")
        answer = said(Talk(rehearsal, "2").press("0"))
        assert "все операторы заняты" in answer
        assert "перезвоним" not in answer

    def test_the_call_back_waits_until_the_operators_are_back(self, rehearse: Rehearse) -> None:
        rehearsal = rehearse(start_at=FIVE_TO_SIX)
        with_desk(rehearsal)
        talk = call(rehearsal)
        talk.press("0")
        talk.operator_done("busy")
        talk.hangs_up(30)
        # The desk opens at nine, the customer may be called from ten on.
        assert talk.attempt.next_due_at == FIVE_TO_SIX.replace(hour=7, minute=0) + DAY

    def test_the_customers_own_clock_tells_when_operators_are_there(
        self, rehearsal: Rehearsal
    ) -> None:
        """14:00 in Omsk is 11:00 in Moscow; the desk of this test opens at noon."""
        with_desk(rehearsal)
        desk = rehearsal.engine.desks.default.model_copy(
            update={
                "hours": rehearsal.engine.desks.default.hours.model_copy(
                    update={"opens_at": time(12)}
                )
            }
        )
        rehearsal.engine.desks = type(rehearsal.engine.desks)(desk)
        talk = call(rehearsal, [customer("1", NUMBER, zone="Asia/Omsk")])
        assert "с пятнадцати часов до двадцати одного часа" in said(talk.press("0"))

    def test_a_talk_that_is_told_after_the_end_is_a_talk(self, rehearsal: Rehearsal) -> None:
        with_desk(rehearsal)
        talk = call(rehearsal)
        talk.press("0")
        talk.hangs_up(130)
        assert rehearsal.outcomes() == ["nobody_free"]
        talk.operator_answers()
        assert rehearsal.outcomes() == ["connected"]
        assert rehearsal.status("1") is Status.POSITIVE

    def test_who_asked_when_the_end_was_known_already_is_called_back_and_not_dialled(
        self, rehearsal: Rehearsal
    ) -> None:
        """The ledger was away: the key is written down after the end of the call."""
        with_desk(rehearsal)
        talk = call(rehearsal)
        talk.hangs_up(30)
        assert rehearsal.outcomes() == ["heard"]
        assert talk.press("0").find("Dial") is None
        assert rehearsal.outcomes() == ["nobody_free"]
        assert rehearsal.status("1") is Status.PENDING


class TestOutcomes:
    def test_a_key_is_worth_more_than_a_machine_that_was_suspected(
        self, rehearsal: Rehearsal
    ) -> None:
        talk = call(rehearsal)
        talk.press("7")
        talk.hangs_up(40, AnsweredBy="machine_start")
        assert rehearsal.outcomes() == ["key_pressed"]

    def test_an_early_end_keeps_the_seconds_heard(self, rehearsal: Rehearsal) -> None:
        talk = call(rehearsal)
        talk.hangs_up(2)
        assert (talk.attempt.outcome, talk.attempt.seconds) == (Outcome.HUNG_UP, 2)
        assert call_back_after(talk) == RETRY[PHONE]

    def test_a_scenario_may_ask_for_more_than_hearing(self, rehearsal: Rehearsal) -> None:
        talk = call(rehearsal, rules='positive = ["key_pressed"]')
        talk.press("")
        talk.hangs_up(60)
        assert (talk.attempt.outcome, talk.attempt.positive) == (Outcome.HEARD, False)
        assert rehearsal.status("1") is Status.PENDING

    def test_a_scenario_may_be_content_with_a_vain_request(self, rehearsal: Rehearsal) -> None:
        with_desk(rehearsal, operators=1)
        people = [ANNA, customer("2", "+79160000002", row=3)]
        call(rehearsal, people, rules='positive = ["nobody_free"]').press("0")
        second = Talk(rehearsal, "2")
        assert "перезвоним" not in said(second.press("0"))
        second.hangs_up(30)
        assert rehearsal.status("2") is Status.POSITIVE

    def test_a_call_of_which_nobody_knew_is_settled_by_its_key(self, rehearsal: Rehearsal) -> None:
        """The worker was given up for lost while the call went on."""
        talk = call(rehearsal)
        talk.hangs_up(0, "strange")
        assert rehearsal.status("1") is Status.UNCERTAIN
        assert talk.press("2").find("Gather") is not None
        talk.hangs_up(40)
        assert rehearsal.outcomes() == ["key_pressed"]

    def test_the_call_back_comes_a_quarter_of_an_hour_later(self, rehearsal: Rehearsal) -> None:
        with_desk(rehearsal)
        talk = call(rehearsal)
        talk.press("0")
        talk.operator_done("busy")
        talk.hangs_up(30)
        rehearsal.run(HOUR)
        first, second = rehearsal.attempts()
        assert first.ended_at is not None
        assert second.started_at - first.ended_at < CALL_BACK + 2 * MINUTE
        assert rehearsal.status("1") is Status.POSITIVE
