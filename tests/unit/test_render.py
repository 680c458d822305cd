"""Templates: what they may do, what they may not, and what a hostile value cannot do to them."""

import sys
import unicodedata
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates.errors import MissingValue, UnfitValue
from templates.neutral import neutral, one_line
from templates.problem import Refused
from templates.render import compile_template, make_safe, placeholders

ROWS = [
    {"account_number": "401234567890", "debt_kopecks": 254730},
    {"account_number": "7", "debt_kopecks": 100},
]


def rendered(text: str, values: Mapping[str, object] | None = None, language: str = "ru") -> str:
    return compile_template(text).render(values or {}, language)


def problems(text: str) -> list[tuple[str, int | None]]:
    with pytest.raises(Refused) as refused:
        compile_template(text, file="sms.txt")
    assert all(problem.file == "sms.txt" and problem.advice for problem in refused.value.problems)
    return [(problem.code, problem.line) for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{% for x in range(10**9) %}x{% endfor %}", "template_loop"),
        ("{% for x in accounts recursive %}{{ loop(accounts) }}{% endfor %}", "template_loop"),
        (
            "{% for a in accounts %}{% for b in accounts %}x{% endfor %}{% endfor %}",
            "template_loop",
        ),
        ("{% for a in accounts if a.debt_kopecks %}x{% endfor %}", "template_loop"),
        ("{% for a, b in accounts %}x{% endfor %}", "template_loop"),
        ("{{ 'a' * 10**9 }}", "template_arithmetic"),
        ("{{ 9 ** 9 ** 9 }}", "template_arithmetic"),
        ("{{ name ~ name }}", "template_arithmetic"),
        ("{{ -debt }}", "template_arithmetic"),
        ("{{ ''.__class__.__mro__ }}", "template_attribute"),
        ("{{ name.upper }}", "template_attribute"),
        ("{% for a in accounts %}{{ a.__class__ }}{% endfor %}", "template_attribute"),
        ("{% for a in accounts %}{{ loop.parent }}{% endfor %}", "template_attribute"),
        ("{{ name['__class__'] }}", "template_attribute"),
        ("{{ name[::-1] }}", "template_attribute"),
        ("{{ __builtins__ }}", "template_private_name"),
        ("{{ name() }}", "template_call"),
        ("{{ lipsum(10) }}", "template_call"),
        ("{{ name | attr('upper') }}", "template_filter"),
        ("{{ name | center(100000000) }}", "template_filter"),
        ("{{ name | safe }}", "template_filter"),
        ("{{ name | default(name) }}", "template_filter_arguments"),
        ("{{ n | count('счёт') }}", "template_filter_arguments"),
        ("{{ name is callable }}", "template_test"),
        ("{% include '/etc/passwd' %}", "template_import"),
        ("{% extends 'x' %}", "template_import"),
        ("{% import 'x' as x %}", "template_import"),
        ("{% set a = 1 %}", "template_statement"),
        ("{% macro a() %}{% endmacro %}", "template_statement"),
        ("{% filter upper %}x{% endfilter %}", "template_statement"),
        ("{{ [1, 2] }}", "template_statement"),
        ("{{ accounts }}", "template_whole_row"),
        ("{% for a in accounts %}{{ a }}{% endfor %}", "template_whole_row"),
        ("{{ " + "not " * 60 + "name }}", "template_too_deep"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "template_syntax"),
        ("{{ " + "9" * 5000 + " }}", "template_syntax"),
        ("{% if name %}", "template_syntax"),
        ("{{ name", "template_syntax"),
        ("x" * 100_001, "template_too_long"),
    ],
)
def test_whatever_is_not_a_form_with_blanks_is_refused(text: str, code: str) -> None:
    assert code in [found for found, _line in problems(text)]


def test_every_problem_of_a_template_is_told_with_its_line() -> None:
    text = "Долг\n{{ a.b }}\n\n  {% if x %}\n{{ 1 + 1 }}\n{% endif %}\n{{ x | monney }}\n"
    assert problems(text) == [
        ("template_attribute", 2),
        ("template_arithmetic", 5),
        ("template_filter", 7),
    ]


def test_a_misspelt_filter_gets_the_right_name_as_advice() -> None:
    with pytest.raises(Refused) as refused:
        compile_template("{{ x | monney }}")
    assert "«money»" in refused.value.problems[0].advice


def test_placeholders_are_found_without_rendering() -> None:
    text = (
        "{{ greeting }}{% for a in accounts %}{{ a.debt_kopecks | rub }}{% endfor %}"
        "{% if due_on is defined %}{{ due_on | date }}{% endif %}{{ works | default('') }}"
    )
    assert placeholders(text) == {"greeting", "debt_kopecks"}


