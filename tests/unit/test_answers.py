"""What the mail-robot says: whole in both languages, and nobody's advertisement."""

import re
import time
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.inquiry.rules import Topic
from campaigns.inquiry.status import InquiryChannel, Missing
from templates.answers import (
    ANSWERS,
    FOR_STAFF,
    WRITTEN_BY_STAFF,
    AnswerKind,
    AnswerValues,
    AnswerWords,
    channel_words,
    missing_words,
    number_in,
    quote,
    render_answer,
    topic_words,
)
from templates.greeting import looks_like_a_name
from templates.i18n import speaking

SUPPLIER = {
    "company": "АтомЭнергоСбыт",
    "company_phone": "+78001000000",
    "company_site": "https://example.com",
    "company_signer": "Мария Соколова",
    "company_signer_post": "руководитель отдела",
}
VALUES = AnswerValues(
    number="2026-000123",
    received_on=date(2026, 12, 1),
    subject="Re: Неверные показания",
    question="Здравствуйте! В квитанции стоят неверные показания.\n\nПрошу пересчитать.",
    topic="complaint",
    confidence=0.87,
    missing=("account",),
    readings=("день 12345", "ночь 6789"),
    respond_on=date(2026, 12, 4),
    answer_on=date(2026, 12, 15),
    name="АННА",
    patronymic="Петровна",
    customer="Анна Петровна Иванова",
    contact_point="anna@example.com",
    branch="Заводской район",
    phone="+73822123456",
    hours="пн–пт 8:00–20:00",
    text="Мы проверили.\n\nСумма была неверной.",
    person="petrov@example.com",
    due_on=date(2026, 12, 4),
)
AUTOMATIC = sorted(set(AnswerKind) - FOR_STAFF - WRITTEN_BY_STAFF)
LANGUAGES = ("ru", "en")
CYRILLIC = re.compile("[А-Яа-яЁё]")


def said(kind: AnswerKind, language: str = "ru", **changes: object) -> AnswerWords:
    return render_answer(kind, language, replace(VALUES, **changes), SUPPLIER)  # type: ignore[arg-type]


