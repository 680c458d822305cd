"""Numbers as a voice says them."""

import subprocess
import wave
from datetime import date, time
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.channel import ChannelName
from campaigns.content import CallContent, render_content
from campaigns.scenario_file import library, library_path, read_scenario
from campaigns.scenario_samples import (
    LONG,
    SAMPLE_SUPPLIER,
    USUAL,
    merged_accounts,
    sample_accounts,
)
from templates import speech
from templates.call import seconds_of
from tests.ledger.servers import unavailable

UNITS = {
    "m": "ноль один два три четыре пять шесть семь восемь девять",
    "f": "ноль одна две три четыре пять шесть семь восемь девять",
    "n": "ноль одно два три четыре пять шесть семь восемь девять",
}
TEENS = (
    "десять одиннадцать двенадцать тринадцать четырнадцать пятнадцать шестнадцать семнадцать"
    " восемнадцать девятнадцать"
)
TENS = "двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто"
HUNDREDS = "сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот"
GROUPS = (
    ("тысяча", "тысячи", "тысяч", "f"),
    ("миллион", "миллиона", "миллионов", "m"),
    ("миллиард", "миллиарда", "миллиардов", "m"),
)


def form_of(number: int) -> int:
    """Which of a noun's three forms stands beside the number, by the school's rule."""
    if number % 100 in (11, 12, 13, 14):
        return 2
    return {1: 0, 2: 1, 3: 1, 4: 1}.get(number % 10, 2)


def below_thousand(number: int, gender: str) -> list[str]:
    said = []
    if number >= 100:
        said.append(HUNDREDS.split()[number // 100 - 1])
    if 10 <= number % 100 < 20:
        return [*said, TEENS.split()[number % 100 - 10]]
    if number % 100 >= 20:
        said.append(TENS.split()[number % 100 // 10 - 2])
    if number % 10:
        said.append(UNITS[gender].split()[number % 10])
    return said


def in_words(number: int, gender: str) -> str:
    """An independent way to the same words, as taught at school."""
    if number == 0:
        return "ноль"
    groups = []
    for place, (*forms, of_group) in reversed(list(enumerate(GROUPS, start=1))):
        group = number // 1000**place % 1000
        if group:
            groups += [*below_thousand(group, of_group), forms[form_of(group)]]
    return " ".join([*groups, *below_thousand(number % 1000, gender)])


@pytest.mark.parametrize(
    ("kopecks", "said"),
    [
        (0, "ноль рублей"),
        (1, "одна копейка"),
        (2, "две копейки"),
        (11, "одиннадцать копеек"),
        (100, "один рубль"),
        (200, "два рубля"),
        (421, "четыре рубля двадцать одна копейка"),
        (500, "пять рублей"),
        (1100, "одиннадцать рублей"),
        (1400, "четырнадцать рублей"),
        (2100, "двадцать один рубль"),
        (11111, "сто одиннадцать рублей одиннадцать копеек"),
        (100000, "одна тысяча рублей"),
        (200000, "две тысячи рублей"),
        (254730, "две тысячи пятьсот сорок семь рублей тридцать копеек"),
        (500000, "пять тысяч рублей"),
        (100000000, "один миллион рублей"),
        (
            123456789,
            "один миллион двести тридцать четыре тысячи пятьсот шестьдесят семь рублей"
            " восемьдесят девять копеек",
        ),
        (-250, "минус два рубля пятьдесят копеек"),
    ],
)
def test_an_amount_is_said_in_roubles_and_kopecks(kopecks: int, said: str) -> None:
    assert speech.money_words(kopecks) == said


@given(st.integers(0, 10**12))
def test_the_roubles_noun_agrees_with_the_number(kopecks: int) -> None:
    roubles = kopecks // 100
    words = speech.money_words(roubles * 100).split()
    if roubles % 100 in range(11, 15) or roubles % 10 in (0, 5, 6, 7, 8, 9):
        assert words[-1] == "рублей"
    else:
        assert words[-1] == ("рубль" if roubles % 10 == 1 else "рубля")


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2026, 12, 1), "первого декабря"),
        (date(2026, 3, 3), "третьего марта"),
        (date(2026, 2, 22), "двадцать второго февраля"),
        (date(2026, 5, 31), "тридцать первого мая"),
    ],
)
def test_a_date_is_said_in_the_genitive(day: date, said: str) -> None:
    assert speech.date_words(day) == said


