"""Subjects that out-of-office programs write, and customers' subjects that look like them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.inquiry.auto_subjects import is_automatic_subject

AUTOMATIC = """
Автоответ
Автоответ: Re: счёт за октябрь
АВТООТВЕТ: счёт
Re: Автоответ: счёт
RE[2]: Автоответ
Re(3): Автоответ: счёт
Re2: Автоответ
Ответ: Автоответ
Отв: Re: Fwd: Автоответ: счёт
HA: Re: Автоматический ответ: счёт
НА: Автоматический ответ: счёт
Автоматический ответ: Плановое отключение
Автоматический ответ на ваше письмо
Автоматический ответ
«Автоматический ответ: счёт»
[Автоответ] Re: счёт
[External] Автоматический ответ: счёт
[Внешнее письмо] Автоответ: счёт
(Автоответ) Re: счёт
Авто-ответ: Re: счёт
Автоответ Re: счёт
Автоответ — Иванов Иван
Автоответчик: я в отпуске
Автоответчик
Вне офиса
Вне офиса: Re: счёт
Я вне офиса до 12.05.2026
Нахожусь вне офиса с 1 по 15 мая
Нет на месте
Нет на месте: Re: счёт
Меня нет на месте до понедельника
Меня нет на рабочем месте
В отпуске
В отпуске до 15 мая
В отпуске с 1 по 15 мая включительно
В отпуске: Re: счёт
Я в отпуске
Я сейчас в отпуске до 15.05, по срочным вопросам: Петров
В командировке до 20 ноября
На больничном
В ОТПУСКЕ!!!
В настоящее время нахожусь в отпуске
Отсутствую на рабочем месте до 3 июня
Out of office
Out of Office: Re: bill
OUT OF OFFICE
Out of office until Monday
Out of the office from 1st to 15th May
Out of Office - John Smith
Out of office, back on Tuesday
Out of Office AutoReply: bill
I am out of office
I'm out of the office until 12 May
I’m currently out of the office
Currently out of office
Automatic reply
Automatic reply: bill
AUTOMATIC REPLY: bill
Re: Automatic reply: bill
Automatic Reply - bill
Automated response: bill
AutoReply
AutoReply: bill
Auto-Reply: bill
auto reply Re: bill
Auto Response: bill
Auto: Re: bill
Re: Auto: RE[2]: bill
Autoresponder: bill
Vacation
Vacation reply
Vacation message: bill
Vacation: I am away until Monday
On vacation until 15 May
I am on vacation
On annual leave until 3 June 2026
Away from my mail
Away from the office until Monday
Away from my desk
I am away until Monday
I am away
I will be away from 1 May to 15 May
OOO until Monday
O\u200but of office: bill
Сообщение об отсутствии: счёт
Уведомление об отсутствии до 3 июня
Ответ автоответчика: счёт
Автоматическое уведомление: Я в отпуске
Автоматическое уведомление
Автоматический ответ: Re: Почему вырос тариф?
Автоматический ответ: Оплатили счёт?
OOO: Bill
OOO: Re: bill
Больничный до 5 декабря
Больничный с 1 по 5 декабря
Абсенс
Сотрудник в отпуске
Сотрудник в отпуске до 15 мая
Abwesenheitsnotiz: Rechnung
Automatische Antwort: Rechnung
Absence du bureau: facture
Réponse automatique : facture
Автоматична відповідь: рахунок
Ｏｕｔ of office
"""

PEOPLE = """
Автоответчик не работает
Ваш автоответчик не работает
Автоответчик - не дозвониться
Автоответ не приходит
«Автоответ» не приходит
Автоответ - не приходит на почту
Автоматический ответ не помог
Автоматический ответ - это кто?
Автоматический ответ – не то, что я спрашивал
Автоматический ответ на моё обращение не помогает
Почему автоматический ответ?
Автоматический ответ от вас не пришёл
Автоматический выключатель сгорел
Автомат выбивает
Авто: сбил столб во дворе
Не отключайте, я в отпуске
Показания счётчика, я в отпуске
В отпуске, кто примет показания?
В отпуске? Кто примет показания
В отпуске передаю показания
В отпуске нет света на даче
В отпуске: свет отключили
Я в отпуске, отключите свет
Отпуск
Отсутствую с 1 по 15 мая
Отсутствую дома
Отсутствие света
Сообщение об отсутствии электроэнергии
Уведомление об отсутствии света
Нет на месте счётчика
Сейчас нет на месте пломбы
Нет света
Нет на месте?
Нет в офисе: никто не отвечает
Офис закрыт
Вне офиса никто не принимает
Ответ: счёт
Re: счёт за октябрь
Re: Re: Fwd:
На больничном начислили пени
В командировке был, не передал показания
ООО «Ромашка»: договор
ООО
ООО до понедельника
ООО: договор
Сообщение об отсутствии: света нет с утра
Автоматическое уведомление о долге неверно
Автоматическое уведомление: долг, которого нет
Автоответ: почему мне не отвечает человек?
Автоответ: Вопрос по счёту
Автоматический ответ: у меня нет света
Automatic reply: why is nobody reading this?
Auto: payment question
Auto: почему не списывается автоплатёж
Auto: bill
Re: Auto: bill
Auto: сбил столб
Больничный корпус без света
Больничный: начислили пени
Сотрудник в отпуске, кто ответит?
Сотрудник нагрубил
Absence de courant
OOO Romashka: dogovor
Vacation home meter
Vacation home: no power
Vacation: please stop the supply
On vacation, please stop the supply
I am away and the meter is broken
Away from home, who reads the meter
Away from home until Monday
Out of office hours your phone is dead
Out of office hours
Out of order
Out of the office window I see a broken line
Automatic reply from you is wrong
Automatic reply - why no answer
Auto reply does not work
Automatic meter reading
Autopay is broken
Automobile: hit a pole
I am out of patience
Auto
[Ticket 5] no power
[Автоответчик] сломан

?
:
"""


@pytest.mark.parametrize("subject", AUTOMATIC.strip("\n").split("\n"))
def test_a_subject_of_an_out_of_office_program_is_known(subject: str) -> None:
    assert is_automatic_subject(subject)


@pytest.mark.parametrize("subject", PEOPLE.strip("\n").split("\n"))
def test_a_subject_of_a_customer_is_left_alone(subject: str) -> None:
    assert not is_automatic_subject(subject)


@given(
    st.sampled_from(AUTOMATIC.strip("\n").split("\n")),
    st.sampled_from(["Re: ", "FWD: ", "  ", "Ответ: ", "re: Re: RE: "]),
    st.booleans(),
)
def test_case_and_prefixes_change_nothing(subject: str, prefix: str, is_upper: bool) -> None:
    assert is_automatic_subject(prefix + (subject.upper() if is_upper else subject.lower()))


@given(st.sampled_from(AUTOMATIC.strip("\n").split("\n")))
def test_in_the_middle_of_a_sentence_they_mean_nothing(subject: str) -> None:
    assert not is_automatic_subject("Вопрос по письму " + subject)


@given(st.text(max_size=500))
def test_any_subject_is_read(subject: str) -> None:
    assert is_automatic_subject(subject) in (True, False)


@pytest.mark.parametrize(
    "piece",
    ["Re: ", "[", "[a] ", "(", "в отпуске ", "Автоответ: ", "1", "я ", "-", "a-b-", "\u0301"],
)
def test_a_megabyte_of_anything_takes_no_time(piece: str) -> None:
    started = time.perf_counter()
    is_automatic_subject(piece * (1_000_000 // len(piece)))
    assert time.perf_counter() - started < 0.5
