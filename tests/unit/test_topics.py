"""What a letter is about: a corpus of invented letters, and the rules by which it is told."""

import random
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.holidays import Holidays
from campaigns.inquiry.dictionary import MOST_CHARACTERS, MOST_GUESSED, MOST_WORDS
from campaigns.inquiry.rules import InquiryRules, Topic, TopicRule
from campaigns.inquiry.rules_file import read_rules
from campaigns.inquiry.sorting import Asked, sort_out
from campaigns.inquiry.status import InquiryChannel, Missing
from campaigns.inquiry.topics import About, Classifier
from tests.unit.letters_by_topic import LETTERS, Said
from tests.unit.sorting_days import TODAY

RULES = read_rules(None)
CLASSIFIER = Classifier(RULES)

# What the built-in rules do not tell. All of them end as "other", which a person looks at.
KNOWN_MISSES = {
    "Как оформить разрешение на 380 вольт для мастерской?",
    "Планируем поставить зарядку для электромобилей, нужна мощность.",
}


def topic_of(said: Said) -> Topic:
    asked = Asked(InquiryChannel.EMAIL, subject=said.subject, words=said.words)
    return sort_out(RULES, CLASSIFIER, asked, None, Holidays(), TODAY).topic


def about(words: str, subject: str = "") -> About:
    return CLASSIFIER.classify(subject, words)


def classified(*rules: TopicRule) -> Classifier:
    return Classifier(InquiryRules(topics=rules))


# The corpus -------------------------------------------------------------------------------------


def test_the_corpus_is_sorted_but_for_the_known_misses() -> None:
    told = [(said, topic_of(said)) for said in LETTERS]
    wrong = {said.words: topic for said, topic in told if topic is not said.topic}
    assert set(wrong) == KNOWN_MISSES
    assert set(wrong.values()) == {Topic.OTHER}
    assert len(LETTERS) >= 140
    assert len(wrong) / len(LETTERS) <= 0.1


def test_each_topic_has_its_letters_in_both_languages() -> None:
    for topic in Topic:
        texts = [said.subject + said.words for said in LETTERS if said.topic is topic]
        assert any(text.isascii() for text in texts)
        assert any(not text.isascii() for text in texts)


# What is easily taken for something else --------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "topic"),
    [
        ("Спасибо за ответ, но света всё ещё нет.", Topic.OUTAGE),
        ("Большое спасибо! Но в квитанции опять неверный тариф, прошу пересчитать", Topic.BILLING),
        ("Вы молодцы, спасибо. А теперь жалоба: никто не реагирует.", Topic.COMPLAINT),
        ("Нет, свет есть. Вопрос по квитанции.", Topic.BILLING),
        ("Жалоб нет, всё устраивает, спасибо", Topic.THANKS),
        ("Претензий не имею, благодарю за помощь", Topic.THANKS),
        ("Прошу сообщить часы работы. Заранее спасибо", Topic.OTHER),
        ("С благодарностью, Иван", Topic.OTHER),
        ("счетчик НЕ ПЕРЕДАЕТ показания", Topic.READING),
        ("ПОДАЮ ЖАЛОБУ", Topic.COMPLAINT),
        ("Я возмущён", Topic.COMPLAINT),
        ("я возмущен", Topic.COMPLAINT),
        ("буду жаловаться", Topic.COMPLAINT),
        ("у нас опять нет вашего света", Topic.OUTAGE),
        ("нет у нас уже света", Topic.OUTAGE),
        ("Пришло 4000 вместо 800, почему так много", Topic.BILLING),
        ("Почему так много?", Topic.BILLING),
        ("Почему так много отключений?", Topic.OUTAGE),
        ("поменять фамилию в лицевом счете", Topic.CONTRACT),
        ("контролер оскорбил мою маму, прошу принять меры", Topic.COMPLAINT),
        ("Zdravstvuyte, u nas net sveta s utra", Topic.OUTAGE),
        # Who was cut off for a debt belongs to those who know of debts, not to the builders.
        ("Когда подключат после оплаты долга?", Topic.BILLING),
        ("Вы там идиоты, что ли", Topic.COMPLAINT),
        ("Взорву ваш офис", Topic.COMPLAINT),
        # Danger and not a threat.
        ("Меня чуть не убило током от столба", Topic.OTHER),
    ],
)
def test_words_are_understood_by_what_stands_beside_them(words: str, topic: Topic) -> None:
    assert about(words).topic is topic


def test_the_letter_yo_and_the_case_of_letters_change_nothing() -> None:
    assert about("СЧЁТЧИК СЛОМАЛСЯ") == about("счетчик сломался")


