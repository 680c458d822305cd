"""What customers answer by SMS: a stop in all its spellings, and everything that is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.stop_words import Wish, means_calls, wish_of

STOPS = """
СТОП
стоп
Стоп!
СТОП.
стоп...
«СТОП»
'стоп'
стоп)))
стоп пожалуйста
Стоп, спасибо
пожалуйста стоп
стоп стоп стоп
стоп рассылка
стоп смс
стоп спам
СТОП 79161234567
С Т О П
с.т.о.п.
С-Т-О-П
С Т О П пожалуйста
ст оп
СТТОООП
стопппп
CTOП
CTOP
СТ0П
SТОР
sтоp
ST0P
STOP
Stop please
stop it
stop all
STOPALL
ｓｔｏｐ
𝗦𝗧𝗢𝗣
ⓢⓣⓞⓟ
С̶Т̶О̶П̶
🛑СТОП🛑
СТОП 🙏🙏🙏
cnjg
CNJG
cnjg!
cnjg.
cnjg gj;fkeqcnf
c n j g
ыещз
ЫЕЩЗ
ыещз здуфыу
ОТПИСКА
отписка от рассылки
отписаться
Отписаться от рассылки
отписатся
Отпишите
Отпишите меня
отпишите меня пожалуйста от вашей рассылки
Прошу отписать меня от ваших рассылок
здравствуйте, отпишите меня от рассылки, спасибо
jngbcrf
jngbcfnmcz
jngbibnt vtyz
otpiska
Otpishite menya ot rassylki
otpisatsya
НЕТ
нет
Нет!
нет.
НЕТ!!!
Н Е Т
HET
нет спасибо
Нет, спасибо.
нет нет нет
Нет, не надо
не надо
не нужно
больше не надо
не надо больше
ytn
YTN
ytn cgfcb,j
net
net, spasibo
no
No, thanks
отмена
НЕ ПИШИТЕ
не пишите
Не пишите мне больше
не пишите больше никогда на этот номер пожалуйста
непишите
нет не пишите
ne pishite
nepishite mne
yt gbibnt
yt gbibnt!
НЕ ЗВОНИТЕ
не звоните
не звоните мне на этот номер
не звоните и не пишите
незвоните
ne zvonite
yt pdjybnt
не шлите спам
не присылайте мне сообщения
не присылайте больше рекламу
не беспокойте меня
не тревожьте
не хочу получать рекламу
UNSUBSCRIBE
unsubscribe me please
гтыгиыскшиу
CANCEL
END
QUIT
opt out
opt-out
REMOVE ME
ОТКАЗ
отказ от рассылки
Отказываюсь от рассылки
OTKA3
otkaz
ХВАТИТ
хватит уже
хватит спамить
хватит мне писать
hvatit
прекратите рассылку
удалите мой номер
удалите меня из рассылки
удалите меня из базы
уберите мой номер
отключите рассылку
отключить смс уведомления
СТОП СМС ОТ ЭНЕРГОСБЫТ
стоп смс от Томскэнергосбыта
Энергосбыт, стоп
отписаться от АтомЭнергоСбыт
stop sms from Energosbyt
cnjg cvc jn 'ythujc,sn
СТОП 1
стоп 12
Стоп1
STOP 12345
отписка 5
ок стоп
ok stop
Хорошо, стоп
стоп, ок
отпишитесь
Отпишитесь!
отпишитесь от меня
отпишитесь пожалуйста
отпишитесь от рассылки
отстаньте
Отвяжитесь от меня
оставьте меня в покое
я хочу отписаться
хочу отписаться от смс
Я отказываюсь от рассылки
стоп рассылке
остановите рассылку
отмените рассылку
отмена подписки
отменить подписку
снимите меня с рассылки
исключите мой номер из рассылки
отключите меня от рассылки
не надо мне звонить
не надо мне больше писать
не надо смс
смс не надо
спасибо, смс не нужны
не нужны ваши смс
не нужны мне ваши уведомления
не нужна реклама
не хочу больше получать смс
ne nado sms
стопсмс
stopsms
do not text me
don't text me please
leave me alone
no more sms
"""

QUESTIONS = """
нет света с утра
нет света
Нет, я уже оплатил
нет, оплатил вчера
нет воды и света
нет денег
нет долга
у меня нет долга
долга больше нет
больше нет
это не мой номер
нет это не мой номер
нет номера
нет номер
не могу оплатить, стоп-кран сломан
стоп-кран
стоп свет
стоп какой долг?
стоп, а почему так много?
отправьте СТОП
Для отписки отправьте СТОП
как отписаться?
отпишите мне
отпишите мне когда включат
Отпишите, когда дадут свет
не пишите что я должен, я оплатил
не пишите глупости
не звоните после 22
не звоните по ночам
не надо отключать свет
не нужно приезжать
хватит отключать свет
хватит ли 500 рублей?
отказ от счетчика
отказываюсь платить
я не отказываюсь
отмена отключения когда?
отключите счетчик
отключите свет
конец света
the end of debt
no light since morning
net sveta
net deneg
когда включат свет?
спасибо
Спасибо большое!
да
ок
хорошо
оплачено
оплатил
Я оплатила 15.11
кто это?
какой долг?
сколько я должна
перезвоните мне
пожалуйста
больше
все
мне
номер
здравствуйте
здравствуйте, какой у меня долг
12345
показания 10432
70001850005
?
!!!
...
🛑
👍
привет
вы мошенники
прекратите отключение электричества
прекратите безобразие
удалите начисление
удалите пени
уберите провод
не получается оплатить
не приходит квитанция
получать квитанцию по почте
хочу получать рекламу
ghbdtn
jgkfxtyj
rfrjq ljku
vfvf
мама
ужас
Cancel my debt
стоп 12.05
стоп 500 рублей
стоп 1 2 3
стоп 12 когда?
хватит 500
хватит 500?
end 15
отказ 5
да
ок, хватит
да, хватит
ок
энергосбыт
спасибо, энергосбыт
отказ от Энергосбыта
отключите энергоснабжение
отказ от энергоснабжения
стоп энергоснабжение
отписать 500
отпишитесь мне
отпишитесь на этот номер
отпишите на этот номер
отпишитесь когда дадут свет
отпишитесь сюда
не хочу отписаться
не хочу отписываться
не надо меня отписывать
не надо отписка
не нужно отписывать
не хочу
не хочу платить
мне это не нужно
не нужно номера
нет смс
нет сообщений
смс нет
no sms
не надо приезжать
не надо звонить в суд
не нужны мне ваши проблемы
остановите счетчик
отмените пени
отключите меня
отключите меня от сети
снимите показания
снимите меня с учета
исключите начисление
стоп, оставьте свет
хочу смс
я
end of month ok?
quit smoking
"""


@pytest.mark.parametrize("text", STOPS.strip().split("\n"))
def test_a_stop_is_understood_however_it_is_written(text: str) -> None:
    assert wish_of(text) is Wish.STOP


@pytest.mark.parametrize("text", ["", " ", "\n", "\u200b", "\x00", *QUESTIONS.strip().split("\n")])
def test_whatever_is_not_understood_to_the_last_word_is_for_staff(text: str) -> None:
    assert wish_of(text) is Wish.QUESTION


@pytest.mark.parametrize(
    ("text", "company", "wish"),
    [
        ("стоп Городские Сети", "Городские сети", Wish.STOP),
        ("Стоп от городских сетей", "Городские сети", Wish.QUESTION),
        ("СТОП СВЕТЛОГОРЭНЕРГО", "АО «Светлогорэнерго»", Wish.STOP),
        ("отписка от Тепловика", "Тепловик", Wish.STOP),
        ("стоп Светлогорэнерго", "Городские сети", Wish.QUESTION),
        ("отключите сети", "Городские сети", Wish.QUESTION),
        ("Городские сети", "Городские сети", Wish.QUESTION),
        ("нет, Городские сети", "Городские сети", Wish.QUESTION),
    ],
)
def test_our_own_name_beside_a_stop_changes_nothing(text: str, company: str, wish: Wish) -> None:
    assert wish_of(text, company) is wish


@pytest.mark.parametrize(
    "text",
    ["С\u200bТ\u200bО\u200bП", "\u202eстоп", "\ufeffстоп", "\tстоп\r\n", "стоп\xa0", "стоп\x00"],
)
def test_what_cannot_be_seen_does_not_hide_a_stop(text: str) -> None:
    assert wish_of(text) is Wish.STOP


@pytest.mark.parametrize(
    ("text", "said"),
    [("не звоните", True), ("yt pdjybnt", True), ("ne zvonite", True), ("стоп", False),
     ("не пишите", False), ("don't call me", True), ("стоп, не надо звонить", True),
     ("не звоните после 22", False)],
)  # fmt: skip
def test_who_says_do_not_call_means_calls(text: str, said: bool) -> None:
    assert means_calls(text) is said


def test_a_stop_within_a_long_message_is_for_staff() -> None:
    assert wish_of("стоп " * 30) is Wish.QUESTION
    assert wish_of("Я просил вас не писать мне, потому что " * 4 + "стоп") is Wish.QUESTION


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    assert wish_of(text) in Wish


@given(
    st.sampled_from(STOPS.strip().split("\n")),
    st.sampled_from(["!", "  ", "\n", " 🙏", "!!!", " \u200b"]),
    st.booleans(),
)
def test_case_and_dirt_around_a_stop_change_nothing(text: str, dirt: str, is_upper: bool) -> None:
    assert wish_of((text.upper() if is_upper else text.lower()) + dirt) is Wish.STOP


@given(st.text(alphabet="аоеинтсрвлкмдпуяыьгзбчйхжшюцщэфъ ", min_size=12, max_size=60))
def test_a_sentence_of_unknown_words_is_never_a_stop(text: str) -> None:
    assert wish_of(text + " абвгд") is Wish.QUESTION
