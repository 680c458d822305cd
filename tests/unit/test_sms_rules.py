"""The entries `too_long` and `shorten` of a scenario are checked before anything is sent."""

import pytest

from campaigns.channel import ChannelName
from campaigns.scenario_description import describe
from campaigns.scenario_file import ScenarioFile, check_scenario
from templates.i18n import speaking
from templates.problem import Problem, Refused

HEAD = """name = "own"
title = "Своё"
purpose = "service"
same_contact = "separate"
fields = ["offer", "debt_kopecks"]
"""
TEXT = "{{ company }}: {{ offer }}, долг {{ total_kopecks | rub }}"


def check(rules: str, text: str = TEXT, english: str = "") -> ScenarioFile:
    texts = {"sms.txt": text} | ({"sms.en.txt": english} if english else {})
    source = f'{HEAD}[channels.sms]\ntemplate = "own"\n{rules}'
    return check_scenario(source, {ChannelName.SMS: texts})


def problems(rules: str, text: str = TEXT) -> list[Problem]:
    with pytest.raises(Refused) as refused:
        check(rules, text)
    assert all(p.message and p.advice and p.file and p.line for p in refused.value.problems)
    return list(refused.value.problems)


def test_a_text_field_that_the_sms_says_may_be_shortened() -> None:
    file = check('too_long = "shorten"\nshorten = "offer"\n')
    assert file.warnings == ()


def test_a_field_may_have_a_russian_name() -> None:
    source = f'{HEAD.replace("offer", "услуга")}[channels.sms]\ntemplate = "own"\n'
    texts = {ChannelName.SMS: {"sms.txt": "{{ услуга }} {{ total_kopecks | rub }}"}}
    assert check_scenario(source + 'too_long = "shorten"\nshorten = "услуга"\n', texts)


@pytest.mark.parametrize(
    ("rules", "code", "line"),
    [
        ('too_long = "shorten"\n', "shorten_what", 8),
        ('shorten = "offer"\n', "shorten_unused", 8),
        ('too_long = "transliterate"\nshorten = "offer"\n', "shorten_unused", 9),
        ('too_long = "shorten"\nshorten = "debt_kopecks"\n', "shorten_no_text", 9),
        ('too_long = "shorten"\nshorten = "due_on"\n', "shorten_no_text", 9),
        ('too_long = "shorten"\nshorten = "visit_phone"\n', "shorten_no_text", 9),
        ('too_long = "shorten"\nshorten = "account_number"\n', "shorten_no_text", 9),
        ('too_long = "shorten"\nshorten = "greeting"\n', "shorten_no_text", 9),
        ('too_long = "shorten"\nshorten = "total_kopecks"\n', "shorten_no_text", 9),
        ('too_long = "shorten"\nshorten = "offers"\n', "shorten_not_said", 1),
        ('too_long = "shorten"\nshorten = "no name"\n', "bad_name", 9),
        ('too_long = "cut"\n', "unknown_value", 8),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_line(rules: str, code: str, line: int) -> None:
    assert [(p.code, p.line) for p in problems(rules)] == [(code, line)]


def test_a_slip_of_the_pen_gets_the_right_name() -> None:
    with speaking("en"):
        (problem,) = problems('too_long = "shorten"\nshorten = "ofer"\n')
    assert "offer" in problem.advice


@pytest.mark.parametrize("name", ["phone", "account"])
def test_a_text_that_is_written_as_a_number_is_no_text(name: str) -> None:
    rules = 'too_long = "shorten"\nshorten = "offer"\n'
    found = problems(rules, f"Долг {{{{ offer | {name} }}}}")
    assert [p.code for p in found] == ["shorten_no_text"]


def test_only_an_sms_has_these_entries() -> None:
    source = f'{HEAD}[channels.email]\ntemplate = "own"\ntoo_long = "refuse"\nshorten = "offer"\n'
    texts = {ChannelName.EMAIL: dict.fromkeys(("subject.txt", "body.txt", "body.html"), "x")}
    with pytest.raises(Refused) as refused:
        check_scenario(source, texts)
    assert [(p.code, p.line) for p in refused.value.problems] == [
        ("only_for_sms", 8),
        ("only_for_sms", 9),
    ]


def test_a_text_that_may_not_fit_names_what_is_long_in_it() -> None:
    (warning,) = check("", "{{ greeting }} {{ offer }} " + "а" * 130).warnings
    assert warning.code == "sms_may_not_fit"
    assert "offer 27, greeting 13" in warning.advice


def test_the_warning_is_gone_where_the_field_gives_way() -> None:
    rules = 'too_long = "shorten"\nshorten = "offer"\n'
    assert check(rules, "{{ offer }} " + "а" * 140).warnings == ()


def test_the_one_dash_that_makes_an_english_sms_dear_is_pointed_at() -> None:
    english = "Please pay your debt.\nIt is {{ total_kopecks | rub }} — thank you for " + "a" * 50
    (warning,) = check("", english=english).warnings
    assert (warning.code, warning.value, warning.line) == ("sms_dear_character", "—", 2)
    assert (warning.file or "").endswith("sms.en.txt")
    assert warning.advice.endswith("-")


def test_the_rouble_sign_of_a_filter_is_dear_too() -> None:
    english = "Please pay your debt of {{ total_kopecks | money }}, thank you. " + "a" * 40
    (warning,) = check("", english=english).warnings
    assert (warning.code, warning.value) == ("sms_dear_character", "₽")
    assert "rub" in warning.advice


def test_a_dash_in_a_short_english_sms_costs_nothing_and_is_no_matter() -> None:
    assert check("", english="Pay — {{ total_kopecks | rub }}").warnings == ()


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ("", "the launch is refused"),
        ('too_long = "shorten"\nshorten = "offer"\n', "the field offer"),
        ('too_long = "transliterate"\n', "Latin"),
    ],
)
def test_the_rule_is_told_to_who_runs_the_scenario(rules: str, told: str) -> None:
    with speaking("en"):
        assert any(told in value for _label, value in describe(check(rules).scenario))