class _Tags(HTMLParser):
    """Counts the tags of a page, and complains of one that is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.seen: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        assert tag not in ("script", "img", "a", "form", "iframe")
        if tag not in ("meta", "br"):
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.opened:
            self.text += data


def page(html: str) -> _Tags:
    tags = _Tags()
    tags.feed(html)
    tags.close()
    assert not tags.opened
    return tags


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", AnswerKind)
def test_every_kind_is_whole_in_both_languages(kind: AnswerKind, language: str) -> None:
    words = said(kind, language)
    assert 0 < len(words.subject) <= 100
    assert "\n\n\n" not in words.text
    assert "None" not in words.text + words.html
    assert "2026-000123" in words.subject
    assert "2026-000123" in words.text
    assert "2026-000123" in page(words.html).text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", AnswerKind)
def test_what_is_not_known_is_left_out_without_a_hole(kind: AnswerKind, language: str) -> None:
    words = render_answer(kind, language, AnswerValues(number="2026-000123"), SUPPLIER)
    assert "None" not in words.text + words.html
    assert "«»" not in words.text
    assert not re.search(r"\(\s*\)|: *$|  ", words.text, re.MULTILINE)
    page(words.html)


@pytest.mark.parametrize("kind", AnswerKind)
def test_an_english_letter_has_no_russian_words_of_ours(kind: AnswerKind) -> None:
    words = render_answer(
        kind,
        "en",
        AnswerValues(
            number="2026-000123",
            topic="billing",
            missing=("account", "contact", "text"),
            channel="form",
            question="The bill is wrong",
            respond_on=date(2026, 12, 4),
            answer_on=date(2026, 12, 15),
            received_on=date(2026, 12, 1),
            due_on=date(2026, 12, 4),
        ),
        {"company": "Energo", "company_phone": "+78001000000", "company_site": "https://e.com"},
    )
    assert not CYRILLIC.search(words.subject + words.text + words.html)


@pytest.mark.parametrize("kind", sorted(set(AnswerKind) - FOR_STAFF))
def test_customers_are_greeted_by_name_and_told_who_writes_and_how_to_reach_us(
    kind: AnswerKind,
) -> None:
    words = said(kind)
    for text in (words.text, page(words.html).text):
        assert "Здравствуйте, Анна Петровна!" in text
        assert "Мария Соколова" in text
        assert "руководитель отдела" in text
        assert "+7\u00a0382\u00a0212-34-56" in text
        assert "пн–пт 8:00–20:00" in text


def test_without_a_branch_the_companys_telephone_is_told() -> None:
    assert "8\u00a0800\u00a0100-00-00" in said(AnswerKind.ACKNOWLEDGEMENT, phone="", hours="").text


@pytest.mark.parametrize(
    "name", ["", "  ", "Купи http://x.ru", "Анна1", "a@b.ru", "x.ru", "а" * 61, "а б в г д", "Ю  Ю"]
)
def test_who_does_not_bear_a_name_is_greeted_without_one(name: str) -> None:
    assert "Здравствуйте!\n" in said(AnswerKind.FORM, name=name, patronymic="").text


@pytest.mark.parametrize(
    "name", ["Анна", "Анна-Мария", "O’Neil", "Ян", "Ильи\u0306ч", "Анна Мария"]
)
def test_a_name_looks_like_one(name: str) -> None:
    assert looks_like_a_name(name)


@pytest.mark.parametrize("kind", [AnswerKind.ACKNOWLEDGEMENT, AnswerKind.FORM])
def test_a_new_inquiry_is_told_its_topic_and_both_dates(kind: AnswerKind) -> None:
    text = said(kind).text
    assert "Тема: жалоба" in text
    assert "не позднее 4 декабря 2026 года" in text
    assert "не позднее 15 декабря 2026 года" in text


def test_a_form_is_promised_to_be_looked_at_within_three_working_days() -> None:
    assert "в течение 3\u00a0рабочих дней" in said(AnswerKind.FORM).text
    assert "within 1\u00a0working day," in said(AnswerKind.FORM, "en", working_days=1).text


def test_what_is_missing_is_asked_for_and_nothing_else() -> None:
    asked = said(AnswerKind.ACKNOWLEDGEMENT).text
    assert "номер вашего лицевого счёта" in asked
    assert "телефон, по которому" not in asked
    assert "лицевого счёта" not in said(AnswerKind.ACKNOWLEDGEMENT, missing=()).text
    assert (
        "Прочитать ваше письмо не удалось"
        in said(AnswerKind.ACKNOWLEDGEMENT, missing=("text",)).text
    )


def test_words_added_and_a_question_repeated_are_told_apart() -> None:
    assert "добавили его к обращению от 1 декабря 2026 года" in said(AnswerKind.ADDED).text
    repeated = said(AnswerKind.ADDED, is_repeated=True).text
    assert "уже зарегистрирован" in repeated
    assert "добавили" not in repeated


@pytest.mark.parametrize("kind", sorted(WRITTEN_BY_STAFF))
def test_the_text_of_staff_keeps_its_lines(kind: AnswerKind) -> None:
    words = said(kind)
    assert "Мы проверили.\n\nСумма была неверной." in words.text
    assert "Мы проверили.<br>\n<br>\nСумма была неверной." in words.html


def test_the_specialist_gets_every_fact_and_every_word() -> None:
    words = said(AnswerKind.ROUTE)
    for fact in (
        *("жалоба (уверенность 87 %)", "Анна Петровна Иванова", "anna@example.com", "письмо"),
        *("день 12345; ночь 6789", "номер лицевого счёта", "Заводской район", "Прошу пересчитать."),
        *("4 декабря 2026", "15 декабря 2026", "Re: Неверные показания"),
    ):
        assert fact in words.text
        assert fact in page(words.html).text
    assert words.subject == "Обращение 2026-000123: жалоба, ответить до 04.12.2026"


def test_a_reminder_tells_whether_the_deadline_is_over() -> None:
    assert said(AnswerKind.REMINDER).subject.startswith("Скоро срок")
    late = said(AnswerKind.REMINDER, is_overdue=True, is_answer_due=True)
    assert late.subject.startswith("Срок прошёл")
    assert "ответа по существу" in late.text


def test_every_topic_channel_and_lack_has_words_in_both_languages() -> None:
    for language in LANGUAGES:
        with speaking(language):
            topics = [topic_words(topic) for topic in Topic]
            assert len(set(topics)) == len(Topic)
            assert len({channel_words(channel) for channel in InquiryChannel}) == len(
                InquiryChannel
            )
            lacks = [missing_words(missing) for missing in Missing]
            assert len(set(lacks)) == len(Missing)
            assert all(CYRILLIC.search(one) for one in topics + lacks) is (language == "ru")


def test_every_text_has_an_english_twin() -> None:
    names = {str(path.relative_to(ANSWERS)) for path in ANSWERS.rglob("*.*")} - {"frame.html"}
    russian = {name for name in names if ".en." not in name}
    assert {name.replace(".en.", ".") for name in names - russian} == russian
    assert len(russian) == 3 * len(AnswerKind) + 2


# --- a stranger's words ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "spam",
    [
        "https://spam.example/x",
        "HTTP://SPAM.EXAMPLE",
        "www.spam",
        "spam.ru",
        "bit.ly/abc",
        "t.me/abc",
        "spam.рф",
        "xn--80a.xn--p1ai",
        "10.0.0.1/x",
        "anna@spam.example",
        "ｗｗｗ．ｓｐａｍ．ｃｏｍ",
        "spam。com",
        "ｈｔｔｐ：／／spam",
        "sp\u200bam.com",
        "[купи](http://spam.example)",
        "[url=http://spam.example]купи[/url]",
        "<a href='http://spam.example'>",
        "<img src=//spam.example/1.gif>",
        "+7 (916) 123-45-67",
        "89161234567",
        "javascript:alert(1)",
        "a" * 61,
    ],
)
def test_a_quote_leads_nowhere(spam: str) -> None:
    quoted = quote(f"Нет света {spam} с утра")
    assert quoted in ("Нет света с утра", "Нет света … с утра")


@pytest.mark.parametrize(
    "words",
    [
        "Показания 12345 и 6789, дом 5.",
        "Платил 01.12.2026 в 12:30, сумма 1 234,50 руб.",
        "Какой тариф за 1 кВт.ч? Т.е. дневной.",
        "Счёт за ноябрь/декабрь – прошу пересчитать",
    ],
)
def test_ordinary_words_are_quoted_as_they_are(words: str) -> None:
    assert quote(words) == words


def test_a_quote_begins_with_the_matter_and_not_with_the_greeting() -> None:
    assert quote("Добрый день!\n\nНет света.") == "Нет света."
    assert quote("Здравствуйте") == "Здравствуйте"


def test_what_was_taken_out_leaves_one_mark_behind() -> None:
    assert quote("Звоните +7 916 123-45-67. http://x.ru Анна") == "Звоните … Анна"


@pytest.mark.parametrize("words", ["", " \n\t", "***", "<b></b>", "…", "http://x.ru", "—"])
def test_nothing_to_quote_is_no_quote(words: str) -> None:
    assert quote(words) == ""
    unsaid = said(AnswerKind.ACKNOWLEDGEMENT, question=words, subject="")
    assert "Вы написали" not in unsaid.text


@given(st.text(max_size=600), st.integers(20, 200))
def test_a_quote_is_one_short_line_without_markup(words: str, longest: int) -> None:
    quoted = quote(words, longest)
    assert len(quoted) <= longest
    assert quoted.isprintable()
    assert not set(quoted) & set("<>[]{}|*`@")
    assert "://" not in quoted


@pytest.mark.parametrize(
    "worst",
    [
        "<" * 1_000_000,
        "1 " * 500_000,
        "a." * 500_000,
        "(" * 1_000_000,
        "Re:" * 333_333,
        "\n" * 10**6,
    ],
)
def test_a_megabyte_of_the_worst_costs_next_to_nothing(worst: str) -> None:
    began = time.perf_counter()
    quote(worst)
    number_in(worst[:2000])
    for kind in (AnswerKind.ACKNOWLEDGEMENT, AnswerKind.ROUTE):
        said(kind, question=worst, subject=worst, customer=worst[:500])
    assert time.perf_counter() - began < 1


HOSTILE = st.text(alphabet=st.sampled_from("a<>\"'&{}%#\r\n\x00\u2028\u202e:/.@ я"), max_size=60)


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_value_adds_a_tag_or_a_line_to_the_subject(
    subject: str, question: str, name: str, customer: str
) -> None:
    for kind in AnswerKind:
        words = said(
            kind,
            subject=subject,
            question=question,
            name=name,
            customer=customer,
            text=question,
            branch=name,
            hours=customer,
            contact_point=customer,
        )
        assert words.subject.isprintable()
        usual = {"table", "tr", "th", "td", "p", "b", "span", "br", "code", "title", "style"}
        assert set(page(words.html).seen) <= usual | {"html", "head", "meta", "body", "div"}
        assert "\u202e" not in words.text + words.html


@pytest.mark.parametrize("kind", AUTOMATIC)
def test_an_automatic_answer_carries_nobodys_advertisement(kind: AnswerKind) -> None:
    spam = "Купите на http://spam.example или spam-shop.ru, тел. +7 916 123-45-67"
    words = said(kind, subject=spam, question=spam, name=spam, customer=spam)
    for text in (words.subject, words.text, words.html):
        assert "spam" not in text
        assert "123-45-67" not in text


# --- subjects -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Нет света", "Re: Нет света [2026-000123]"),
        ("RE: Re: FW: Ответ: Re[2]: Нет света", "Re: Нет света [2026-000123]"),
        ("Re: Нет света [2026-000123]", "Re: Нет света [2026-000123]"),
        ("", "Ваше обращение получено [2026-000123]"),
        ("http://spam.example", "Ваше обращение получено [2026-000123]"),
        ("Requiem: вопрос", "Re: Requiem: вопрос [2026-000123]"),
    ],
)
def test_the_subject_of_an_answer_is_the_customers_and_our_number(
    subject: str, expected: str
) -> None:
    assert said(AnswerKind.ACKNOWLEDGEMENT, subject=subject).subject == expected


@pytest.mark.parametrize(
    ("subject", "number"),
    [
        ("Re: Нет света [2026-000123]", "2026-000123"),
        ("обращение №2026-1234567 где ответ", "2026-1234567"),
        ("счёт 12026-000123", None),
        ("2026-0001234567", None),
        ("2026-00123", None),
        ("1026-000123", None),
        ("", None),
    ],
)
def test_a_registration_number_is_found_in_a_subject(subject: str, number: str | None) -> None:
    assert number_in(subject) == number


@pytest.mark.parametrize("kind", AnswerKind)
@pytest.mark.parametrize("language", LANGUAGES)
def test_our_own_subjects_tell_their_number(kind: AnswerKind, language: str) -> None:
    assert number_in(said(kind, language).subject) == "2026-000123"
