"""Out-of-office answers and customers who are away: who asks for something?"""

import time

import pytest

from campaigns.inquiry.absence import asks_for_something


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Я в отпуске.",
        "Добрый день!\nЯ в отпуске до 15 июля. По срочным вопросам прошу обращаться к "
        "Петрову П.П., тел. +7 916 123-45-67.\nС уважением,\nИванов Иван Иванович\n"
        "начальник отдела ООО «Ромашка»",
        "Здравствуйте! Спасибо за ваше письмо. Меня нет в офисе, вернусь 20 июля и отвечу всем. "
        "Пожалуйста, в срочных случаях пишите на office@example.com. Хорошего вам дня!",
        "Благодарю за обращение. Я нахожусь в командировке с ограниченным доступом к почте.",
        "Прошу связаться с моим коллегой Сидоровым. Письмо не будет переадресовано.",
        "Пожалуйста, имейте в виду: до понедельника отсутствую.",
        "Thank you for your e-mail. I am out of the office until July 15. Please contact Ann Lee "
        "for anything urgent. I will reply on my return. Kind regards, Bob",
        "Please note that I am on annual leave with limited access to mail.",
    ],
)
def test_who_is_away_and_says_no_more_asks_nothing(words: str) -> None:
    assert not asks_for_something(words)


@pytest.mark.parametrize(
    "words",
    [
        "Нас не будет дома. Можно ли не снимать показания?",
        "Прошу сделать перерасчёт за время отпуска.",
        "Уезжаем в отпуск, отключите свет на время отсутствия.",
        "Верните деньги.",
        "Подскажите, как оплатить из командировки",
        "Нужна справка об оплате.",
        "Передаю показания счётчика за июль",
        "Сосед опять залез в щиток. Провода висят над детской площадкой. "
        "Второй день искрит так, что страшно. Участковый приходил и развёл руками.",
        "Please send me the bill for June.",
        "I am away until July. Why is my bill so high?",
    ],
)
def test_who_is_away_and_wants_something_is_heard(words: str) -> None:
    assert asks_for_something(words)


def test_an_account_says_that_somebody_wants_something() -> None:
    assert asks_for_something("До 15 июля", tells_account=True)


@pytest.mark.parametrize("piece", [".", " ", "\n", "а", "а ", ". ", "прошу обращаться ", "?!"])
def test_a_megabyte_of_anything_takes_no_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    started = time.perf_counter()
    asks_for_something(text)
    assert time.perf_counter() - started < 0.5