def test_a_year_is_said_in_the_genitive_as_well() -> None:
    said = speech.full_date_words(date(2026, 12, 1))
    assert said == "первого декабря две тысячи двадцать шестого года"


@pytest.mark.parametrize(
    ("clock", "plain", "genitive"),
    [
        (time(9), "девять часов", "девяти часов"),
        (time(21, 30), "двадцать один час тридцать минут", "двадцати одного часа тридцати минут"),
        (time(1, 1), "один час одна минута", "одного часа одной минуты"),
        (time(0, 0), "ноль часов", "нуля часов"),
        (time(22, 2), "двадцать два часа две минуты", "двадцати двух часов двух минут"),
    ],
)
def test_a_time_of_day_is_said_in_the_case_asked_for(
    clock: time, plain: str, genitive: str
) -> None:
    assert speech.time_words(clock) == plain
    assert speech.time_words(clock, genitive=True) == genitive


def test_a_count_takes_the_gender_of_its_noun() -> None:
    assert speech.count_words(2, ("счёт", "счета", "счетов")) == "два счета"
    assert speech.count_words(21, ("заявка", "заявки", "заявок"), gender="f") == (
        "двадцать одна заявка"
    )


NUMBERS = st.one_of(
    st.sampled_from(
        [
            *(0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 19, 20, 21, 22, 25, 100, 101, 102, 105),
            *(111, 112, 114, 121, 200, 1000, 1001, 1002, 2000, 2001, 5000, 11_000, 21_000, 22_002),
            *(111_111, 114_014, 1_000_000, 1_000_001, 2_000_002, 5_000_000, 11_000_000),
            *(21_021_021, 1_000_000_000, 2_000_000_001, 114_014_014_014),
        ]
    ),
    st.integers(0, 10**12 - 1),
)
NOUNS = {
    "m": ("счёт", "счёта", "счетов"),
    "f": ("квитанция", "квитанции", "квитанций"),
    "n": ("окно", "окна", "окон"),
}


@given(NUMBERS, st.sampled_from("mfn"))
def test_a_count_is_said_as_at_school_in_every_gender(number: int, gender: str) -> None:
    forms = NOUNS[gender]
    said = speech.count_words(number, forms, gender=gender)
    assert said == f"{in_words(number, gender)} {forms[form_of(number)]}"


@given(NUMBERS)
def test_money_is_said_as_at_school(kopecks: int) -> None:
    roubles, rest = divmod(kopecks, 100)
    said = []
    if roubles or not rest:
        said = [in_words(roubles, "m"), ("рубль", "рубля", "рублей")[form_of(roubles)]]
    if rest:
        said += [in_words(rest, "f"), ("копейка", "копейки", "копеек")[form_of(rest)]]
    assert speech.money_words(kopecks) == " ".join(said)
    if kopecks:
        assert speech.money_words(-kopecks) == "минус " + " ".join(said)


@given(st.times())
def test_a_time_is_said_as_at_school(clock: time) -> None:
    hours = f"{in_words(clock.hour, 'm')} {('час', 'часа', 'часов')[form_of(clock.hour)]}"
    noun = ("минута", "минуты", "минут")[form_of(clock.minute)]
    minutes = f" {in_words(clock.minute, 'f')} {noun}" if clock.minute else ""
    assert speech.time_words(clock) == hours + minutes


def test_every_day_of_the_year_has_its_words() -> None:
    days = [date.fromordinal(date(2028, 1, 1).toordinal() + number) for number in range(366)]
    said = [speech.date_words(day) for day in days]
    assert len(set(said)) == 366
    assert all(" ".join(words.split()[:-1]).endswith(("го", "его")) for words in said)
    assert (said[0], said[59], said[-1]) == (
        "первого января",
        "двадцать девятого февраля",
        "тридцать первого декабря",
    )