def test_a_loop_says_each_account_in_turn() -> None:
    text = (
        "{% for a in accounts %}{{ loop.index }}) {{ a.account_number | account }}"
        " {{ a.debt_kopecks | money }}{% if not loop.last %}; {% endif %}{% endfor %}"
    )
    plain = rendered(text, {"accounts": ROWS}).replace("\u00a0", " ")
    assert plain == "1) 4012 3456 7890 2 547,30 ₽; 2) 7 1,00 ₽"


def test_a_column_named_like_a_method_is_still_a_column() -> None:
    text = "{% for a in accounts %}{{ a.items }} {{ a.keys }}{% endfor %}"
    assert rendered(text, {"accounts": [{"items": "свет", "keys": "2"}]}) == "свет 2"


@pytest.mark.parametrize(
    "text", ["{{ debt }}", "{{ debt | money }}", "{% if debt > 1 %}{% endif %}"]
)
def test_a_missing_value_names_its_placeholder_and_sends_nothing(text: str) -> None:
    with pytest.raises(MissingValue) as missing:
        rendered(text)
    assert missing.value.name == "debt"


def test_a_missing_field_of_a_row_is_named_too() -> None:
    with pytest.raises(MissingValue, match="due_on"):
        rendered("{% for a in accounts %}{{ a.due_on | date }}{% endfor %}", {"accounts": ROWS})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ x | money }}", "тайна"),
        ("{{ x | money }}", 12.5),
        ("{{ x | money }}", True),
        ("{{ x | money }}", 10**16),
        ("{{ x | date }}", "тайна"),
        ("{{ x | time }}", "тайна"),
        ("{% if x > 5 %}{% endif %}", "тайна"),
    ],
)
def test_a_value_of_the_wrong_kind_is_an_error_without_the_value(text: str, value: object) -> None:
    with pytest.raises(UnfitValue) as unfit:
        rendered(text, {"x": value})
    assert "тайна" not in str(unfit.value)


@pytest.mark.parametrize(
    ("text", "value", "russian", "english"),
    [
        ("{{ x | money }}", 254730, "2 547,30 ₽", "₽2,547.30"),
        ("{{ x | money }}", 123456789, "1 234 567,89 ₽", "₽1,234,567.89"),
        ("{{ x | money }}", -5, "-0,05 ₽", "-₽0.05"),
        ("{{ x | money }}", "50000", "500,00 ₽", "₽500.00"),
        ("{{ x | rub }}", 254730, "2547,30 руб.", "2547.30 RUB"),
        ("{{ x | date }}", "2026-12-01", "1 декабря 2026", "1 December 2026"),
        ("{{ x | short_date }}", "2026-12-01T10:00", "01.12.2026", "01.12.2026"),
        ("{{ x | time }}", "2026-12-01T09:05", "9:05", "9:05"),
        ("{{ x | time }}", "9:30", "9:30", "9:30"),
        ("{{ x | phone }}", "+78005553535", "8 800 555-35-35", "8 800 555-35-35"),
        ("{{ x | phone }}", "+79161234567", "+7 916 123-45-67", "+7 916 123-45-67"),
        ("{{ x | phone }}", "112", "112", "112"),
        ("{{ x | account }}", "401234567890", "4012 3456 7890", "4012 3456 7890"),
        ("{{ x | account }}", "А-17", "А-17", "А-17"),
        ("{{ x | money_words }}", 200, "два рубля", "two roubles"),
        ("{{ x | date_words }}", "2026-12-01", "первого декабря", "the first of December"),
        ("{{ x | time_words('genitive') }}", "09:00", "девяти часов", "nine o'clock"),
    ],
)
def test_a_filter_writes_as_its_readers_do(
    text: str, value: object, russian: str, english: str
) -> None:
    assert rendered(text, {"x": value}).replace("\u00a0", " ") == russian
    assert rendered(text, {"x": value}, "en").replace("\u00a0", " ") == english


@pytest.mark.parametrize(
    ("number", "said"),
    [(1, "1 счёт"), (3, "3 счета"), (5, "5 счетов"), (11, "11 счетов"), (21, "21 счёт")],
)
def test_a_count_takes_the_right_form_of_its_noun(number: int, said: str) -> None:
    text = "{{ n | count('счёт', 'счета', 'счетов') }}"
    assert rendered(text, {"n": number}).replace("\u00a0", " ") == said


