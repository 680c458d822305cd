"""A text that is too long for one SMS: what gives way, in which order, and what never does."""

import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from campaigns.scenario import ChannelRules
from campaigns.sms_text import cut_at_word, sms_text, words_of
from templates.errors import EmptyText, TooLong
from templates.filled import filled_lengths, filters_on
from templates.sms import Encoding, measure

SHORTEN = {"too_long": "shorten", "shorten": "offer"}
LATIN = {"too_long": "transliterate"}


def sms(text: str, rules: dict[str, Any] | None = None, /, **values: object) -> str:
    return sms_text(text, values, "ru", ChannelRules(template="own", **(rules or {})))


def test_the_field_loses_words_until_the_text_fits_and_not_one_more() -> None:
    told = sms("Скидка: {{ offer }}. Звоните!", SHORTEN, offer="слово " * 40)
    assert told == "Скидка: " + "слово " * 22 + "слово… Звоните!"
    assert len(told) <= 160 < len(told) + len(" слово")


def test_a_text_that_fits_is_left_alone_whatever_the_scenario_says() -> None:
    assert sms("{{ offer }}", SHORTEN, offer="ровно так") == "ровно так"
    assert sms("{{ offer }}", LATIN, offer="ровно так") == "ровно так"


def test_a_long_name_gives_way_before_the_field_does() -> None:
    offer = "а" * 70 + " " + "б" * 70
    told = sms(
        "{{ greeting }} {{ offer }}",
        SHORTEN,
        greeting="Здравствуйте, Константинопольская Александра!",
        offer=offer,
    )
    assert told == f"Здравствуйте! {offer}"


def test_a_latin_text_is_shortened_with_dots_that_leave_it_cheap() -> None:
    told = sms("{{ offer }}", SHORTEN, offer="word " * 60)
    assert told.endswith("word...")
    assert measure(told).encoding is Encoding.GSM7


@pytest.mark.parametrize("word", ["слово", "слово.", "слово!", "слово?", "слово…", "слово,"])
def test_the_mark_of_a_cut_stands_alone_without_the_stops_around_it(word: str) -> None:
    told = sms("Скидка: {{ offer }}. Звоните!", SHORTEN, offer=f"{word} " * 40)
    assert told.endswith("слово… Звоните!")
    assert sms("{{ offer }}. Call us", SHORTEN, offer="word. " * 60).endswith("word... Call us")


def test_every_account_of_a_landlord_has_its_field_shortened() -> None:
    rows = [{"offer": f"{letter * 5} " * 20} for letter in "абв"]
    told = sms("{% for a in accounts %}{{ a.offer }};{% endfor %}", SHORTEN, accounts=rows)
    assert len(told) <= 160
    assert [part[:5] for part in told.split(";")[:3]] == ["ааааа", "ббббб", "ввввв"]
    assert told.count("…") == 3


@pytest.mark.parametrize("offer", ["а" * 161, "1 000 " * 50, "", 5, None])
def test_what_cannot_be_cut_is_too_long_and_not_mutilated(offer: object) -> None:
    with pytest.raises(TooLong):
        sms("а" * 100 + " {{ offer }} " + "а" * 100, SHORTEN, offer=offer)


def test_too_long_tells_the_placeholders_by_length_and_never_their_values() -> None:
    with pytest.raises(TooLong) as raised:
        sms(
            "{{ greeting }} {{ offer }}{{ empty }} {{ debt | rub }} " + "а" * 120,
            greeting="Здравствуйте, Секретова!",
            offer="тайна " * 12,
            empty="",
            debt=254730,
        )
    # The name gave way already: what is told is the shortest text that was tried.
    assert raised.value.fields == (("offer", 71), ("greeting", 13), ("debt", 12))
    assert raised.value.measured == 219
    assert "тайна" not in str(raised.value)
    assert "Секретова" not in str(raised.value)


def test_a_text_over_160_characters_goes_in_latin_letters() -> None:
    # Signs that are not written make room: 165 Russian characters are 154 Latin ones.
    told = sms("ъъъъъъъъъъъ" + "слово " * 25 + "долг", LATIN)
    assert told == "slovo " * 25 + "dolg"


def test_a_text_of_several_parts_becomes_one_part_in_latin_letters() -> None:
    told = sms("{{ offer }}", LATIN, offer="долг оплатите " * 7)
    assert measure(told).encoding is Encoding.GSM7
    assert len(measure(told).parts) == 1


def test_in_latin_letters_the_name_stays_as_long_as_there_is_room() -> None:
    text, mary = "{{ greeting }} ", "Здравствуйте, Мария!"
    short = sms(text + "слово " * 12, LATIN, greeting=mary)
    assert short.startswith("Zdravstvuyte, Mariya! slovo")
    long = sms(text + "щ" * 35 + "ъ" * 20, LATIN, greeting=mary)
    assert long == "Zdravstvuyte! " + "shch" * 35