@pytest.mark.parametrize(
    ("text", "pairs", "said"),
    [
        ("401205", False, "четыре ноль один, два ноль пять"),
        ("401205", True, "сорок, двенадцать, ноль пять"),
        ("4012053", True, "сорок, двенадцать, ноль пять, три"),
        ("0001", True, "ноль ноль, ноль один"),
        ("12-34", True, "двенадцать, тридцать четыре"),
        ("АБ 12", False, "А, Б, один два"),
        ("٣٤", False, "три четыре"),
    ],
)
def test_an_account_number_is_said_digit_by_digit_or_in_pairs(
    text: str, pairs: bool, said: str
) -> None:
    assert speech.account_words(text, pairs=pairs) == said


def test_an_account_number_without_a_sound_is_refused() -> None:
    with pytest.raises(ValueError, match="account"):
        speech.account_words(" — ")


@given(st.text(alphabet="0123456789", min_size=1, max_size=20))
def test_no_digit_of_a_number_is_lost(digits: str) -> None:
    by_one = speech.digits_words(digits).replace(",", "").split()
    assert [UNITS["m"].split().index(word) for word in by_one] == list(map(int, digits))
    assert speech.account_words(digits).replace(",", "").split() == by_one


def test_an_account_number_is_dictated_digit_by_digit() -> None:
    assert speech.digits_words("40-1205") == "четыре ноль один, два ноль пять"


def test_a_phone_number_is_said_as_people_dial_it() -> None:
    assert speech.phone_words("+78005550500") == (
        "восемь, восемьсот, пятьсот пятьдесят пять, ноль пять, ноль ноль"
    )
    assert speech.phone_words("112") == "один один два"


def test_english_is_spoken_too() -> None:
    assert speech.money_words(101, "en") == "one rouble one kopeck"
    assert speech.date_words(date(2026, 12, 1), "en") == "the first of December"
    assert speech.time_words(time(9, 30), "en") == "nine thirty"
    assert speech.time_words(time(9, 5), "en") == "nine oh five"
    assert speech.count_words(2, ("account", "accounts"), "en") == "two accounts"


def test_a_usual_call_is_estimated_between_slow_and_fast_speech() -> None:
    phrase = "Напоминаем, что срок оплаты счёта за электроэнергию наступает первого декабря."
    assert len(phrase) / 18 < speech.expected_seconds([phrase]) < len(phrase) / 10


def test_raw_digits_count_as_the_words_they_become() -> None:
    assert speech.expected_seconds(["88005553535"]) > speech.expected_seconds(["а" * 50])


@given(st.lists(st.text(max_size=40), max_size=5), st.text(min_size=1, max_size=40))
def test_one_more_phrase_never_makes_a_call_shorter(phrases: list[str], more: str) -> None:
    assert speech.expected_seconds([*phrases, more]) > speech.expected_seconds(phrases)


@pytest.fixture(scope="module")
def espeak() -> str:
    found = which("espeak-ng")
    if not found:
        unavailable("espeak-ng is not installed")
    return found


@pytest.mark.parametrize("name", library())
def test_the_estimate_is_near_a_real_voice(espeak: str, name: str, tmp_path: Path) -> None:
    """At the pace of the product's own fallback voice: `espeak-ng -v ru -s 140`."""

    def spoken_seconds(phrase: str) -> float:
        target = tmp_path / "phrase.wav"
        subprocess.run([espeak, "-v", "ru", "-s", "140", "-w", target, "--", phrase], check=True)
        with wave.open(str(target)) as file:
            seconds: float = file.getnframes() / file.getframerate()
            return seconds

    read = read_scenario(library_path(name))
    for size in (USUAL, LONG):
        accounts = merged_accounts(read.scenario, size) or sample_accounts(read.scenario, size)
        texts = read.templates[ChannelName.PHONE]
        content = render_content(
            read.scenario, ChannelName.PHONE, texts, accounts[:1], SAMPLE_SUPPLIER
        )
        assert isinstance(content, CallContent)
        measured = seconds_of(content.script.spoken, spoken_seconds)
        assert content.script.total_seconds == pytest.approx(measured, rel=0.12)