def test_html_escapes_values_and_text_does_not() -> None:
    values = {"name": "<b>О'Нил & Ко</b>"}
    html = compile_template("<p>{{ name }}</p>", html=True).render(values)
    assert html == "<p>&lt;b&gt;О&#39;Нил &amp; Ко&lt;/b&gt;</p>"
    assert rendered("{{ name }}", values) == "<b>О'Нил & Ко</b>"


def test_a_value_cannot_break_a_line_or_turn_the_text_around() -> None:
    said = rendered("{{ x }}", {"x": "Иван\r\nBcc: all@example.com\u2028\u202e\x00\ud800!"})
    assert said == "Иван  Bcc: all@example.com  !"


def test_a_value_is_not_a_template() -> None:
    assert rendered("{{ x }}", {"x": "{{ 7 * 7 }}"}) == "{{ 7 * 7 }}"


def test_a_tag_alone_on_its_line_leaves_no_empty_line_and_one_within_a_line_keeps_it() -> None:
    text = "a\n{% if x %}\nb\n  {% endif %}\n{# remark #}\nc{% if x %} d{% endif %}\n\ne"
    assert rendered(text, {"x": True}) == "a\nb\nc d\n\ne"


def test_the_same_text_is_compiled_once() -> None:
    assert compile_template("Раз {{ x }}") is compile_template("Раз {{ x }}")


@given(st.text())
def test_a_neutral_value_is_one_line_any_encoding_can_carry(value: str) -> None:
    clean = neutral(value)
    assert clean.encode("utf-8").decode("utf-8").splitlines() in ([], [clean])
    assert neutral(clean) == clean
    assert one_line(value) == one_line(clean)


def test_of_all_characters_the_harmless_ones_stay_and_no_other() -> None:
    harmful = {"Cc", "Zl", "Zp", "Cf", "Cs", "Cn", "Co"}
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        is_kept = unicodedata.category(character) not in harmful
        if (neutral(character) == character) is not is_kept and character != " ":
            pytest.fail(f"U+{number:04X}")


def test_values_made_safe_once_serve_every_template_of_a_message() -> None:
    safe = make_safe({"x": "a<b>\n", "accounts": ROWS}, "en")
    html = compile_template("{{ x }} {{ language }}", html=True)
    loop = compile_template("{% for a in accounts %}{{ a.debt_kopecks | money }} {% endfor %}")
    for _again in range(2):
        assert html.render_safe(safe) == "a&lt;b&gt;  en"
        assert loop.render_safe(safe) == "₽2,547.30 ₽1.00 "


def test_values_of_one_message_are_not_seen_by_the_next() -> None:
    text = "{{ x | upper }} {{ y | default('-') }}"
    assert rendered(text, {"x": "a", "y": "secret"}) == "A secret"
    assert rendered(text, {"x": "b"}) == "B -"
    with pytest.raises(MissingValue):
        rendered(text)


def test_a_template_without_values_is_said_as_it_is() -> None:
    template = compile_template("{# remark #}Долг\n\nсегодня <b>", html=True)
    assert template.render({"x": 1}) == template.render({}, "en") == "Долг\n\nсегодня <b>"
    assert rendered("{{ 'x' | upper }} y") == "X y"


def test_equal_values_of_other_kinds_are_not_taken_for_each_other() -> None:
    for value in (1, True, 1.0, "1", 1):
        assert rendered("{{ x | upper }}", {"x": value}) == str(value).upper()
    for value in (100, True, 100):
        if value is True:
            with pytest.raises(UnfitValue):
                rendered("{{ x | money }}", {"x": value})
        else:
            assert rendered("{{ x | money }}", {"x": value}) == "1,00\u00a0₽"
    assert rendered("{{ x | money }}", {"x": 100}, "en") == "₽1.00"


@given(st.integers(-(10**15), 10**15))
def test_an_amount_is_written_in_groups_of_three(kopecks: int) -> None:
    written = rendered("{{ x | money }}", {"x": kopecks})
    plain, sign = written.removesuffix("\u00a0₽").replace("\u00a0", ""), "-" if kopecks < 0 else ""
    assert plain == f"{sign}{abs(kopecks) // 100},{abs(kopecks) % 100:02}"
    groups = written.split(",")[0].lstrip("-").split("\u00a0")
    assert 1 <= len(groups[0]) <= 3
    assert all(len(group) == 3 for group in groups[1:])


@given(st.text(alphabet="{}%#'\"abc|().[]_ \n*", max_size=60))
def test_any_scribble_is_a_template_or_a_refusal(scribble: str) -> None:
    try:
        template = compile_template(scribble, file="sms.txt")
    except Refused:
        return
    names = dict.fromkeys(template.names | template.optional, "x")
    assert isinstance(template.render({**names, "accounts": []}), str)