def test_a_text_that_grows_too_long_in_latin_letters_is_refused_by_its_latin_length() -> None:
    with pytest.raises(TooLong) as raised:
        sms("{{ offer }}", LATIN, offer="щ" * 71)
    assert (raised.value.measured, raised.value.fields) == (284, (("offer", 284),))


def test_an_sms_of_one_character_is_empty_in_latin_letters_too() -> None:
    with pytest.raises(EmptyText):
        sms("{{ offer }}", LATIN, offer="ъ" * 80)


@pytest.mark.parametrize(
    ("value", "kept", "cut"),
    [
        ("Замена счётчика, даром", 2, "Замена счётчика…"),
        ("Ремонт — быстро и даром", 2, "Ремонт…"),
        ("Скидка 50 % до мая", 2, "Скидка 50 %…"),
        ("Приз 1 000 000 руб. каждому", 2, "Приз 1 000 000 руб…"),
        ("Звоните +7 (916) 123-45-67 сейчас", 2, "Звоните +7 (916) 123-45-67…"),
        ("Дом № 7 на углу", 2, "Дом № 7…"),
        ("— — дом на углу", 1, "— — дом…"),
        ("два слова", 2, "два слова"),
        ("два слова", 9, "два слова"),
        ("", 1, ""),
    ],
)
def test_a_value_is_cut_between_words_and_numbers_stay_whole(
    value: str, kept: int, cut: str
) -> None:
    assert cut_at_word(value, kept, "…") == cut


@given(st.text(max_size=200), st.integers(1, 30))
def test_what_is_kept_of_a_value_is_its_own_beginning_up_to_a_word(value: str, kept: int) -> None:
    whole = " ".join(words_of(value))
    cut = cut_at_word(value, kept, "…")
    if cut != whole:
        left = cut.removesuffix("…")
        assert whole.startswith(left)
        following = whole[len(left) :]
        assert not (left[-1].isalnum() and following[0].isalnum())
        assert any(character.isalnum() for character in left)


@given(
    st.lists(st.text(alphabet="абвxyz0189.,%№😀—", min_size=1, max_size=20), max_size=60),
    st.integers(0, 170),
)
def test_a_shortened_text_fits_or_is_refused_and_no_number_in_it_is_new(
    words: list[str], rest: int
) -> None:
    offer = " ".join(words)
    assume("…" not in offer)
    try:
        told = sms("{{ offer }}|" + "ж" * rest, SHORTEN, offer=offer)
    except (TooLong, EmptyText):
        return
    assert len(told) <= 160
    numbers = re.findall(r"\d+", told)
    assert numbers == re.findall(r"\d+", offer)[: len(numbers)]


@given(st.text(max_size=300), st.text(max_size=100))
def test_in_latin_letters_a_text_is_one_line_of_gsm_or_refused(offer: str, name: str) -> None:
    try:
        told = sms("{{ greeting }} Оплатите: {{ offer }}", LATIN, greeting=name, offer=offer)
    except (TooLong, EmptyText):
        return
    assert len(told) <= 160
    assert len(measure(told).parts) == 1 or measure(told).encoding is Encoding.GSM7
    assert told == " ".join(told.split())


def test_no_value_can_pose_as_another_placeholder() -> None:
    hostile = "\ue0001\ue001" + "x" * 50 + "\ue002"
    text = "{{ offer }} {{ name }}"
    assert filled_lengths(text, {"offer": hostile, "name": "Ян"}) == (("offer", 51), ("name", 2))


def test_a_template_with_marks_remarks_and_braces_in_quotes_is_told_rightly() -> None:
    text = "\ue000{# {{ no }} #}{{ 'a {{ b' if due else offer }}{% if x %}{{ x }}{% endif %}"
    assert filled_lengths(text, {"due": False, "offer": "абв", "x": "12"}) == (
        ("due", 3),
        ("x", 2),
    )


def test_lengths_of_what_cannot_be_rendered_are_not_told() -> None:
    assert filled_lengths("{{ offer }}", {}) == ()
    assert filled_lengths("{{ offer", {"offer": "x"}) == ()


def test_the_filters_on_a_field_are_found_in_loops_and_chains() -> None:
    rows = "{% for a in accounts %}{{ a.paid | date }}{% endfor %}"
    text = "{{ offer | default('a | b') | upper }}" + rows
    assert filters_on(text, "offer") == {"default", "upper"}
    assert filters_on(text, "paid") == {"date"}
    assert filters_on(text, "none") == frozenset()
