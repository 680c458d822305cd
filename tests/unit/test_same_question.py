"""Which letters say the same: by their words, under the same subject, with the same files."""

import pytest

from campaigns.inquiry.letter import Letter
from dispatcher.mailrobot.identity import words_digest

WORDS = "Откуда такая сумма за октябрь? Прошу проверить начисления."


def digest(subject: str, words: str = WORDS) -> str:
    return words_digest(Letter(subject=subject, words=words), "identity")


@pytest.mark.parametrize(
    "subject",
    [
        "Откуда такая сумма в квитанции (повторно)",
        "ПОВТОРНО: Откуда такая сумма в квитанции",
        "Re: Откуда такая сумма в квитанции",
        "Откуда такая сумма  в квитанции [повторное обращение]",
        "Ещё раз: откуда такая сумма в квитанции",
        "Re: Откуда такая сумма в квитанции [2026-000123]",
    ],
)
def test_the_same_question_that_says_it_comes_again_is_the_same(subject: str) -> None:
    assert digest(subject) == digest("Откуда такая сумма в квитанции")


def test_the_same_words_under_another_subject_are_another_question() -> None:
    assert digest("Заявление на присоединение") != digest("Жалоба на начисления")
    assert digest("Повторное отключение") != digest("Отключение")