def test_the_subject_counts_double() -> None:
    rules = classified(
        TopicRule(Topic.OUTAGE, words=("авария",)), TopicRule(Topic.BILLING, words=("тариф",))
    )
    assert rules.classify("тариф", "авария").topic is Topic.BILLING
    assert rules.classify("авария", "тариф").topic is Topic.OUTAGE


def test_a_word_that_is_repeated_speaks_once() -> None:
    rules = classified(
        TopicRule(Topic.OUTAGE, words=("авария",)),
        TopicRule(Topic.BILLING, words=("тариф", "пеня")),
    )
    assert rules.classify("", "авария " * 100 + "тариф пени").topic is Topic.BILLING


def test_nothing_that_speaks_is_other_without_confidence() -> None:
    assert about("Добрый день, посмотрите вложение") == About(Topic.OTHER, 0.0)
    assert about("") == About(Topic.OTHER, 0.0)


def test_a_weak_word_alone_is_no_topic() -> None:
    assert about("свет").topic is Topic.OTHER


def test_more_that_speaks_is_more_confidence() -> None:
    one = about("нет света").confidence
    more = about("нет света, авария на подстанции, обрыв провода").confidence
    both = about("нет света, квитанция, тариф, пени").confidence
    assert 0 < both < one < more < 1


def test_the_words_that_spoke_are_told() -> None:
    assert about("Нет света, обесточен весь посёлок").because == ("нет света", "обесточить")


# A letter that is one number, and answers to ours ---------------------------------------------


@pytest.mark.parametrize(
    ("subject", "words", "topic", "reading"),
    [
        ("", "12345", Topic.READING, "12345"),
        ("", " 12345 кВт·ч. ", Topic.READING, "12345"),
        ("", "4567,8 квт", Topic.READING, "4567,8"),
        ("12345", "", Topic.READING, "12345"),
        ("12345", "12345", Topic.READING, "12345"),
        ("", "12", Topic.OTHER, ""),
        ("", "12345678", Topic.OTHER, ""),
        ("", "12345 67890", Topic.OTHER, ""),
        ("", "12345 руб.", Topic.OTHER, ""),
        ("Код", "12345", Topic.OTHER, ""),
        ("12345", "54321", Topic.OTHER, ""),
        ("Re: Вопрос [2026-000123]", "12345", Topic.OTHER, ""),
    ],
)
def test_a_letter_that_is_one_number_tells_what_the_meter_shows(
    subject: str, words: str, topic: Topic, reading: str
) -> None:
    asked = Asked(InquiryChannel.EMAIL, subject=subject, words=words)
    found = sort_out(RULES, CLASSIFIER, asked, None, Holidays(), TODAY)
    assert (found.topic, [str(one) for one in found.readings]) == (
        topic,
        [reading] if reading else [],
    )


def test_a_number_that_may_be_an_account_is_no_reading() -> None:
    short = replace(RULES, account_pattern=r"\d{5}")
    asked = Asked(InquiryChannel.EMAIL, words="12345")
    found = sort_out(short, CLASSIFIER, asked, None, Holidays(), TODAY)
    assert (found.account_number, found.readings) == ("12345", ())


@pytest.mark.parametrize(
    ("subject", "words", "topic"),
    [
        ("Re: Нет света [2026-000123]", "Спасибо!", Topic.THANKS),
        ("Re: Нет света [2026-000123]", "А почему в квитанции другой тариф?", Topic.BILLING),
        ("Re: Нет света [2026-000123]", "ок", Topic.OUTAGE),
        ("Re: Нет света [2026-000123]", "", Topic.OUTAGE),
        ("Нет света", "Спасибо!", Topic.OUTAGE),
    ],
)
def test_in_an_answer_to_us_the_words_speak_before_our_own_subject(
    subject: str, words: str, topic: Topic
) -> None:
    assert topic_of(Said(topic, subject, words)) is topic


@pytest.mark.parametrize(
    ("subject", "words", "missing"),
    [
        ("", "Сколько стоит технологическое присоединение нового дома?", ()),
        ("Re: Нет света [2026-000123]", "Спасибо!", ()),
        ("Нет света", "ул. Лесная, 5", (Missing.ACCOUNT,)),
    ],
)
def test_who_builds_a_house_or_thanks_us_is_asked_for_no_account(
    subject: str, words: str, missing: tuple[Missing, ...]
) -> None:
    asked = Asked(InquiryChannel.EMAIL, subject=subject, words=words)
    found = sort_out(RULES, CLASSIFIER, asked, None, Holidays(), TODAY)
    assert found.missing == missing


