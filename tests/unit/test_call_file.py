"""A call as staff write it: keys, sounds, words; and what no value can turn it into."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates.call import Action, CallScript, Key, Play, Say, SoundRef
from templates.call_check import examine_call
from templates.call_file import MissingSound, call_script, read_call
from templates.errors import EmptyText, MissingValue, UnfitValue
from templates.i18n import speaking
from templates.neutral import one_line
from templates.problem import Problem
from templates.subset import COMMAND_MARK

INTRO = SoundRef("a" * 64, 4.5)
SOUNDS = {"intro.wav": INTRO, "press-two.wav": SoundRef("b" * 64, 2.0)}
WHOLE = """# a remark
@play intro.wav
{{ greeting }}
Ваш долг {{ debt_kopecks | money }}.
@key 1 heard: Чтобы подтвердить, нажмите один.
@key 2 repeat: @play press-two.wav
@key 0 operator: {{ name }}, для связи с оператором нажмите ноль.
@key 4 answer good: Если вы довольны, нажмите четыре.
@key 9 stop:
@reply 9: Хорошо, {{ name }}.
@reply 4: @play intro.wav
До свидания!
"""
PHONE = "восемь, восемьсот, пятьсот пятьдесят пять, ноль пять, ноль ноль"
VALUES = {"greeting": "Здравствуйте!", "debt_kopecks": 100, "name": "Мария"}


def script(
    text: str, values: Mapping[str, object] | None = None, language: str = "ru"
) -> CallScript:
    return call_script(text, values or {}, language, SOUNDS)


def problems(text: str) -> list[tuple[str, int | None]]:
    found = examine_call(text, "own/call.txt").template.problems
    return [(problem.code, problem.line) for problem in found]


def warnings(text: str) -> list[tuple[str, int | None]]:
    found = examine_call(text, "own/call.txt")
    assert found.template.problems == []
    return [(problem.code, problem.line) for problem in dict.fromkeys(found.warnings)]


def test_a_call_has_a_message_a_menu_and_a_farewell() -> None:
    assert script(WHOLE, VALUES) == CallScript(
        message=(Play("intro.wav", INTRO), Say("Здравствуйте!"), Say("Ваш долг один рубль.")),
        keys=(
            Key("1", Action.HEARD, (Say("Чтобы подтвердить, нажмите один."),)),
            Key("2", Action.REPEAT, (Play("press-two.wav", SOUNDS["press-two.wav"]),)),
            Key("0", Action.OPERATOR, (Say("Мария, для связи с оператором нажмите ноль."),)),
            Key(
                "4",
                Action.ANSWER,
                (Say("Если вы довольны, нажмите четыре."),),
                (Play("intro.wav", INTRO),),
                "good",
            ),
            Key("9", Action.STOP, (), (Say("Хорошо, Мария."),)),
        ),
        farewell=(Say("До свидания!"),),
    )


def test_a_whole_call_is_in_order() -> None:
    found = examine_call(WHOLE, "call.txt")
    assert (found.template.problems, found.warnings) == ([], [])
    assert found.sounds == {"intro.wav": 2, "press-two.wav": 6}
    assert found.answers == {"good": 8}
    assert found.template.names == {"greeting": 3, "debt_kopecks": 4, "name": 7}


def test_conditions_may_stand_around_a_command_on_one_line_or_on_three() -> None:
    text = (
        "Да.\n{% if works is defined %}@key 1 heard: Нажмите один.{% endif %}\n"
        "{% if debt_kopecks > 5 %}\n@key 2 repeat\n{% else %}\n@key 2 heard\n{% endif %}\nПока."
    )
    assert problems(text) == []
    with_all = script(text, {"works": "", "debt_kopecks": 6})
    assert [(k.digit, k.action) for k in with_all.keys] == [("1", "heard"), ("2", "repeat")]
    with_less = script(text, {"debt_kopecks": 5})
    assert [(k.digit, k.action) for k in with_less.keys] == [("2", "heard")]
    assert with_all.farewell == with_less.farewell == (Say("Пока."),)


def test_tags_that_eat_line_ends_do_not_glue_commands_to_words() -> None:
    text = (
        "Да.\n{%- if name is defined -%}\n@key 1 heard: Один.\n{%- endif -%}\n@key 2 repeat: Два."
    )
    read = script(text, {"name": ""})
    assert (read.message, [key.digit for key in read.keys]) == ((Say("Да."),), ["1", "2"])


@pytest.mark.parametrize("text", ["﻿@play intro.wav\r\nДа.\r\n", "  @play intro.wav\rДа."])
def test_the_line_ends_and_the_mark_of_another_program_change_nothing(text: str) -> None:
    assert script(text).message == (Play("intro.wav", INTRO), Say("Да."))


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.builds(
        "".join,
        st.lists(
            st.sampled_from(
                [
                    *("@key 1 operator: x", "@play intro.wav", "@reply 1: x", "@", "#", ":", " "),
                    *("\n", "\r", "\r\n", "\v", "\f", "\x1e", "\x85", "\u2028", "\u2029", "\x00"),
                    *(COMMAND_MARK, f"{COMMAND_MARK}0{COMMAND_MARK}", "{{ name }}", "{% if %}"),
                    *("\u202e", "\ufeff", "\ud800", "{#", "-%}", "слово", "\t"),
                ]
            ),
            max_size=8,
        ),
    ),
)


@given(HOSTILE, HOSTILE)
def test_no_value_adds_a_command_a_line_or_a_key(name: str, cell: str) -> None:
    text = (
        "{{ name }}\nНачало {{ cell }} конец.\n{{ cell | default('x') | upper }}{{ name }}\n"
        "{% for a in accounts %}\n{{ a.cell }}\n{% endfor %}\n"
        "@key 1 heard: {{ cell }}\n@play intro.wav\n{{ cell }}"
    )
    read = script(text, {"name": name, "cell": cell, "accounts": [{"cell": cell}]})
    assert [(key.digit, key.action) for key in read.keys] == [("1", Action.HEARD)]
    assert sum(isinstance(f, Play) for f in (*read.spoken, *read.keys[0].reply)) == 1
    said = one_line(cell)
    assert Say(one_line(f"Начало {cell} конец.")) in read.message
    assert read.keys[0].prompt == ((Say(said),) if said else ())
    assert read.farewell[1:] == ((Say(said),) if said else ())
    assert 1 <= len(read.message) <= 4
    assert not any(COMMAND_MARK in phrase or "\n" in phrase for phrase in read.phrases)


def test_a_customer_may_be_called_like_a_command() -> None:
    read = script("{{ name }}", {"name": "@key 1 operator: x"})
    assert (read.message, read.keys) == ((Say("@key 1 operator: x"),), ())


def test_not_even_a_constant_of_the_template_can_hold_the_mark() -> None:
    assert problems(r"Да {{ x | default('\ue0100\ue010') }}") == [("template_constant", 1)]
    assert problems(f"Да\n{COMMAND_MARK}0{COMMAND_MARK}") == [("call_strange_character", 2)]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("Да.\n@kay 1 heard: x", "call_command", 2),
        ("Да.\n@", "call_command", 2),
        ("Да.\n@ключ 1 heard: x", "call_command", 2),
        ("Да.\n@key 1 haerd: x", "call_action", 2),
        ("Да.\n@key 1", "call_action", 2),
        ("Да.\n@key: x", "call_key", 2),
        ("Да.\n@key * heard: x", "call_key", 2),
        ("Да.\n@key # heard: x", "call_key", 2),
        ("Да.\n@key 12 heard: x", "call_key", 2),
        ("Да.\n@key ٣ heard: x", "call_key", 2),
        ("Да.\n@key {{ digit }} heard: x", "call_key", 2),
        ("Да.\n@key 1 heard Нажмите один.", "call_colon", 2),
        ("Да.\n@key 1 answer: x", "call_answer_name", 2),
        ("Да.\n@key 1 answer {{ name }}: x", "call_answer_name", 2),
        ("Да.\n@play", "call_sound_name", 2),
        ("Да.\n@play ../../etc/passwd", "call_sound_name", 2),
        ("Да.\n@play ../intro.wav", "call_sound_name", 2),
        ("Да.\n@play /tmp/intro.wav", "call_sound_name", 2),
        ("Да.\n@play C:\\intro.wav", "call_sound_name", 2),
        ("Да.\n@play intro.mp3", "call_sound_name", 2),
        ("Да.\n@play .wav", "call_sound_name", 2),
        ("Да.\n@play a..wav", "call_sound_name", 2),
        ("Да.\n@play " + "a" * 100 + ".wav", "call_sound_name", 2),
        ("Да.\n@play {{ name }}.wav", "call_sound_blank", 2),
        ("Да.\n@key 2 repeat: @play {{ name }}.wav", "call_sound_blank", 2),
        ("Да.\n@key 2 repeat: @play a/b.wav", "call_sound_name", 2),
        ("Да.\n@reply 5: x", "call_reply_without_key", 2),
        ("Да.\n@reply x: x", "call_key", 2),
        ("Да.\n@key 1 heard\n@reply 1: a\n@reply 1: b", "call_reply_twice", 4),
        ("Да.\n@key 1 heard\n@key 1 stop", "call_key_twice", 3),
        ("Да.\n@key 1 answer a\n@key 2 answer a", "call_answer_twice", 3),
        ("Да.\n@key 1 heard\nТекст\n@key 2 repeat", "call_between_keys", 3),
        ("Да.\n@key 1 heard\n@play intro.wav\n@key 2 repeat", "call_between_keys", 3),
        ("@key 1 heard: x\nДа.", "call_without_message", 1),
        ("# nothing\n", "call_without_message", 1),
        ("Нажмите @key 1 heard: x", "call_command_within", 1),
        ("Да {% if name %}@key 1 heard{% endif %}", "call_command_within", 1),
        ("Да.\n{% for a in accounts %}\n@key 1 heard\n{% endfor %}", "call_key_in_loop", 3),
        ("Да {{ n | count('йцукен') }}", "template_noun", 1),
        ("Да {{ n | count('account') }}", "template_noun", 1),
        ("Да {{ n | center(9) }}", "template_filter", 1),
        ("Да.\n{% if name %}\n@key 1 heard", "template_syntax", 3),
    ],
)
def test_a_call_that_makes_no_sense_is_told_with_its_line(text: str, code: str, line: int) -> None:
    assert (code, line) in problems(text)
    for language in ("ru", "en"):
        with speaking(language):
            found = examine_call(text, "own/call.txt").template.problems
        assert all(p.message and p.advice and p.file == "own/call.txt" for p in found)


def test_a_slip_of_the_pen_is_guessed() -> None:
    (problem,) = examine_call("Да.\n@key 1 repaet: x", "call.txt").template.problems
    assert "repeat" in problem.advice
    assert problem.value == "repaet"


def test_keys_of_different_branches_may_be_alike() -> None:
    text = (
        "{% if name == 'a' %}\nДа.\n@key 1 heard\n{% elif name == 'b' %}\nНет.\n@key 1 stop\n"
        "{% else %}\nЧто?\n@key 1 repeat\n{% endif %}\nПока."
    )
    assert problems(text) == []
    for name, action in (("a", "heard"), ("b", "stop"), ("c", "repeat")):
        assert [key.action for key in script(text, {"name": name}).keys] == [action]
    twice = "Да.\n{% if a %}\n@key 1 heard\n{% endif %}\n{% if b %}\n@key 1 stop\n{% endif %}"
    assert problems(twice) == [("call_key_twice", 6)]


def test_remarks_are_no_commands() -> None:
    text = "Да.\n# @key 1 nonsense\n{# @play ghost.wav #}\n{#\n@key 1 nonsense\n#}\nПока."
    assert problems(text) == []
    assert examine_call(text, "call.txt").sounds == {}
    assert script(text).keys == ()


def test_an_address_is_no_command() -> None:
    assert problems("Пишите на info@play.ru") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Звоните 112.", [("call_raw_number", 1)]),
        ("Да.\n{{ account_number }}", [("call_raw_number", 2)]),
        ("Да.\n{{ total_kopecks | default('ноль') }}", [("call_raw_number", 2)]),
        ("{% for a in accounts %}\nСчёт {{ a.due_on }}\n{% endfor %}", [("call_raw_number", 2)]),
        ("{{ name if accounts_count == 1 else accounts_count }}", [("call_raw_number", 1)]),
        ("{{ total_kopecks | money }}, {{ account_number | account('pairs') }}", []),
        ("{{ name }} {{ address }} {% if debt_kopecks > 100 %}много{% endif %}", []),
        ("Да.\n@key 2 repeat: Нажмите 2.", [("call_raw_number", 2)]),
        ("Да.\n@key 2 repeat: Чтобы повторить, нажмите один.", [("call_key_words", 2)]),
        ("Да.\n@key 2 repeat: Чтобы повторить, нажмите два.", []),
        ("Yes.\n@key 2 repeat: To hear it again, press one.", [("call_key_words", 2)]),
    ],
)
def test_what_is_hardly_meant_is_a_warning(text: str, found: list[tuple[str, int]]) -> None:
    assert warnings(text) == found


@pytest.mark.parametrize(
    ("template", "value", "said"),
    [
        ("{{ v | money }}", 254730, "две тысячи пятьсот сорок семь рублей тридцать копеек"),
        ("{{ v | rub }}", 100, "один рубль"),
        ("{{ v | date }}", "2026-12-01", "первого декабря"),
        ("{{ v | short_date }}", "2026-12-01", "первого декабря две тысячи двадцать шестого года"),
        ("{{ v | time }}", "09:30", "девять часов тридцать минут"),
        ("{{ v | time('genitive') }}", "09:30", "девяти часов тридцати минут"),
        ("{{ v | time('genitive') }}", "00:00", "нуля часов"),
        ("{{ v | count('квитанция') }}", 2, "две квитанции"),
        ("{{ v | count('лицевой счёт') }}", 5, "пять лицевых счетов"),
        ("{{ v | count('окно') }}", 21, "двадцать одно окно"),
        ("{{ v | count('заявка', 'заявки', 'заявок') }}", 2, "две заявки"),
        ("{{ v | count('йцук', 'йцука', 'йцуков') }}", 2, "два йцука"),
        ("{{ v | phone }}", "+78005550500", PHONE),
        ("{{ v | account }}", "401205", "четыре ноль один, два ноль пять"),
        ("{{ v | account('pairs') }}", "401205", "сорок, двенадцать, ноль пять"),
        ("{{ v | digits }}", "40-12", "четыре ноль один, два"),
        ("{{ v | money_words }}", 200, "два рубля"),
    ],
)
def test_in_a_call_every_value_becomes_words(template: str, value: object, said: str) -> None:
    assert script(template, {"v": value}).message == (Say(said),)


def test_in_english_too() -> None:
    text = "{{ v | money }}, {{ n | count('account', 'accounts') }}, {{ d | date }}"
    read = script(text, {"v": 200, "n": 2, "d": "2026-12-01"}, "en")
    assert read.message == (Say("two roubles, two accounts, the first of December"),)
    assert read.language == "en"


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ v | money }}", "много"),
        ("{{ v | money }}", 10**18),
        ("{{ v | date }}", "скоро"),
        ("{{ v | time }}", "25:00"),
        ("{{ v | time('dative') }}", "09:00"),
        ("{{ v | count('квитанция') }}", "две"),
        ("{{ v | count('квитанция') }}", 10**17),
        ("{{ v | phone }}", "нет"),
        ("{{ v | phone }}", "9" * 50),
        ("{{ v | account }}", "—"),
        ("{{ v | account('триплеты') }}", "40"),
        ("{{ v | digits }}", ""),
    ],
)
def test_a_value_that_cannot_be_spoken_is_found_before_the_call(
    template: str, value: object
) -> None:
    with pytest.raises(UnfitValue) as unfit:
        script("Да. " + template, {"v": value})
    assert str(value) not in str(unfit.value) or value == ""


def test_a_call_without_its_values_words_or_sounds_is_never_placed() -> None:
    with pytest.raises(MissingValue, match="ghost"):
        script("Да {{ ghost }}")
    with pytest.raises(MissingSound, match="other"):
        script("@play other.wav")
    with pytest.raises(EmptyText):
        script("{% if name %}Да{% endif %}\n@key 1 heard: Один.", {"name": ""})


@given(st.text(max_size=200))
def test_any_text_is_read_or_told(text: str) -> None:
    found = examine_call(text, "call.txt")
    assert all(isinstance(problem, Problem) for problem in found.template.problems)


LINES = st.lists(
    st.sampled_from(
        [
            *("@key 1 heard: Один.", "@key 2 repeat", "@reply 1: Да.", "@play intro.wav", "Слова."),
            *("{% if name %}", "{% else %}", "{% endif %}", "# remark", "", "{{ name }}"),
            *("{% for a in accounts %}", "{% endfor %}", "{{ a.cell }}", "@kay", "@key 1 stop"),
        ]
    ),
    max_size=10,
).map("\n".join)


@given(LINES, st.booleans())
def test_what_is_found_in_order_can_be_said_and_keys_stay_single(text: str, named: bool) -> None:
    if examine_call(text, "call.txt").template.problems:
        return
    values = {"name": "x" if named else "", "accounts": [{"cell": "1"}]}
    try:
        read = script(text, values)
    except EmptyText:
        return  # a condition left nothing
    digits = [key.digit for key in read.keys]
    assert len(digits) == len(set(digits))
    assert all(digit in text for digit in digits)


@pytest.mark.parametrize(
    "line", ["{% if name %}x{% endif %}" * 200, "{#" * 50_000 + " @key 1 heard"]
)
def test_a_line_of_many_tags_is_read_in_one_pass(line: str) -> None:
    """Taken together in all possible ways they would outlast the night."""
    assert read_call(line).commands == ()
