"""How a call begins, and what a key leads to: words, another round, an operator, the end."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.desk import Desk, next_manned
from campaigns.holidays import Holidays
from campaigns.menu import (
    MAX_ROUNDS,
    Operator,
    Staffing,
    Step,
    Turn,
    after_operator,
    answer,
    excuse,
    farewell,
    opening,
)
from campaigns.outcome import Outcome
from campaigns.scenario import Window
from templates.call import Action, CallScript, Fragment, Key, Play, Say, SoundRef

JINGLE = Play("jingle.wav", SoundRef("0" * 64, 2.0))
MESSAGE = (JINGLE, Say("У вас долг."))
MINUTES = timedelta(minutes=15)
OPERATOR = Operator("+74951234567", 20)
PHONE = "+78005553535"
OFFERS = {
    Action.HEARD: Key("1", Action.HEARD, (Say("Нажмите один."),)),
    Action.REPEAT: Key("2", Action.REPEAT, (Say("Нажмите два."),)),
    Action.ANSWER: Key("5", Action.ANSWER, (Say("Нажмите пять."),), answer="good"),
    Action.STOP: Key("9", Action.STOP, (Say("Нажмите девять."),)),
    Action.OPERATOR: Key("0", Action.OPERATOR, (Say("Нажмите ноль."),)),
}
PROMPTS = tuple(fragment for key in OFFERS.values() for fragment in key.prompt)
SCRIPT = CallScript(MESSAGE, tuple(OFFERS.values()))
ENGLISH = CallScript((Say("You owe us."),), tuple(OFFERS.values()), language="en")

staffings = st.builds(
    Staffing,
    operator=st.sampled_from([None, OPERATOR]),
    manned=st.booleans(),
    call_back=st.sampled_from([None, MINUTES, timedelta(hours=2)]),
    hours=st.sampled_from([None, Window()]),
    phone=st.just(PHONE),
)
own_words = st.sampled_from([(), (Say("Свои слова."),), (JINGLE,)])
scripts = st.builds(
    CallScript,
    message=st.just(MESSAGE),
    keys=st.lists(
        st.builds(
            Key,
            digit=st.sampled_from("0123456789"),
            action=st.sampled_from(Action),
            prompt=own_words,
            reply=own_words,
            answer=st.sampled_from(["", "good"]),
        ),
        unique_by=lambda key: key.digit,
    ).map(tuple),
    farewell=own_words,
    language=st.sampled_from(["ru", "en"]),
)


def words(fragments: tuple[Fragment, ...]) -> str:
    return " ".join(fragment.text for fragment in fragments if isinstance(fragment, Say))


def pressed(
    digit: str, round_number: int = 1, staffing: Staffing | None = None, script: CallScript = SCRIPT
) -> Step:
    return answer(script, digit, round_number, staffing or Staffing(phone=PHONE))


def test_silence_is_answered_by_the_scripts_own_farewell_or_by_ours() -> None:
    own = CallScript(MESSAGE, farewell=(Say("Всего доброго."),))
    assert pressed("") == Step(farewell(SCRIPT))
    assert words(pressed("").turn.fragments) == "Спасибо. До свидания."
    assert words(pressed("", script=own).turn.fragments) == "Всего доброго."
    assert words(pressed("", script=ENGLISH).turn.fragments) == "Thank you. Goodbye."


def test_who_confirms_is_thanked_and_the_call_is_over() -> None:
    step = pressed("1")
    assert (step.sign, step.final, step.turn.listens) == (Outcome.KEY_PRESSED, True, False)
    assert words(step.turn.fragments) == "Спасибо. До свидания."


def test_repeating_says_message_and_menu_again_and_listens() -> None:
    step = pressed("2")
    assert step.turn == Turn((*MESSAGE, *PROMPTS), listens=True, round=2)
    assert (step.sign, step.final) == (Outcome.KEY_PRESSED, False)


def test_the_message_is_said_three_times_at_most() -> None:
    assert pressed("2", 2).turn.round == 3
    last = pressed("2", 3)
    assert last.turn == farewell(SCRIPT)
    assert last.sign is Outcome.KEY_PRESSED


def test_a_wrong_key_is_told_so_and_the_menu_alone_follows_which_counts_as_a_round() -> None:
    step = pressed("7")
    assert step.turn == Turn((Say("Такой клавиши нет."), *PROMPTS), listens=True, round=2)
    assert (step.action, step.sign) == (None, Outcome.KEY_PRESSED)
    assert pressed("*", 3).turn == farewell(SCRIPT)


def test_where_no_keys_are_offered_any_key_means_heard() -> None:
    step = pressed("7", script=CallScript(MESSAGE))
    assert (step.sign, step.final, step.turn) == (Outcome.KEY_PRESSED, True, farewell(SCRIPT))


def test_an_answer_of_a_survey_is_noted_with_its_name() -> None:
    step = pressed("5")
    assert (step.answer, step.final) == ("good", True)
    assert words(step.turn.fragments) == "Спасибо за ответ. До свидания."


def test_who_wants_no_more_calls_hears_that_there_will_be_none() -> None:
    step = pressed("9")
    assert (step.action, step.sign, step.final) == (Action.STOP, Outcome.KEY_PRESSED, True)
    assert words(step.turn.fragments).startswith("Хорошо, больше не будем звонить по этому поводу")


def test_a_free_operator_is_dialled() -> None:
    step = pressed("0", staffing=Staffing(OPERATOR, manned=True))
    assert step.turn == Turn((Say("Соединяем вас с оператором."),), operator=OPERATOR)
    assert step.final is False


def test_when_nobody_is_free_a_call_back_is_promised_in_words() -> None:
    step = pressed("0", staffing=Staffing(manned=True, call_back=MINUTES, phone=PHONE))
    assert step.sign is Outcome.NOBODY_FREE
    assert words(step.turn.fragments) == (
        "Сейчас все операторы заняты. Мы перезвоним вам в течение пятнадцати минут. До свидания."
    )


def test_what_cannot_be_kept_is_not_promised() -> None:
    step = pressed("0", staffing=Staffing(manned=True, call_back=None, phone=PHONE))
    assert "перезвоним" not in words(step.turn.fragments)
    assert "восемь, восемьсот, пятьсот пятьдесят пять" in words(step.turn.fragments)


def test_out_of_hours_the_customer_hears_when_operators_are_there_and_no_promise() -> None:
    hours = Window(opens_at="09:00", closes_at="18:00", days=("mon", "tue", "wed", "thu", "fri"))
    step = pressed("0", staffing=Staffing(hours=hours, phone=PHONE))
    said = words(step.turn.fragments)
    assert "по рабочим дням с девяти часов до восемнадцати часов" in said
    assert "перезвоним" not in said
    assert (step.sign, step.final) == (Outcome.KEY_PRESSED, True)


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(minutes=1), "одной минуты"),
        (timedelta(minutes=21), "двадцати одной минуты"),
        (timedelta(minutes=30), "тридцати минут"),
        (timedelta(seconds=601), "одиннадцати минут"),
        (timedelta(hours=2), "двух часов"),
        (timedelta(hours=1, minutes=31), "двух часов"),
    ],
)
def test_a_promised_time_is_spoken_in_the_genitive_and_rounded_up(
    length: timedelta, said: str
) -> None:
    step = pressed("0", staffing=Staffing(manned=True, call_back=length))
    assert f"в течение {said}." in words(step.turn.fragments)


def test_an_english_call_goes_on_in_english() -> None:
    staffing = Staffing(manned=True, call_back=MINUTES)
    assert "within fifteen minutes" in words(
        pressed("0", staffing=staffing, script=ENGLISH).turn.fragments
    )


def test_the_scripts_own_reply_takes_the_place_of_ours() -> None:
    reply = (Say("Записали."),)
    for digit, action in (("1", Action.HEARD), ("9", Action.STOP), ("5", Action.ANSWER)):
        script = CallScript(MESSAGE, (Key(digit, action, reply=reply),))
        assert pressed(digit, script=script).turn.fragments == reply
    repeat = CallScript(MESSAGE, (Key("2", Action.REPEAT, reply=reply),))
    assert pressed("2", script=repeat).turn.fragments == (*reply, *MESSAGE)


def test_after_the_talk_there_is_a_farewell_and_after_vain_ringing_the_promise() -> None:
    talked = after_operator(SCRIPT, connected=True, staffing=Staffing())
    vain = after_operator(
        SCRIPT, connected=False, staffing=Staffing(manned=True, call_back=MINUTES)
    )
    assert words(talked.fragments) == "Спасибо. До свидания."
    assert "Мы перезвоним вам" in words(vain.fragments)
    assert not talked.listens
    assert vain.operator is None


@given(scripts, st.sampled_from([*"0123456789*#", ""]), st.integers(-5, 50), staffings)
def test_every_call_ends_whatever_is_pressed(
    script: CallScript, digit: str, round_number: int, staffing: Staffing
) -> None:
    rounds, step = 0, answer(script, digit, round_number, staffing)
    while step.turn.listens:
        rounds += 1
        assert step.turn.round > 1
        assert step.turn.operator is None
        step = answer(script, digit, step.turn.round, staffing)
    assert rounds < MAX_ROUNDS


@given(scripts, st.sampled_from("0123456789*#"), st.integers(1, 3), staffings)
def test_a_key_is_never_without_a_sign_and_a_final_one_never_goes_on(
    script: CallScript, digit: str, round_number: int, staffing: Staffing
) -> None:
    step = answer(script, digit, round_number, staffing)
    assert step.sign in (Outcome.KEY_PRESSED, Outcome.NOBODY_FREE)
    assert not (step.final and (step.turn.listens or step.turn.operator))
    assert step.turn.fragments or step.turn.listens


def test_a_call_begins_with_the_message_and_every_offer_and_listens_for_the_first_time() -> None:
    assert opening(SCRIPT) == Turn((*MESSAGE, *PROMPTS), listens=True, round=1)
    assert opening(CallScript(MESSAGE)).listens  # a key tells that a person was there


@given(scripts)
def test_an_excuse_tells_nothing_of_the_message_and_ends_the_call(script: CallScript) -> None:
    turn = excuse(script)
    assert not turn.listens
    assert not set(turn.fragments) & set(script.spoken)


def test_an_excuse_is_made_in_the_language_of_the_call() -> None:
    assert excuse(ENGLISH).fragments == (Say("Sorry to have troubled you. Goodbye."),)
    assert excuse(SCRIPT).fragments == (Say("Извините за беспокойство. До свидания."),)


def test_a_desk_that_nobody_ever_mans_holds_nothing_up() -> None:
    at = datetime(2026, 9, 7, 20, tzinfo=UTC)
    assert next_manned(Desk(), at, "Europe/Moscow", Holidays()) == at
    assert next_manned(Desk(operator="+74951234567"), at, "Europe/Moscow", Holidays()) == datetime(
        2026, 9, 8, 6, tzinfo=UTC
    )
