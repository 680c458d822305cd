"""Russian in Latin letters: readable, of one part where it can be, and with nothing lost in it."""

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from templates.sms import GSM_CHARACTERS, Encoding, measure
from templates.sms_offenders import offenders_of
from templates.transliteration import plain_form, transliterate


@pytest.mark.parametrize(
    ("russian", "latin"),
    [
        ("съешь ещё этих мягких булок", "sesh eshchyo etikh myagkikh bulok"),
        ("Жажда, цапля, чаща, юг, йод", "Zhazhda, tsaplya, chashcha, yug, yod"),
        ("ЩУКА", "SHCHUKA"),
        ("Щука", "Shchuka"),
        ("МЫШЬ и ПОДЪЁМ", "MYSH i PODYOM"),
        ("Я и Ю. А. Щербаков", "Ya i Yu. A. Shcherbakov"),
        ("ООО «Чайка»", 'OOO "Chayka"'),
        ("л/с № 5 — долг", "l/s No 5 - dolg"),
        ("2\u00a0547,30\u00a0₽", "2 547,30 rub."),
        ("Долг 5₽.", "Dolg 5 rub."),
        ("и\u0306 е\u0308", "y yo"),  # й and ё written as a letter and its mark
        ("Ґалаґан Їжак, Әлфия", "Galagan Yizhak, Alfiya"),
        ("5½ м², 10²", "5 1/2 m2, 10^2"),
        ("Őszi ﬁnom", "Oszi finom"),
        ("да 👨‍👩‍👧 нет", "da  net"),
        ("漢字 и α", "?? i ?"),
        ("5 € [x] ^", "5 € [x] ^"),
    ],
)
def test_what_a_word_becomes(russian: str, latin: str) -> None:
    assert transliterate(russian) == latin


@given(st.text())
def test_whatever_comes_in_the_result_is_gsm_and_a_second_time_changes_nothing(text: str) -> None:
    latin = transliterate(text)
    assert set(latin) <= GSM_CHARACTERS
    assert transliterate(latin) == latin


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1))
def test_no_amount_is_changed_by_what_stands_beside_it(text: str) -> None:
    digits = [c for c in text if c in "0123456789"]
    kept = [c for c in transliterate(text) if c in "0123456789"]
    assert len(kept) >= len(digits)


@given(st.text(alphabet="абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВЖЩЮЯ 019.,!?-"))
def test_an_independent_counter_takes_the_latin_text_for_gsm(text: str) -> None:
    latin = transliterate(f"x{text}")
    assert smsutil.split(latin).encoding == "gsm0338"


@pytest.mark.parametrize(
    ("character", "instead"),
    [("—", "-"), ("«", '"'), ("’", "'"), ("\u00a0", " "), ("…", "..."), ("№", "No"), ("ő", "o")],
)
def test_a_sign_has_a_plain_form(character: str, instead: str) -> None:
    assert plain_form(character) == instead


@pytest.mark.parametrize("character", ["ж", "ё", "漢", "😀", "α"])
def test_a_letter_of_another_alphabet_has_none(character: str) -> None:
    assert plain_form(character) is None


def test_the_one_character_that_makes_a_latin_text_dear_is_pointed_at() -> None:
    (offender,) = offenders_of("Your debt — 5 rub, pay today")
    assert (offender.position, offender.character) == (10, "—")
    assert (offender.name, offender.instead) == ("тире", "-")


def test_a_cyrillic_letter_among_latin_ones_is_shown_its_twin() -> None:
    (offender,) = offenders_of("Pleаse pay")
    assert (offender.name, offender.instead) == ("русская буква", "a")


def test_no_single_character_is_to_blame_in_a_russian_text() -> None:
    assert offenders_of("Ваш долг — 5 руб.") == ()


@given(st.text(alphabet="abc XYZ—«»’…\u00a0ő№😀", max_size=60))
def test_what_is_written_instead_makes_the_text_cheap(text: str) -> None:
    pointed = {offender.position: offender.instead or "" for offender in offenders_of(text)}
    mended = "".join(pointed.get(position, c) for position, c in enumerate(text))
    assert measure(mended).encoding is Encoding.GSM7