# Senders, mailboxes, accounts -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "fits"),
    [
        ("Boss@Example.com", True),
        ("boss@example.com", True),
        ("a@other.example.org", True),
        ("a@example.org", False),
        ("notboss@example.com", False),
        ("", False),
    ],
)
def test_a_rule_with_nothing_but_senders_decides_alone(sender: str, fits: bool) -> None:
    rule = TopicRule(Topic.CONTRACT, senders=("boss@example.com", "*@other.example.org"))
    found = Classifier(InquiryRules(topics=(rule, *RULES.topics))).classify(
        "жалоба", "нет света", sender=sender
    )
    assert found == About(Topic.CONTRACT, 1.0) if fits else found.topic is Topic.COMPLAINT


def test_mailbox_and_account_narrow_a_rule() -> None:
    rule = TopicRule(
        Topic.OUTAGE, words=("темно",), mailboxes=("sos@example.com",), accounts=("55", "77")
    )
    rules = classified(rule)
    fitting = {"mailbox": "SOS@example.com", "account": "5501"}
    assert rules.classify("", "темно", **fitting).topic is Topic.OUTAGE
    assert rules.classify("", "темно", **{**fitting, "account": "6601"}).topic is Topic.OTHER
    assert rules.classify("", "темно", **{**fitting, "mailbox": ""}).topic is Topic.OTHER
    assert rules.classify("", "светло", **fitting).topic is Topic.OTHER


# Anything at all --------------------------------------------------------------------------------


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_has_a_topic_and_a_confidence(subject: str, words: str) -> None:
    found = CLASSIFIER.classify(subject, words)
    assert 0 <= found.confidence <= 1
    assert found.topic is Topic.OTHER or found.because


@settings(max_examples=40)
@given(st.lists(st.sampled_from([said.words for said in LETTERS]), max_size=4))
def test_who_complains_has_a_complaint_whatever_else_is_said(texts: list[str]) -> None:
    assert about("\n\n".join([*texts, "Это жалоба."])).topic is Topic.COMPLAINT


@pytest.mark.parametrize(
    "text",
    [
        "ж" * 1_000_000,
        "нет света " * 100_000,
        "\n \n" * 300_000,
        "слово-" * 200_000,
        " ".join(
            chr(1072 + i % 32) * (i % 29 + 1) + chr(1072 + i // 32 % 32) for i in range(60_000)
        ),
    ],
    ids=["one word", "phrases", "empty lines", "hyphens", "unknown words"],
)
def test_a_megabyte_of_the_worst_is_sorted_in_no_time(text: str) -> None:
    began = time.perf_counter()
    CLASSIFIER.classify(text, text)
    assert time.perf_counter() - began < 5


def test_what_is_said_beyond_the_limit_is_not_looked_at() -> None:
    assert about("слово " * (MOST_WORDS - 1) + "жалоба").topic is Topic.COMPLAINT
    assert about("слово " * MOST_WORDS + "жалоба").topic is Topic.OTHER
    assert about(" " * MOST_CHARACTERS + "жалоба").topic is Topic.OTHER


ALPHABET = "абвгдежзиклмнопрстуфхцчшыьэюя"


def gibberish(seed: int) -> str:
    """36 KB of words that no dictionary has, each another one."""
    dice = random.Random(seed)
    words = ("".join(dice.choices(ALPHABET, k=dice.randint(3, 12))) for _each in range(4500))
    return " ".join(words)[:18_000]


def test_random_words_are_not_all_guessed_at() -> None:
    """Guessing at each of them takes fifteen times as long."""
    about(gibberish(0))  # the dictionary is read
    texts = [gibberish(seed) for seed in range(1, 11)]
    began = time.thread_time()
    for text in texts:
        assert about(text, "Нет света").topic is Topic.OUTAGE
    assert (time.thread_time() - began) / len(texts) < 0.12


def test_what_is_said_before_random_words_and_between_the_first_is_heard() -> None:
    junk = gibberish(7).split()
    assert about(" ".join(["жалоба", *junk])).topic is Topic.COMPLAINT
    assert about(" ".join([*junk[:500], "жалобу", *junk[500:]])).topic is Topic.COMPLAINT


def test_a_word_that_no_dictionary_knows_is_found_in_its_forms() -> None:
    made_up = classified(TopicRule(Topic.OUTAGE, words=("кракозяблик", "зпту")))
    for words in ("Опять кракозяблики!", "Из-за кракозяблика.", "Отключена ЗПТУ."):
        assert made_up.classify("", words).topic is Topic.OUTAGE
    # Beyond what is guessed at a word is still found as the rule has it.
    junk = " ".join(f"щ{'ы' * one}ж" for one in range(1, MOST_GUESSED + 1))
    assert made_up.classify("", f"{junk} кракозяблик").topic is Topic.OUTAGE
